package sqlite

import (
	"testing"

	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

func TestContainer(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T, place string) catalog.Container {
		box, err := Open(t.Context(), place)
		if err != nil {
			t.Fatal(err)
		}
		return box
	})
}
