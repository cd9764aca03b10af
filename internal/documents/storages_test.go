package documents_test

import (
	"path/filepath"
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
