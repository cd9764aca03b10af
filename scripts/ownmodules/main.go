// Command ownmodules copies a list of modules in CycloneDX's JSON from its input to its
// output, without the modules that its arguments name. A folder of Syncline's own stands in
// for each of them, so the program has none of their code.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

func main() {
	if err := filter(os.Stdin, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ownmodules:", err)
		os.Exit(1)
	}
}

// component is what a component of the list is known by.
type component struct {
	Name string `json:"name"`
	Ref  string `json:"bom-ref"`
}

// dependency is what a component needs.
type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// filter copies the list. Each of the modules must be in it.
func filter(from io.Reader, to io.Writer, own []string) error {
	var list map[string]json.RawMessage
	if err := json.NewDecoder(from).Decode(&list); err != nil {
		return err
	}
	var gone []string
	err := edit(list, "components", func(all []json.RawMessage) (kept []json.RawMessage, err error) {
		for _, one := range all {
			var c component
			if err := json.Unmarshal(one, &c); err != nil {
				return nil, err
			}
			if slices.Contains(own, c.Name) {
				gone = append(gone, c.Ref)
			} else {
				kept = append(kept, one)
			}
		}
		if len(gone) != len(own) {
			return nil, fmt.Errorf("%d of the modules %q are in the list", len(gone), own)
		}
		return kept, nil
	})
	if err != nil {
		return err
	}
	err = edit(list, "dependencies", func(all []dependency) ([]dependency, error) {
		isGone := func(ref string) bool { return slices.Contains(gone, ref) }
		for i := range all {
			all[i].DependsOn = slices.DeleteFunc(all[i].DependsOn, isGone)
		}
		return slices.DeleteFunc(all, func(d dependency) bool { return isGone(d.Ref) }), nil
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(to).Encode(list)
}

// edit changes one of the lists within the list.
func edit[T any](list map[string]json.RawMessage, name string, change func([]T) ([]T, error)) error {
	var all []T
	err := json.Unmarshal(list[name], &all)
	if err == nil {
		all, err = change(all)
	}
	if err == nil {
		list[name], err = json.Marshal(all)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
