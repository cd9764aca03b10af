// Package store is the contract of the server's own state: repositories, encryption
// keys, accounts, object storages, users, refresh tokens, work and its logs, duties, checks,
// series of backups, alarms, their rules and notifications, and nodes. Catalogs are not
// in it. Package sqlite implements the contract, and every implementation passes the suite in package
// storetest.
//
// Errors are *syncline.Error: CodeNotFound for an unknown id, CodeConflict for a name
// or a state that forbids the call, CodeUnavailable when the database cannot be used.
// Every method is atomic, and durable when it returns. Oldest, newest and latest go by
// the order of insertion, which a clock that is set back does not change. Names
// compare as FoldName folds them.
package store

import (
	"context"
	"time"

	"syncline.dev/syncline"
)

// Repositories keeps the attached repositories.
type Repositories interface {
	// Repositories returns all of them, oldest first.
	Repositories(ctx context.Context) ([]syncline.Repository, error)
	Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error)
	// AddRepository fails with CodeConflict when the name (compared without
	// regard to letter case) is taken, and with CodeInvalid when it names a
	// key or an object storage that does not exist.
	AddRepository(ctx context.Context, r syncline.Repository) error
	// UpdateRepository replaces everything but id, OutOfSync, CreatedAt and
	// Catalog.
	UpdateRepository(ctx context.Context, r syncline.Repository) error
	SetOutOfSync(ctx context.Context, id syncline.ID, outOfSync bool) error
	// SetResticID records the id in the repository's config.
	SetResticID(ctx context.Context, id syncline.ID, resticID string) error
	// SetSynchronized records that the repository of a session is in sync, with this
	// catalog, and SetBehind that it is out of sync. CodeConflict says that another node
	// has taken the session since it had this epoch; then nothing changes.
	SetSynchronized(ctx context.Context, session syncline.ID, epoch int64, catalog syncline.CatalogMark) error
	SetBehind(ctx context.Context, session syncline.ID, epoch int64) error
	// DeleteRepository deletes the repository with its work and the logs. A long history
	// goes a part at a time first, so that nobody waits long. When the call is cut short
	// there, the repository is left with a shorter history.
	DeleteRepository(ctx context.Context, id syncline.ID) error
}

// Keys keeps the repositories' passwords, sealed by the caller.
type Keys interface {
	// Keys returns all of them, oldest first.
	Keys(ctx context.Context) ([]syncline.EncryptionKey, error)
	Key(ctx context.Context, id syncline.ID) (syncline.EncryptionKey, error)
	// SealedPassword returns what AddKey or UpdateKey was given last.
	SealedPassword(ctx context.Context, id syncline.ID) ([]byte, error)
	AddKey(ctx context.Context, k syncline.EncryptionKey, sealed []byte) error
	// UpdateKey replaces description and manager, and the sealed password unless it
	// is nil.
	UpdateKey(ctx context.Context, k syncline.EncryptionKey, sealed []byte) error
	// DeleteKey fails with CodeConflict while a repository uses the key; the
	// message names the repository.
	DeleteKey(ctx context.Context, id syncline.ID) error
}

// Accounts keeps the credentials for object storages, sealed by the caller.
type Accounts interface {
	// Accounts returns all of them, oldest first.
	Accounts(ctx context.Context) ([]syncline.Account, error)
	Account(ctx context.Context, id syncline.ID) (syncline.Account, error)
	// SealedSecret returns what AddAccount or UpdateAccount was given last.
	SealedSecret(ctx context.Context, id syncline.ID) ([]byte, error)
	AddAccount(ctx context.Context, a syncline.Account, sealed []byte) error
	// UpdateAccount replaces user name, description, limits and manager, and the
	// sealed secret unless it is nil.
	UpdateAccount(ctx context.Context, a syncline.Account, sealed []byte) error
	// DeleteAccount fails with CodeConflict while an object storage uses the
	// account; the message names the storage.
	DeleteAccount(ctx context.Context, id syncline.ID) error
}

