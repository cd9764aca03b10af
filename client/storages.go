package client

import (
	"cmp"
	"context"
	"net/http"
	"net/url"

	"syncline.dev/syncline"
)

// The kinds of accounts that have constants here. StorageKinds tells them all.
const (
	AccountS3           = "amazonS3Account"
	AccountS3Compatible = "amazonS3CompatibleAccount"
	AccountAzure        = "azureBlobAccount"
	AccountGoogle       = "googleCloudAccount"
)

// Account is the credentials for object storage, without the secret.
type Account struct {
	ID          syncline.ID `json:"id"`
	Type        string      `json:"accountType"` // one of the kinds of accounts
	UserName    string      `json:"userName"`    // the access key's id, or the storage account's name
	Description string      `json:"description"`
	// Method is one of the kind's ways of signing in; "" for the first. Settings are the
	// fields of the method.
	Method   string            `json:"method"`
	Settings map[string]string `json:"settings"`
	// The limits bound what all sessions and downloads together ask of the account;
	// 0 for no limit of its own.
	MaxConnections   int   `json:"maxConnections"`
	LimitDownloadKBs int64 `json:"limitDownloadKBs"` // kilobytes a second
	// ManagedBy is that of a Repository.
	ManagedBy string `json:"managedBy"`
}

// ObjectStorage is a folder in a bucket or container, with the account that
// opens it. When it is added or changed, zero fields say nothing.
type ObjectStorage struct {
	ID          syncline.ID `json:"id,omitzero"` // the server chooses it
	Name        string      `json:"name,omitzero"`
	Description string      `json:"description,omitzero"`
	Type        string      `json:"type,omitzero"` // one of the kinds of storage; it does not change
	AccountID   syncline.ID `json:"accountId,omitzero"`

	// The bucket or container, and the folder in it, of the storage's own kind. An
	// empty folder is the root.
	S3Bucket           S3Bucket           `json:"amazonBucketS3Aws,omitzero"`
	S3CompatibleBucket S3CompatibleBucket `json:"amazonBucketS3Compatible,omitzero"`
	S3Folder           string             `json:"s3Folder,omitzero"` // of both kinds
	AzureContainer     AzureContainer     `json:"azureContainer,omitzero"`
	AzureFolder        string             `json:"azureFolder,omitzero"`
	GoogleBucket       GoogleBucket       `json:"googleBucket,omitzero"`
	GoogleFolder       string             `json:"googleFolder,omitzero"`
	// Address and Settings are the place in a kind of storage that has none of the fields
	// above. A setting that is left out keeps its value; an empty one is taken away.
	Address  string            `json:"address,omitzero"`
	Settings map[string]string `json:"settings,omitempty"`

	// UsedSpaceBytes is the size of the packs of all repositories that lie in it;
	// nil when it is not known. The server tells it and takes none.
	UsedSpaceBytes *int64 `json:"usedSpaceBytes,omitzero"`
	// ManagedBy is that of a Repository. The server tells it and takes none.
	ManagedBy string `json:"managedBy,omitzero"`
}

// The kinds of object storage that have constants here. StorageKinds tells them all.
const (
	StorageS3           = "AmazonS3"
	StorageS3Compatible = "AmazonS3Compatible"
	StorageAzure        = "AzureBlob"
	StorageGoogle       = "GoogleCloudStorage"
)

// S3Bucket is a bucket of Amazon S3.
type S3Bucket struct {
	Name       string `json:"name,omitzero"`
	RegionType string `json:"regionType,omitzero"` // "" for Global
	RegionID   string `json:"regionId,omitzero"`   // such as eu-central-1; "" to ask Amazon for it
}

// S3CompatibleBucket is a bucket of S3-compatible storage.
type S3CompatibleBucket struct {
	Name         string `json:"name,omitzero"`
	ServicePoint string `json:"servicePoint,omitzero"`   // host, host:port or URL
	RegionID     string `json:"customRegionId,omitzero"` // "" to ask the storage for it
}

// AzureContainer is a container of Azure Blob Storage.
type AzureContainer struct {
	Name       string `json:"name,omitzero"`
	RegionType string `json:"regionType,omitzero"` // "" for Global
	Endpoint   string `json:"endpoint,omitzero"`   // "" for Azure's own
}

// GoogleBucket is a bucket of Google Cloud Storage.
type GoogleBucket struct {
	Name     string `json:"name,omitzero"`
	Endpoint string `json:"endpoint,omitzero"` // "" for Google's own
}

// StorageFolder is a folder in a bucket or container.
type StorageFolder struct {
	Path string `json:"path"` // as an ObjectStorage takes it
	Name string `json:"name"`
}

// Accounts returns the accounts, oldest first.
func (c *Client) Accounts(ctx context.Context) ([]Account, error) {
	return get[[]Account](ctx, c, at("Accounts"), nil)
}

