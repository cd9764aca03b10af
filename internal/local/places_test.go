package local

import (
	"testing"

	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content/contenttest"
)

// Places that were read ahead serve the catalog in which they were read, and no
// other.
func TestPlacesOfAnotherCatalog(t *testing.T) {
	mine, other := contenttest.Empty(t), contenttest.Empty(t)
	read := &places{}
	read.look(t.Context(), &cached{}, &ahead{cat: mine})
	first := read.locator
	if first == nil {
		t.Fatal("no places were read ahead")
	}
	use := func(cat *catalog.Catalog, same bool) {
		t.Helper()
		err := cat.View(t.Context(), func(v *catalog.View) error {
			got, err := read.locatorOf(t.Context(), v)
			if err == nil && (got == nil || (got == first) != same) {
				t.Errorf("the places read ahead: %v, want %v", got == first, same)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	use(mine, true)
	use(other, false)
	use(mine, false) // they were given up
}
