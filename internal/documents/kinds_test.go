package documents_test

import (
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/place/kinds"
)

// TestKindsAreNamed finds every kind of storage on the pages that list them all, with its
// options and, for a server, the names of its accounts' types, methods and fields.
func TestKindsAreNamed(t *testing.T) {
	pages := map[string]string{}
	for _, name := range []string{"README.md", "docs/storages.md", "docs/architecture.md", "docs/design/places.md"} {
		pages[name] = read(t, filepath.Join(root, filepath.FromSlash(name)))
	}
	named := func(page, name string) {
		t.Helper()
		if !strings.Contains(pages[page], name) {
			t.Errorf("%s does not name %s", page, name)
		}
	}
	for _, kind := range kinds.All()[1:] { // the first is that of folders
		named("README.md", "`"+kind.Scheme+":")
		named("docs/storages.md", "`"+kind.Scheme+":")
		for _, page := range []string{"docs/architecture.md", "docs/design/places.md"} {
			folder := kind.Scheme
			if kind.Scheme == "gs" && page == "docs/architecture.md" {
				folder = "gcs"
			}
			named(page, folder)
		}
		for name, option := range kind.Options {
			if option.Does != "" {
				named("docs/storages.md", "`"+kind.Scheme+"."+name+"`")
			}
		}
		for _, stored := range kind.Stored {
			named("docs/storages.md", "`"+stored.AccountType+"`")
			for _, method := range stored.Methods {
				if len(stored.Methods) > 1 {
					named("docs/storages.md", "`"+method.Name+"`")
				}
			}
			for _, field := range stored.Fields {
				named("docs/storages.md", "`"+field.Name+"`")
			}
		}
	}
}
