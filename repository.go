package syncline

import "time"

// Repository is one restic repository that Syncline knows. Either Path is set,
// a local folder, or ObjectStorageID.
type Repository struct {
	ID              ID
	Name            string
	Description     string
	Path            string
	ObjectStorageID ID
	EncryptionKeyID ID
	Retention       Retention
	// OutOfSync is true while the catalog is missing, damaged or known to be
	// behind.
	OutOfSync bool
	CreatedAt time.Time
	// Catalog is what the last session that succeeded left; zero where none has,
	// or none that recorded it.
	Catalog CatalogMark
}

// CatalogMark names one state of a repository's catalog.
type CatalogMark struct {
	Catalog string // differs for one that was built anew; "" for none
	Changes uint64 // grows with every change
}

// Behind reports whether a catalog that is at m has less than one that was at
// recorded: it is another one, or an older state of it.
func (m CatalogMark) Behind(recorded CatalogMark) bool {
	return recorded.Catalog != "" && (m.Catalog != recorded.Catalog || m.Changes < recorded.Changes)
}

// Retention holds the v6 retention fields that are taken and given back. They
// delete nothing.
type Retention struct {
	Type         string // "ItemLevel" or "SnapshotBased"
	PeriodType   string // "" or "Yearly"
	YearlyPeriod string // "" or "Keep"
}

// EncryptionKey is the password of a restic repository. The password itself
// stays sealed in the store.
type EncryptionKey struct {
	ID          ID
	Description string
	CreatedAt   time.Time
}

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