// ObjectStorages keeps the places in object storage.
type ObjectStorages interface {
	// ObjectStorages returns all of them, oldest first.
	ObjectStorages(ctx context.Context) ([]syncline.ObjectStorage, error)
	ObjectStorage(ctx context.Context, id syncline.ID) (syncline.ObjectStorage, error)
	// AddObjectStorage fails with CodeConflict when the name (compared without
	// regard to letter case) is taken, and with CodeInvalid when it names an
	// account that does not exist.
	AddObjectStorage(ctx context.Context, s syncline.ObjectStorage) error
	// UpdateObjectStorage replaces everything but id and CreatedAt.
	UpdateObjectStorage(ctx context.Context, s syncline.ObjectStorage) error
	// DeleteObjectStorage fails with CodeConflict while a repository lies in
	// it; the message names the repository.
	DeleteObjectStorage(ctx context.Context, id syncline.ID) error
}

// Users keeps the users who may sign in. Names are compared without regard to case.
type Users interface {
	// Users returns all of them, by name.
	Users(ctx context.Context) ([]syncline.User, error)
	User(ctx context.Context, name string) (syncline.User, error)
	AddUser(ctx context.Context, u syncline.User) error
	// SetPasswordHash also ends all of the user's tokens.
	SetPasswordHash(ctx context.Context, name, hash string) error
	// UpdateUser replaces role, password hash and manager of the user with the name. An
	// empty role or hash keeps what there is. A new role or hash also ends all of the user's tokens. It refuses with CodeConflict
	// to take the role of the last administrator.
	UpdateUser(ctx context.Context, u syncline.User) error
	// DeleteUser also ends all of the user's tokens. It refuses with
	// CodeConflict to delete the last administrator.
	DeleteUser(ctx context.Context, name string) error
}

// Token is one issued token as the store keeps it: only its SHA-256.
type Token struct {
	Hash      [32]byte
	Family    syncline.ID // of all tokens that come from one sign-in
	UserName  string
	Refresh   bool // a refresh token; otherwise an access token
	ExpiresAt time.Time
}

// Tokens keeps issued tokens.
type Tokens interface {
	// AddTokens adds all of ts or none. An unknown user is CodeNotFound; a
	// family that has ended takes no more tokens (CodeUnauthenticated).
	AddTokens(ctx context.Context, ts ...Token) error
	// Token returns a live token: known, not expired at now, not used up, its
	// family not ended. Anything else is CodeUnauthenticated.
	Token(ctx context.Context, hash [32]byte, now time.Time) (Token, error)
	// UseRefreshToken marks a live refresh token as used, and returns the token to
	// exactly one caller. A second use ends the whole family and is CodeUnauthenticated.
	// That error comes with the token where the token is known.
	UseRefreshToken(ctx context.Context, hash [32]byte, now time.Time) (Token, error)
	EndFamily(ctx context.Context, family syncline.ID) error
	// FamilyUser returns the name of the user whose sign-in a family comes from. A
	// family that has ended, or is unknown, is CodeUnauthenticated.
	FamilyUser(ctx context.Context, family syncline.ID) (string, error)
	// DeleteExpired removes tokens that expired before now.
	DeleteExpired(ctx context.Context, now time.Time) error
}

// Managers keeps which file declares what.
type Managers interface {
	// Managers returns the names in ManagedBy of repositories, keys, accounts, object
	// storages, users and alarm rules, each once, in the order of the alphabet.
	Managers(ctx context.Context) ([]string, error)
	// Release empties ManagedBy of all that has the name there. CodeNotFound is for
	// nothing. Nothing else takes a record from its file: an update that has another name
	// there, or none, is CodeConflict.
	Release(ctx context.Context, name string) error
}

// Instance keeps this installation's identity.
type Instance interface {
	// InstallationID returns the same id for the life of the database.
	InstallationID(ctx context.Context) (syncline.ID, error)
	// KeyCheck returns the first bytes that any call has offered. They show whether two
	// nodes have the same key.
	KeyCheck(ctx context.Context, offered []byte) ([]byte, error)
}

// Store is the whole contract.
type Store interface {
	Repositories
	Keys
	Accounts
	AccountUses
	ObjectStorages
	Users
	Tokens
	Works
	Wakes
	Checks
	Immutabilities
	Duties
	Series
	Examinations
	AlarmRules
	Alarms
	AlarmEvents
	Managers
	Channels
	Deliveries
	Nodes
	Instance
	Close() error
}

// SealedSecret is a secret in the state, sealed by the caller and bound to the id of
// its record.
type SealedSecret struct {
	Table  string // that holds the record
	ID     syncline.ID
	Sealed []byte
}
