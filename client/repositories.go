package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"syncline.dev/syncline"
)

// Repository is a restic repository that is attached to the server. Either Path
// or ObjectStorageID says where it lies.
type Repository struct {
	ID              syncline.ID `json:"id"`
	Name            string      `json:"name"`
	Description     string      `json:"description"`
	Path            string      `json:"path"` // absolute, on the server
	ObjectStorageID syncline.ID `json:"objectStorageId"`
	EncryptionKeyID syncline.ID `json:"encryptionKeyId"` // of its password
	ProxyID         syncline.ID `json:"proxyId"`         // of the node that serves it
	IsProxyBound    bool        `json:"isProxyBound"`    // no other node may serve it
	// IsOutOfSync says that the catalog is missing, damaged or known to be behind.
	IsOutOfSync bool `json:"isOutOfSync"`
	// CapacityBytes is the size of the file system that Path lies on, and
	// FreeSpaceBytes is what is free there; nil when it is not known.
	CapacityBytes  *int64 `json:"capacityBytes"`
	FreeSpaceBytes *int64 `json:"freeSpaceBytes"`
	// The retention is kept and deletes nothing.
	RetentionType         string `json:"retentionType"` // ItemLevel or SnapshotBased
	RetentionPeriodType   string `json:"retentionPeriodType"`
	YearlyRetentionPeriod string `json:"yearlyRetentionPeriod"`
	// CopyOf are the other attached repositories with the same id in their config,
	// oldest first: this one is a copy of them.
	CopyOf []syncline.ID `json:"copyOf"`
	// ManagedBy is the name of the file that declares it; "" for none. Only a Client
	// with this Manager changes and removes it.
	ManagedBy string `json:"managedBy"`
	// Synchronization says when the repository is checked by itself.
	Synchronization Synchronization `json:"synchronization"`
	// The last check: Success when the catalog has what lies there, Changed when a
	// session was needed for something new, Failed with the reason. Zero and "" before
	// the first one. NextCheckTime is zero when none is planned.
	LastCheckTime   time.Time `json:"lastCheckTime"`
	LastCheckResult string    `json:"lastCheckResult"`
	LastCheckError  string    `json:"lastCheckError"`
	NextCheckTime   time.Time `json:"nextCheckTime"`
	// Immutability is what the storage told about the removal of files; nil before the
	// first look, and for a repository in a folder.
	Immutability *Immutability `json:"immutability"`
}

// Immutability is what a storage told about the removal of a repository's files at the last
// look, which is at a sample of them.
type Immutability struct {
	CheckedTime time.Time `json:"checkedTime"`
	// State is Kept where a file of the sample has an end of retention or a legal hold,
	// NotKept where none has, and Unknown where the storage does not tell.
	State string             `json:"state"`
	Error string             `json:"error"` // why nothing is known; "" otherwise
	Until *ImmutabilityUntil `json:"until"` // nil where no file has an end
	Rule  string             `json:"rule"`  // for new files; "" for none
	// Sample is the files that were looked at. LegalHolds of them have a hold, and
	// Archived of them lie in an archive class, such as ArchiveClass.
	Sample       ImmutabilitySample `json:"sample"`
	LegalHolds   int                `json:"legalHolds"`
	Archived     int                `json:"archived"`
	ArchiveClass string             `json:"archiveClass"`
	Rights       string             `json:"rights"` // of the account: ReadOnly, MayChange or Unknown
}

// ImmutabilityUntil is the first and the last end of retention. One that has passed keeps
// nothing.
type ImmutabilityUntil struct {
	Oldest time.Time `json:"oldest"`
	Newest time.Time `json:"newest"`
}

// ImmutabilitySample counts the files that were looked at.
type ImmutabilitySample struct {
	Looked  int  `json:"looked"`
	Kept    int  `json:"kept"`    // with an end of retention
	IsWhole bool `json:"isWhole"` // the answer holds for all files
}

// Synchronization is a schedule of checks. Without Interval and Cron the server's
// interval holds.
type Synchronization struct {
	Enabled  bool   `json:"enabled"`
	Interval string `json:"interval,omitempty"` // as "15m", "1h30m" or "7d"
	Cron     string `json:"cron,omitempty"`     // five fields, in place of Interval
	TimeZone string `json:"timeZone,omitempty"` // of Cron, as "Europe/Berlin"; UTC when ""
}

// Repositories returns the attached repositories, oldest first.
func (c *Client) Repositories(ctx context.Context) ([]Repository, error) {
	return get[[]Repository](ctx, c, at("BackupRepositories"), nil)
}

// Repository returns one repository.
func (c *Client) Repository(ctx context.Context, id syncline.ID) (Repository, error) {
	return get[Repository](ctx, c, under("BackupRepositories", id), nil)
}

