package catalogtest

import (
	"testing"

	"syncline.dev/syncline/internal/catalog"
)

func TestMemory(t *testing.T) {
	places := make(map[string]*Memory)
	Run(t, func(t *testing.T, place string) catalog.Container {
		if places[place] == nil {
			places[place] = NewMemory()
		}
		places[place] = places[place].Clone() // as when a file is opened again
		return places[place]
	})
}
