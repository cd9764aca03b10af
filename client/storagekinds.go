package client

import (
	"context"
	"net/http"

	"syncline.dev/syncline"
)

// StorageKind is a kind of object storage, with the fields of its accounts and places.
type StorageKind struct {
	Name        string `json:"name"`        // short, as files of declarations have it
	AccountType string `json:"accountType"` // the Type of an Account
	StorageType string `json:"storageType"` // the Type of an ObjectStorage
	Title       string `json:"title"`       // for people
	Help        string `json:"help"`
	// AddressExample is an Address of an ObjectStorage; "" where the kind has fields of its
	// own there.
	AddressExample string          `json:"addressExample"`
	IsExtension    bool            `json:"isExtension"` // the vendor's API lacks it
	HasBuckets     bool            `json:"hasBuckets"`  // its buckets can be listed
	Methods        []StorageMethod `json:"methods"`     // the usual one first
	Settings       []StorageField  `json:"settings"`    // of an ObjectStorage
}

// StorageMethod is a way of signing in to a kind of object storage.
type StorageMethod struct {
	Name     string         `json:"name"` // the Method of an Account
	Title    string         `json:"title"`
	Help     string         `json:"help"`
	UserName *StorageField  `json:"userName"` // nil where an account has none
	Settings []StorageField `json:"settings"` // of an Account
	Secrets  []StorageField `json:"secrets"`  // of a NewAccount
}

// StorageField is a text that a user gives.
type StorageField struct {
	Name        string   `json:"name"`
	Title       string   `json:"title"` // a label
	Help        string   `json:"help"`  // what to give
	Example     string   `json:"example"`
	IsRequired  bool     `json:"isRequired"`
	IsMultiline bool     `json:"isMultiline"`
	Choices     []string `json:"choices"` // the values that it takes; nil for any
}

// StorageKinds returns the kinds of object storage that the server knows.
func (c *Client) StorageKinds(ctx context.Context) ([]StorageKind, error) {
	return get[[]StorageKind](ctx, c, at("StorageKinds"), nil)
}

// AccountHasSecrets reports whether an account has all of these secrets, by name. An empty
// one stands for none.
func (c *Client) AccountHasSecrets(ctx context.Context, id syncline.ID, secrets map[string]string) (bool, error) {
	got, err := fetch[comparisonJSON](ctx, c, call{method: http.MethodPost, path: under("Accounts", id, "Compare"), body: secretsJSON{Secrets: secrets}})
	return got.IsSame, err
}

type secretsJSON struct {
	Password string            `json:"password,omitempty"`
	Secrets  map[string]string `json:"secrets"`
}
