package catalogtest

import (
	"context"
	"testing"

	"syncline.dev/syncline"
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

func TestMemoryDirectory(t *testing.T) {
	places := make(map[string]*MemoryDirectory)
	RunDirectory(t, func(t *testing.T, place string, onDamage func(syncline.ID)) catalog.Directory {
		d := NewMemoryDirectory(onDamage)
		if old := places[place]; old != nil {
			d.catalogs, d.damaged = old.catalogs, old.damaged
		}
		places[place] = d
		return d
	})
}

// raw returns the container without its guard.
func (m *Memory) raw() catalog.Container { return unguarded{m} }

type unguarded struct{ *Memory }

func (u unguarded) View(ctx context.Context, fn func(catalog.Reader) error) error {
	return u.view(ctx, fn)
}

func (u unguarded) Update(ctx context.Context, expected catalog.Head, fn func(catalog.Writer) error) error {
	return u.update(ctx, expected, fn)
}
