package kinds

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/gcs"
)

// gcsKind is Google's cloud storage.
var gcsKind = place.Kind{
	Scheme: "gs", Form: "gs:BUCKET:/FOLDER",
	Stored: []place.Stored{{
		Kind: syncline.KindGCS, AccountType: "googleCloudAccount", StorageType: "GoogleCloudStorage",
		Title: "Google Cloud Storage", Help: "Google's storage.",
		Methods: []place.Method{{
			Name: "keyFile", Title: "Key file", Help: "The JSON key file of a service account.",
			UserName: place.Field{Name: place.UserName, Title: "Service account", Help: "the service account's e-mail address, which is a label only", Required: true},
			Secrets: []place.Field{{
				Name: place.Password, Title: "Key file (its JSON text)", Help: "the JSON key file of a service account at Google, the whole file as one text",
				Required: true, Multiline: true, Check: checkKeyFile,
			}},
		}, machineOfGoogle},
		Check: ownAllowed("google"),
	}},
	Variables: []string{"GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_ACCESS_TOKEN"},
	Options:   map[string]place.Option{"connections": {Type: place.Number, Does: "most requests at once"}, "region": {}},
	Parse: func(rest string) (place.Place, error) {
		return parseContainer(syncline.KindGCS, "gs", "bucket", rest)
	},
	Print: printContainer, Identity: bucketIdentity,
	Hosts: place.Signs,
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

// checkKeyFile refuses what cannot be a key file. Users send parts of it.
func checkKeyFile(text string) error {
	var key struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal([]byte(text), &key); err != nil || key.Type != "service_account" {
		return errors.New("must be the JSON key file of a service account at Google, the whole file as one text")
	}
	return nil
}

func gcsConfig(p place.Place, n place.Network) gcs.Config {
	s := p.Storage
	c := gcs.Config{Endpoint: s.Endpoint, Bucket: s.Bucket, Prefix: s.Folder, CA: n.CA, DenyPrivate: n.DenyPrivate, Client: n.Client}
	u := p.Access.User
	if u == nil && p.Access.Account.Method == ownIdentity {
		c.UserCredentials, c.GuardToken, c.ActFor = true, true, p.Access.Account.Settings["serviceAccount"]
		return c
	}
	if u == nil {
		c.KeyFile, c.GuardToken = []byte(p.Access.Secrets[place.Password].Reveal()), true
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
