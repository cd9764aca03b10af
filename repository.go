package syncline

import (
	"maps"
	"time"
)

// Repository is one attached restic repository. It lies in a local folder, Path, or in
// the object storage ObjectStorageID; one of the two is set.
type Repository struct {
	ID              ID
	Name            string
	Description     string
	Path            string
	ObjectStorageID ID
	EncryptionKeyID ID
	// NodeID is the node that alone serves the repository: the one that has the folder
	// at Path, or the one that was asked for. "" is for any node.
	NodeID    ID
	Retention Retention
	Schedule  Schedule
	// OutOfSync is true while the catalog is missing, damaged or known to be
	// behind.
	OutOfSync bool
	CreatedAt time.Time
	// Catalog is the state of the catalog after the last session that succeeded; zero
	// where no session has recorded one.
	Catalog CatalogMark
	// ResticID is the id in the repository's config, in hexadecimal; "" while it is not
	// known. Copies of a repository have the same one.
	ResticID string
	// ManagedBy is the name of the file that declares the repository; "" for none.
	ManagedBy string
}

// CatalogMark identifies one state of a repository's catalog.
type CatalogMark struct {
	Catalog string // differs for one that was built anew; "" for none
	Changes uint64 // grows with every change
}

// Behind reports whether m is the mark of another catalog than recorded, or of an older
// state of it.
func (m CatalogMark) Behind(recorded CatalogMark) bool {
	return recorded.Catalog != "" && (m.Catalog != recorded.Catalog || m.Changes < recorded.Changes)
}

// Retention holds v6's retention fields. The API takes them and gives them back, and
// they delete nothing.
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
	ManagedBy   string // as that of a Repository
}

// StorageKind is a kind of object storage.
type StorageKind string

// The kinds of object storage.
const (
	KindS3           StorageKind = "s3"            // Amazon S3
	KindS3Compatible StorageKind = "s3-compatible" // another server that speaks S3's protocol
	KindAzure        StorageKind = "azure"         // Azure Blob Storage
	KindGCS          StorageKind = "gcs"           // Google Cloud Storage
	KindREST         StorageKind = "rest"          // restic's rest-server and its like
	KindSFTP         StorageKind = "sftp"          // an SSH server with SFTP
	KindB2           StorageKind = "b2"            // Backblaze B2
	KindSwift        StorageKind = "swift"         // OpenStack Swift
	KindRclone       StorageKind = "rclone"        // a remote of an rclone on the server's machine
)

// Account is the credentials for one cloud storage. The secret itself stays
// sealed in the store.
type Account struct {
	ID   ID
	Kind StorageKind
	// UserName is the access key's id, or the name of the storage account in Azure. At
	// Google it is a name for people, because the secret names the account.
	UserName string
	// Method is the way of signing in, where the kind has several; "" for its first.
	Method string
	// Settings are the fields that only the kind and the method have, by name. None is
	// secret. Nil for none.
	Settings    map[string]string
	Description string
	Limits      Limits
	CreatedAt   time.Time
	ManagedBy   string // as that of a Repository
}

// Limits bound the use of an account by all sessions and downloads together.
type Limits struct {
	Connections    int   // most files read at once; 0 for the default
	BytesPerSecond int64 // most bytes read; 0 for no bound
}

// Cloud is a separate part of a vendor's storage, with addresses and accounts of its
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
	// Endpoint is "host", "host:port" or a URL. S3-compatible storage needs it, and so
	// does storage that is not reached under Azure's or Google's own names.
	Endpoint string
	// Region is the bucket's region; "" to ask the storage for it. Only S3 has regions.
	Region string
	Bucket string // bucket or container
	// Folder is "" for the bucket's root. It has no slash at either end, except where the
	// kind has absolute paths.
	Folder string
	// Settings are the fields that only the kind has, by name. Nil for none.
	Settings  map[string]string
	CreatedAt time.Time
	ManagedBy string // as that of a Repository
}

// SamePlace reports whether two object storages are the same folder, opened
// by the same account in the same way.
func (s ObjectStorage) SamePlace(o ObjectStorage) bool {
	return s.Kind == o.Kind && s.AccountID == o.AccountID && s.Cloud == o.Cloud && s.Endpoint == o.Endpoint &&
		s.Region == o.Region && s.Bucket == o.Bucket && s.Folder == o.Folder && maps.Equal(s.Settings, o.Settings)
}
