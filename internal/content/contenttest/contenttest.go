// Package contenttest opens real repositories for the tests of contents,
// archives and restores. It is for tests only.
package contenttest

import (
	"path/filepath"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

// Open opens the repository in a local folder.
func Open(t testing.TB, path, password string) *resticrepo.Repository {
	t.Helper()
	st, err := local.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	repo, err := resticrepo.Open(t.Context(), st, password)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// Catalog synchronizes an opened repository into a catalog that the test
// removes.
func Catalog(t testing.TB, repo *resticrepo.Repository) *catalog.Catalog {
	t.Helper()
	cat := Empty(t)
	Sync(t, cat, repo)
	return cat
}

// Sync synchronizes a catalog once more.
func Sync(t testing.TB, cat *catalog.Catalog, repo *resticrepo.Repository) {
	t.Helper()
	opened := place.Opened{Repository: repo, Counter: storage.NewCounter(nil)}
	if _, err := syncer.Run(t.Context(), syncer.Params{Opened: opened, Catalog: cat, Reporter: quiet{}}); err != nil {
		t.Fatal(err)
	}
}

// quiet is a syncer.Reporter.
type quiet struct{}

func (quiet) Progress(int, syncline.SessionStatistics) {}
func (quiet) Log(syncline.LogLevel, string)            {}
func (quiet) Behind()                                  {}

// Empty makes an empty catalog that the test removes.
func Empty(t testing.TB) *catalog.Catalog {
	t.Helper()
	box, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.catalog"))
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Open(t.Context(), box)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cat.Close() })
	return cat
}

// View runs fn with the catalog and its contents in repo.
func View(t testing.TB, cat *catalog.Catalog, repo *resticrepo.Repository, fn func(*catalog.View, *content.Source)) {
	t.Helper()
	err := cat.View(t.Context(), func(v *catalog.View) error {
		locator, err := content.NewLocator(t.Context(), v)
		if err == nil {
			fn(v, &content.Source{Repository: repo, Locator: locator})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// At returns repo read from its copy in another folder, and a counter of the
// requests.
func At(t testing.TB, repo *resticrepo.Repository, path string) (*resticrepo.Repository, *storage.Counter) {
	t.Helper()
	st, err := local.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	counter := storage.NewCounter(st)
	return repo.With(counter), counter
}
