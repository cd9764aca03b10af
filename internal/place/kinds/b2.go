package kinds

import (
	"context"
	"path"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/b2"
)

// b2Kind is Backblaze's object storage.
var b2Kind = place.Kind{
	Scheme: "b2", Form: "b2:BUCKET:FOLDER",
	Stored: []place.Stored{{
		Kind: syncline.KindB2, AccountType: "backblazeB2Account", StorageType: "BackblazeB2",
		Title: "Backblaze B2", Help: "Backblaze's object storage, by its own protocol.", Example: "b2:bucket:folder",
		Methods: []place.Method{{
			Name: "applicationKey", Title: "Application key", Help: "An application key, or the account's master key.",
			UserName: place.Field{Name: place.UserName, Title: "Key ID", Help: "the ID of the application key, or that of the account with its master key", Required: true},
			Secrets: []place.Field{{
				Name: place.Password, Title: "Application key", Help: "the application key; one with the rights listFiles and readFiles in the bucket alone is best", Required: true,
			}},
		}},
	}},
	Variables: []string{"B2_ACCOUNT_ID", "B2_ACCOUNT_KEY"},
	Options:   map[string]place.Option{"connections": {Type: place.Number, Does: "most requests at once"}},
	Parse:     parseB2, Print: printB2, Identity: bucketIdentity,
	Open: func(ctx context.Context, p place.Place, n place.Network) (storage.Storage, error) {
		c, err := b2Config(p, n)
		if err != nil {
			return nil, err
		}
		st, err := b2.Open(ctx, c)
		if err != nil {
			return nil, err
		}
		return st, nil
	},
	Browse: func(ctx context.Context, p place.Place, n place.Network) (place.Browser, error) {
		c, err := b2Config(p, n)
		if err != nil {
			return nil, err
		}
		client, err := b2.Connect(ctx, c)
		if err != nil {
			return nil, err
		}
		return client, nil
	},
}

// parseB2 reads "BUCKET", or "BUCKET:FOLDER" with or without a slash before the folder.
func parseB2(rest string) (place.Place, error) {
	bucket, folder, _ := strings.Cut(rest, ":")
	if bucket == "" {
		return place.Place{}, invalid("the repository's address names no bucket; it must be like b2:BUCKET:FOLDER")
	}
	if err := b2.CheckBucket(bucket); err != nil {
		return place.Place{}, err
	}
	if folder != "" {
		folder = strings.TrimPrefix(path.Clean(folder), "/")
	}
	folder, err := cleanFolder(folder)
	return place.Place{Storage: syncline.ObjectStorage{Kind: syncline.KindB2, Bucket: bucket, Folder: folder}}, err
}

func printB2(p place.Place) string {
	if p.Storage.Folder == "" {
		return p.Storage.Bucket
	}
	return p.Storage.Bucket + ":" + p.Storage.Folder
}

func b2Config(p place.Place, n place.Network) (b2.Config, error) {
	s := p.Storage
	c := b2.Config{
		KeyID: p.Access.Account.UserName, Key: p.Access.Secrets[place.Password].Reveal(),
		Bucket: s.Bucket, Prefix: s.Folder, CA: n.CA, DenyPrivate: n.DenyPrivate, Client: n.Client,
	}
	if u := p.Access.User; u != nil {
		c.KeyID, c.Key = u.Getenv("B2_ACCOUNT_ID"), u.Getenv("B2_ACCOUNT_KEY")
		switch {
		case c.KeyID == "":
			return c, invalid("B2_ACCOUNT_ID is not set; it is the ID of the application key that opens the bucket")
		case c.Key == "":
			return c, invalid("B2_ACCOUNT_KEY is not set; it is the application key that opens the bucket")
		}
	}
	return c, nil
}