// Account returns one account.
func (c *Client) Account(ctx context.Context, id syncline.ID) (Account, error) {
	return get[Account](ctx, c, under("Accounts", id), nil)
}

// NewAccount is an account to be added.
type NewAccount struct {
	Type        string `json:"accountType"`        // one of the kinds of accounts
	UserName    string `json:"userName,omitempty"` // the access key's id, or the storage account's name
	Secret      string `json:"password,omitempty"` // the secret key, a shared access signature or a key file
	Description string `json:"description,omitempty"`
	// Method and Settings are those of an Account. Secrets are the method's, by name; the
	// one with the name "password" may be Secret.
	Method   string            `json:"method,omitempty"`
	Settings map[string]string `json:"settings,omitempty"`
	Secrets  map[string]string `json:"secrets,omitempty"`
	// The limits are those of an Account.
	MaxConnections   int   `json:"maxConnections,omitempty"`
	LimitDownloadKBs int64 `json:"limitDownloadKBs,omitempty"`
}

// AddAccount stores credentials for object storage.
func (c *Client) AddAccount(ctx context.Context, a NewAccount) (Account, error) {
	return fetch[Account](ctx, c, call{method: http.MethodPost, path: at("Accounts"), body: a})
}

// AccountChange is what is to change of an account; nil and "" keep what is
// there.
type AccountChange struct {
	UserName    string  `json:"userName,omitempty"`
	Secret      string  `json:"password,omitempty"`
	Description *string `json:"description,omitempty"`
	// Settings and Secrets that are left out are kept, and empty ones are taken away.
	// Another Method drops all of them.
	Method   string            `json:"method,omitempty"`
	Settings map[string]string `json:"settings,omitempty"`
	Secrets  map[string]string `json:"secrets,omitempty"`
	// The limits are those of an Account; 0 takes one away.
	MaxConnections   *int   `json:"maxConnections,omitempty"`
	LimitDownloadKBs *int64 `json:"limitDownloadKBs,omitempty"`
}

// ChangeAccount changes an account. The server tries it first with everything
// that uses it.
func (c *Client) ChangeAccount(ctx context.Context, id syncline.ID, change AccountChange) error {
	return c.perform(ctx, http.MethodPut, under("Accounts", id), change)
}

// DeleteAccount deletes an account that no object storage uses.
func (c *Client) DeleteAccount(ctx context.Context, id syncline.ID) error {
	return c.perform(ctx, http.MethodDelete, under("Accounts", id), nil)
}

const objectStorages = "objectstoragerepositories"

// ObjectStorages returns the object storages, oldest first.
func (c *Client) ObjectStorages(ctx context.Context) ([]ObjectStorage, error) {
	return get[[]ObjectStorage](ctx, c, at(objectStorages), nil)
}

// ObjectStorage returns one object storage.
func (c *Client) ObjectStorage(ctx context.Context, id syncline.ID) (ObjectStorage, error) {
	return get[ObjectStorage](ctx, c, under(objectStorages, id), nil)
}

// AddObjectStorage adds an object storage, in which the server reads first.
func (c *Client) AddObjectStorage(ctx context.Context, s ObjectStorage) (ObjectStorage, error) {
	return fetch[ObjectStorage](ctx, c, call{method: http.MethodPost, path: at(objectStorages), body: s})
}

// ChangeObjectStorage changes an object storage; zero fields keep what is there.
func (c *Client) ChangeObjectStorage(ctx context.Context, id syncline.ID, change ObjectStorage) error {
	return c.perform(ctx, http.MethodPut, under(objectStorages, id), change)
}

// ReplaceObjectStorage makes an object storage this one; zero fields are emptied, except
// that a setting that is left out keeps its value. Its type does not change.
func (c *Client) ReplaceObjectStorage(ctx context.Context, id syncline.ID, s ObjectStorage) error {
	body := map[string]any{"name": s.Name, "description": s.Description, "type": s.Type, "accountId": s.AccountID}
	if s.Settings != nil {
		body["settings"] = s.Settings
	}
	switch s.Type {
	case StorageS3:
		b := s.S3Bucket
		body["s3Folder"] = s.S3Folder
		body["amazonBucketS3Aws"] = map[string]any{"name": b.Name, "regionType": cmp.Or(b.RegionType, "Global"), "regionId": b.RegionID}
	case StorageAzure:
		b := s.AzureContainer
		body["azureFolder"] = s.AzureFolder
		body["azureContainer"] = map[string]any{"name": b.Name, "regionType": cmp.Or(b.RegionType, "Global"), "endpoint": b.Endpoint}
	case StorageGoogle:
		body["googleFolder"] = s.GoogleFolder
		body["googleBucket"] = map[string]any{"name": s.GoogleBucket.Name, "endpoint": s.GoogleBucket.Endpoint}
	case StorageS3Compatible:
		b := s.S3CompatibleBucket
		body["s3Folder"] = s.S3Folder
		body["amazonBucketS3Compatible"] = map[string]any{"name": b.Name, "servicePoint": b.ServicePoint, "customRegionId": b.RegionID}
	default:
		body["address"] = s.Address
	}
	return c.perform(ctx, http.MethodPut, under(objectStorages, id), body)
}

