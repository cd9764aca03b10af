// Package published knows the facts of the published descriptions of the API, one for each
// version, and holds answers against them. Tests import it, and the program does not.
package published

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Description is what a published description says of one version. scripts/contractfacts
// makes the table that it is read from, and describes it.
type Description struct {
	// Operations holds the facts of each operation by method and path, and then by kind and
	// name, like "answer 200".
	Operations map[string]map[string]Fact
	// Beyond names the operations outside the contract's cut of the description. Clients in
	// use need them, and their facts are those of the whole public description.
	Beyond map[string]bool
	// Types holds the properties of each type by its name. The fact of a type without
	// properties of its own has an empty name.
	Types map[string]map[string]Fact
}

// A Fact is one line of the table.
type Fact struct {
	Kind, Marks string
	Values      []string // of a closed enumeration, sorted
}

// Has reports whether the fact has a mark: required, nullable or readOnly.
func (f Fact) Has(mark string) bool { return slices.Contains(strings.Fields(f.Marks), mark) }

// Read reads the tables of a version from a folder: VERSION.tsv for the contract's cut and
// VERSION-beyond.tsv for what is outside it.
func Read(folder, version string) (*Description, error) {
	d := &Description{make(map[string]map[string]Fact), make(map[string]bool), make(map[string]map[string]Fact)}
	if err := d.read(filepath.Join(folder, version+".tsv")); err != nil {
		return nil, err
	}
	within := len(d.Operations)
	if within < 40 || len(d.Types) < 40 {
		return nil, fmt.Errorf("%s has %d operations and %d types", version, within, len(d.Types))
	}
	cut := maps.Clone(d.Operations)
	if err := d.read(filepath.Join(folder, version+"-beyond.tsv")); err != nil {
		return nil, err
	}
	for operation := range d.Operations {
		if cut[operation] == nil {
			d.Beyond[operation] = true
		}
	}
	return d, nil
}

// read adds the facts of a table. A fact that is known already is a failure.
func (d *Description) read(file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, line := range strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 6 {
			return fmt.Errorf("%s: %q has %d fields", file, line, len(f))
		}
		in, name := d.Operations, f[0]+" "+f[2]
		if f[0] == "property" || f[0] == "type" {
			in, name = d.Types, f[2]
		}
		if in[f[1]] == nil {
			in[f[1]] = make(map[string]Fact)
		}
		if _, known := in[f[1]][name]; known {
			return fmt.Errorf("%s: %q is told twice", file, line)
		}
		in[f[1]][name] = Fact{f[3], f[4], strings.Fields(f[5])}
	}
	return nil
}

// Find returns the operation that a request is for, as the description writes it. The path
// has neither the base path nor the query. It returns "" for a request that the description
// does not have.
func (d *Description) Find(method, path string) string {
	best, parameters := "", 0
	for name := range d.Operations {
		m, template, _ := strings.Cut(name, " ")
		if m != method {
			continue
		}
		if n, ok := fits(template, strings.TrimSuffix(path, "/")); ok && (best == "" || n < parameters) {
			best, parameters = name, n
		}
	}
	return best
}

// fits reports whether a path is one of a template, and counts the parameters in it.
func fits(template, path string) (parameters int, ok bool) {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return 0, false
	}
	for i := range want {
		switch {
		case strings.HasPrefix(want[i], "{") && got[i] != "":
			parameters++
		case !strings.EqualFold(want[i], got[i]):
			return 0, false
		}
	}
	return parameters, true
}

// Success returns the status with which an operation tells that all went well.
func (d *Description) Success(operation string) (status string) {
	for fact := range d.Operations[operation] {
		if name, ok := strings.CutPrefix(fact, "answer "); ok && strings.HasPrefix(name, "2") {
			status = name
		}
	}
	return status
}
