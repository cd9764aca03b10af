package sqlite

import (
	"path/filepath"
	"testing"

	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, place string) store.Store {
		s, err := Open(t.Context(), filepath.Join(place, "syncline.db"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
