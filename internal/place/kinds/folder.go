package kinds

import (
	"context"

	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
)

// folderKind is a folder of this machine.
var folderKind = place.Kind{
	Scheme: "local", Form: "a local folder",
	Options: map[string]place.Option{
		"connections": {Type: place.Number, Does: "most packs that are read at once"},
		"layout":      {},
	},
	Parse: func(path string) (place.Place, error) {
		if path == "" {
			return place.Place{}, invalid("the repository's address has no path after local:")
		}
		return place.Place{Path: path}, nil
	},
	Print: func(p place.Place) string { return p.Path },
	Open: func(ctx context.Context, p place.Place, _ place.Network) (storage.Storage, error) {
		st, err := local.Open(ctx, p.Path)
		if err != nil {
			return nil, err
		}
		return st, nil
	},
}