// RemoveObjectStorage makes the server forget an object storage in which no
// repository lies. Its objects stay.
func (c *Client) RemoveObjectStorage(ctx context.Context, id syncline.ID) error {
	return c.perform(ctx, http.MethodDelete, under(objectStorages, id), nil)
}

// S3CompatiblePlace is where S3-compatible storage is looked into.
type S3CompatiblePlace struct {
	AccountID    syncline.ID
	ServicePoint string // host, host:port or URL
	Region       string // "" to ask the storage
}

func (p S3CompatiblePlace) query() url.Values {
	q := url.Values{"accountId": {string(p.AccountID)}, "ServicePoint": {p.ServicePoint}}
	set(q, "CustomRegionId", p.Region)
	return q
}

// S3CompatibleBuckets returns the buckets that the account may see.
func (c *Client) S3CompatibleBuckets(ctx context.Context, p S3CompatiblePlace) ([]S3CompatibleBucket, error) {
	return get[[]S3CompatibleBucket](ctx, c, at("S3CompatibleResources", "buckets"), p.query())
}

// S3CompatibleFolders returns the folders in a folder of a bucket; parent is ""
// for the bucket itself.
func (c *Client) S3CompatibleFolders(ctx context.Context, p S3CompatiblePlace, bucket, parent string) ([]StorageFolder, error) {
	q := p.query()
	set(q, "Parent", parent)
	return get[[]StorageFolder](ctx, c, at("S3CompatibleResources", "buckets", bucket, "folders"), q)
}

// S3Place is where Amazon S3 is looked into.
type S3Place struct {
	AccountID  syncline.ID
	RegionType string // Global, USGovernment or China
}

func (p S3Place) query() url.Values {
	return url.Values{"accountId": {string(p.AccountID)}, "RegionType": {p.RegionType}}
}

// S3Buckets returns the buckets that the account may see.
func (c *Client) S3Buckets(ctx context.Context, p S3Place) ([]S3Bucket, error) {
	return get[[]S3Bucket](ctx, c, at("S3Resources", "buckets"), p.query())
}

// S3Folders returns the folders in a folder of a bucket; parent is "" for the
// bucket itself.
func (c *Client) S3Folders(ctx context.Context, p S3Place, bucket, parent string) ([]StorageFolder, error) {
	q := p.query()
	set(q, "Parent", parent)
	return get[[]StorageFolder](ctx, c, at("S3Resources", "buckets", bucket, "folders"), q)
}

// AzurePlace is where Azure Blob Storage is looked into.
type AzurePlace struct {
	AccountID  syncline.ID
	RegionType string // Global, Germany, China or Government
	Endpoint   string // "" for Azure's own
}

func (p AzurePlace) query() url.Values {
	q := url.Values{"accountId": {string(p.AccountID)}, "RegionType": {p.RegionType}}
	set(q, "Endpoint", p.Endpoint)
	return q
}

// AzureContainers returns the containers that the account may see.
func (c *Client) AzureContainers(ctx context.Context, p AzurePlace) ([]AzureContainer, error) {
	return get[[]AzureContainer](ctx, c, at("AzureResources", "containers"), p.query())
}

// AzureFolders returns the folders in a folder of a container; parent is "" for
// the container itself.
func (c *Client) AzureFolders(ctx context.Context, p AzurePlace, container, parent string) ([]StorageFolder, error) {
	q := p.query()
	set(q, "Parent", parent)
	return get[[]StorageFolder](ctx, c, at("AzureResources", "containers", container, "folders"), q)
}

// GooglePlace is where Google Cloud Storage is looked into.
type GooglePlace struct {
	AccountID syncline.ID
	Endpoint  string // "" for Google's own
}

func (p GooglePlace) query() url.Values {
	q := url.Values{"accountId": {string(p.AccountID)}}
	set(q, "Endpoint", p.Endpoint)
	return q
}

// GoogleBuckets returns the buckets that the account may see.
func (c *Client) GoogleBuckets(ctx context.Context, p GooglePlace) ([]GoogleBucket, error) {
	return get[[]GoogleBucket](ctx, c, at("GoogleResources", "buckets"), p.query())
}

// GoogleFolders returns the folders in a folder of a bucket; parent is "" for
// the bucket itself.
func (c *Client) GoogleFolders(ctx context.Context, p GooglePlace, bucket, parent string) ([]StorageFolder, error) {
	q := p.query()
	set(q, "Parent", parent)
	return get[[]StorageFolder](ctx, c, at("GoogleResources", "buckets", bucket, "folders"), q)
}
