package syncline

import "time"

// StorageKind is a kind of object storage.
type StorageKind string

// The kinds of object storage.
const (
	KindS3           StorageKind = "s3"            // Amazon S3
	KindS3Compatible StorageKind = "s3-compatible" // another server that speaks S3's protocol
	KindAzure        StorageKind = "azure"         // Azure Blob Storage
	KindGCS          StorageKind = "gcs"           // Google Cloud Storage
)

// Account is the credentials for one cloud storage. The secret itself stays
// sealed in the store.
type Account struct {
	ID   ID
	Kind StorageKind
	// UserName is the access key's id, or the name of the storage account; at
	// Google, where the secret says it all, a name for people.
	UserName    string
	Description string
	Limits      Limits
	CreatedAt   time.Time
}

// Limits bound what all sessions and downloads together ask of an account.
type Limits struct {
	Connections    int   // most files read at once; 0 for the default
	BytesPerSecond int64 // most bytes read; 0 for no bound
}

// Cloud is a separate world of a vendor's, with addresses and accounts of its
// own.
type Cloud string

// The clouds. S3 has the first three, Azure all but CloudUSGovernment.
const (
	CloudGlobal       Cloud = "Global"
	CloudChina        Cloud = "China"
	CloudUSGovernment Cloud = "USGovernment" // Amazon's
	CloudGermany      Cloud = "Germany"      // Azure's
	CloudGovernment   Cloud = "Government"   // Azure's
)

// ObjectStorage is a folder in a bucket or container, with the account that
// opens it.
type ObjectStorage struct {
	ID          ID
	Name        string
	Description string
	Kind        StorageKind
	AccountID   ID
	// Cloud is Amazon's or Azure's; "" for other storage.
	Cloud Cloud
	// Endpoint is "host", "host:port" or a URL of these: of S3-compatible
	// storage, and of what is not reached under Azure's or Google's names.
	Endpoint string
	// Region is the bucket's; "" to ask the storage for it. Only S3 has any.
	Region string
	Bucket string // bucket or container
	// Folder has no slash at either end; "" for the bucket's root.
	Folder    string
	CreatedAt time.Time
}

// SamePlace reports whether two object storages are the same folder, opened
// by the same account.
func (s ObjectStorage) SamePlace(o ObjectStorage) bool {
	return s.Kind == o.Kind && s.AccountID == o.AccountID && s.Cloud == o.Cloud && s.Endpoint == o.Endpoint &&
		s.Region == o.Region && s.Bucket == o.Bucket && s.Folder == o.Folder
}
