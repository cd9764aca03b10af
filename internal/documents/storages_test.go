package documents_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/place/kinds"
)

// TestStoragesNamesEveryField looks in docs/storages.md for the name of each type,
// method, setting and secret, as the API takes them.
func TestStoragesNamesEveryField(t *testing.T) {
	page := read(t, filepath.Join(root, "docs/storages.md"))
	// row returns the line of the table in which a type stands in a cell of its own.
	row := func(name string) string {
		for line := range strings.Lines(page) {
			if strings.Contains(line, "| `"+name+"` |") {
				return line
			}
		}
		t.Errorf("docs/storages.md has no row of %s", name)
		return ""
	}
	names := 0
	named := func(where, title, line string) {
		names++
		if !strings.Contains(line, "`"+where+"`") {
			t.Errorf("docs/storages.md does not name %s of %s", where, title)
		}
	}
	for _, kind := range kinds.All() {
		for _, s := range kind.Stored {
			account, at := row(s.AccountType), row(s.StorageType)
			if s.AccountType == "amazonS3CompatibleAccount" { // which refers to the row before
				account += row("amazonS3Account")
			}
			for _, m := range s.Methods {
				named(m.Name, s.Title, account)
				for _, f := range append(append([]place.Field{}, m.Fields...), m.Secrets...) {
					named(f.Name, s.Title, account)
				}
			}
			for _, f := range s.Fields {
				named(f.Name, s.Title, at)
			}
		}
	}
	if names < 40 {
		t.Errorf("only %d names were looked for", names)
	}
}

// TestDeclareNamesFields looks for the settings and the secrets in the examples of
// docs/declare.md among those that some kind of storage has.
func TestDeclareNamesFields(t *testing.T) {
	fields := map[string][]string{}
	add := func(in string, all []place.Field) {
		for _, f := range all {
			fields[in] = append(fields[in], f.Name)
		}
	}
	for _, kind := range kinds.All() {
		for _, s := range kind.Stored {
			add("settings", s.Fields)
			for _, m := range s.Methods {
				add("settings", m.Fields)
				add("secrets", m.Secrets)
			}
		}
	}
	examples := regexp.MustCompile(`(settings|secrets): \{(\w+):`).FindAllStringSubmatch(read(t, filepath.Join(root, "docs/declare.md")), -1)
	if len(examples) == 0 {
		t.Error("docs/declare.md has no example of settings")
	}
	for _, m := range examples {
		if !slices.Contains(fields[m[1]], m[2]) {
			t.Errorf("docs/declare.md has %s.%s, which no kind of storage has", m[1], m[2])
		}
	}
}
