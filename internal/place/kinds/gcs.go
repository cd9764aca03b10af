package kinds

import (
	"context"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/gcs"
)

// gcsKind is Google's cloud storage.
var gcsKind = place.Kind{
	Scheme: "gs", Form: "gs:BUCKET:/FOLDER",
	Stored:    []syncline.StorageKind{syncline.KindGCS},
	Variables: []string{"GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_ACCESS_TOKEN"},
	Options:   map[string]place.Option{"connections": {Type: place.Number, Does: "most requests at once"}, "region": {}},
	Parse: func(rest string) (place.Place, error) {
		return parseContainer(syncline.KindGCS, "gs", "bucket", rest)
	},
	Print: printContainer,
	// An emulator has buckets of the same name.
	Key: func(u *place.User) string { return "\n" + u.Getenv("STORAGE_EMULATOR_HOST") },
	Open: func(ctx context.Context, p place.Place, n place.Network) (storage.Storage, error) {
		st, err := gcs.Open(ctx, gcsConfig(p, n))
		if err != nil {
			return nil, err
		}
		return st, nil
	},
	Browse: func(ctx context.Context, p place.Place, n place.Network) (place.Browser, error) {
		client, err := gcs.Connect(ctx, gcsConfig(p, n))
		if err != nil {
			return nil, err
		}
		return client, nil
	},
}

func gcsConfig(p place.Place, n place.Network) gcs.Config {
	s := p.Storage
	c := gcs.Config{Endpoint: s.Endpoint, Bucket: s.Bucket, Prefix: s.Folder, CA: n.CA, DenyPrivate: n.DenyPrivate, Client: n.Client}
	u := p.Access.User
	if u == nil {
		c.KeyFile, c.GuardToken = []byte(p.Access.Secret.Reveal()), true
		return c
	}
	c.AccessToken, c.UserCredentials = u.Getenv("GOOGLE_ACCESS_TOKEN"), true
	if host := u.Getenv("STORAGE_EMULATOR_HOST"); host != "" {
		c.UserCredentials, c.Anonymous = false, true
		c.Endpoint = host
		if !strings.Contains(host, "://") {
			c.Endpoint = "http://" + host
		}
	}
	return c
}
