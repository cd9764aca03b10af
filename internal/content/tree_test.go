package content_test

import (
	"context"
	"errors"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/content/contenttest"
)

// away is a catalog that cannot be read a number of times.
type away struct {
	cat   *catalog.Catalog
	times int
	err   error
}

func (a *away) Use(_ context.Context, _ syncline.ID, fn func(*catalog.Catalog) error) error {
	if a.times--; a.times >= 0 {
		return a.err
	}
	return fn(a.cat)
}

// A patient step waits for the catalog, and only for a catalog that will be there.
func TestPatientTree(t *testing.T) {
	gone, broken := syncline.Errorf(syncline.CodeUnavailable, "away"), syncline.Errorf(syncline.CodeDamaged, "broken")
	cat := contenttest.Empty(t)
	look := func(a *away, patient bool, fn func(*catalog.View) error) error {
		tree := (&content.Service{Catalogs: a}).Tree(syncline.RestorePoint{})
		if patient {
			tree = tree.Patient()
		}
		return tree.View(t.Context(), fn)
	}
	ran := 0
	run := func(*catalog.View) error { ran++; return nil }
	if err := look(&away{cat, 3, gone}, true, run); err != nil || ran != 1 {
		t.Errorf("ran %d times, %v", ran, err)
	}
	if err := look(&away{cat, 1, gone}, false, run); !errors.Is(err, gone) {
		t.Errorf("without patience: %v", err)
	}
	if err := look(&away{cat, 1, broken}, true, run); !errors.Is(err, broken) {
		t.Errorf("a damaged catalog: %v", err)
	}
	begun := 0
	err := look(&away{cat, 0, nil}, true, func(*catalog.View) error { begun++; return gone })
	if !errors.Is(err, gone) || begun != 1 {
		t.Errorf("a step that had begun ran %d times, %v", begun, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tree := (&content.Service{Catalogs: &away{cat, 100, gone}}).Tree(syncline.RestorePoint{}).Patient()
	if err := tree.View(ctx, run); !errors.Is(err, context.Canceled) {
		t.Errorf("a request that has ended: %v", err)
	}
}