// NewRepository is a repository to be attached. Either Path or ObjectStorageID
// says where it lies.
type NewRepository struct {
	Name            string      `json:"name"` // that no other repository has
	Description     string      `json:"description,omitempty"`
	Path            string      `json:"path,omitempty"` // absolute, on the server
	ObjectStorageID syncline.ID `json:"objectStorageId,omitempty"`
	EncryptionKeyID syncline.ID `json:"encryptionKeyId"` // of its password
	// ProxyID is the node that alone serves it. Where it is "", that is the node that
	// answers for a folder, and any node for object storage.
	ProxyID syncline.ID `json:"proxyId,omitempty"`
	// RetentionType is ItemLevel or SnapshotBased, which stands for an empty
	// one. It is kept and deletes nothing.
	RetentionType string `json:"retentionType"`
	// Synchronization is the schedule of checks; nil for the server's interval.
	Synchronization *Synchronization `json:"synchronization,omitempty"`
}

// AttachRepository attaches a repository, which the server opens first.
func (c *Client) AttachRepository(ctx context.Context, r NewRepository) (Repository, error) {
	if r.RetentionType == "" {
		r.RetentionType = "SnapshotBased"
	}
	return fetch[Repository](ctx, c, call{method: http.MethodPost, path: at("BackupRepositories"), body: r})
}

// RepositoryChange is what is to change of a repository; nil and "" keep what
// is there.
type RepositoryChange struct {
	Name            string      `json:"name,omitempty"`
	Description     *string     `json:"description,omitempty"`
	Path            string      `json:"path,omitempty"`
	ObjectStorageID syncline.ID `json:"objectStorageId,omitempty"`
	EncryptionKeyID syncline.ID `json:"encryptionKeyId,omitempty"`
	ProxyID         syncline.ID `json:"proxyId,omitempty"` // the node that alone serves it
	IsProxyBound    *bool       `json:"isProxyBound,omitempty"`
	RetentionType   string      `json:"retentionType"`
	// Synchronization replaces the whole schedule of checks.
	Synchronization *Synchronization `json:"synchronization,omitempty"`
}

// ChangeRepository changes a repository.
func (c *Client) ChangeRepository(ctx context.Context, id syncline.ID, change RepositoryChange) error {
	if change.RetentionType == "" { // the one field that v6 wants every time
		r, err := c.Repository(ctx, id)
		if err != nil {
			return err
		}
		change.RetentionType = r.RetentionType
	}
	return c.perform(ctx, http.MethodPut, under("BackupRepositories", id), change)
}

// DetachRepository makes the server forget a repository, its catalog and its
// sessions. The backups stay as they are.
func (c *Client) DetachRepository(ctx context.Context, id syncline.ID) error {
	return c.perform(ctx, http.MethodDelete, under("BackupRepositories", id), nil)
}

// EncryptionKey is the password of a restic repository, without the password
// itself.
type EncryptionKey struct {
	ID          syncline.ID `json:"id"`
	Description string      `json:"description"`
	ManagedBy   string      `json:"managedBy"` // as that of a Repository
}

// EncryptionKeys returns the keys, oldest first, without the passwords.
func (c *Client) EncryptionKeys(ctx context.Context) ([]EncryptionKey, error) {
	return get[[]EncryptionKey](ctx, c, at("EncryptionKeys"), nil)
}

// EncryptionKey returns one key, without the password.
func (c *Client) EncryptionKey(ctx context.Context, id syncline.ID) (EncryptionKey, error) {
	return get[EncryptionKey](ctx, c, under("EncryptionKeys", id), nil)
}

// AddEncryptionKey stores the password of a restic repository.
func (c *Client) AddEncryptionKey(ctx context.Context, password, description string) (EncryptionKey, error) {
	return fetch[EncryptionKey](ctx, c, call{method: http.MethodPost, path: at("EncryptionKeys"), body: map[string]string{
		"password": password, "description": description,
	}})
}

// KeyChange is what is to change of a key; nil and "" keep what is there.
type KeyChange struct {
	Description *string `json:"description,omitempty"`
	NewPassword string  `json:"newPassword,omitempty"`
	// OldPassword, where it is given, must be the one that the key holds.
	OldPassword string `json:"oldPassword,omitempty"`
	// Force takes the new password also where a repository cannot be reached to try it.
	Force bool `json:"force,omitempty"`
}

// ChangeEncryptionKey changes a key. The server tries a new password first with every
// repository that uses the key.
func (c *Client) ChangeEncryptionKey(ctx context.Context, id syncline.ID, change KeyChange) error {
	return c.perform(ctx, http.MethodPut, under("EncryptionKeys", id), change)
}

// DeleteEncryptionKey deletes a key that no repository uses.
func (c *Client) DeleteEncryptionKey(ctx context.Context, id syncline.ID) error {
	return c.perform(ctx, http.MethodDelete, under("EncryptionKeys", id), nil)
}

// Instance is the installation that a server belongs to.
type Instance struct {
	InstallationID syncline.ID `json:"installationId"`
	Version        string      `json:"version"` // of Syncline
	// Warnings say what is wrong with the installation and what to do.
	Warnings []string `json:"warnings,omitempty"`
}

// Instance returns the id and the version of the installation.
func (c *Client) Instance(ctx context.Context) (Instance, error) {
	return get[Instance](ctx, c, at("ServiceInstance"), nil)
}

// set adds a parameter that is not "".
func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}
