// Package store is the contract of what the server itself knows: repositories,
// encryption keys, accounts and object storages, users and their refresh tokens,
// sessions, restore jobs and their logs. Catalogs are not in it. SQLite
// implements it now (package sqlite), and every implementation passes the suite
// in package storetest.
//
// Errors are *syncline.Error: CodeNotFound for an unknown id, CodeConflict for
// a name or state that forbids the call, CodeUnavailable when the database
// cannot be used. Every method is atomic and durable when it returns. Oldest,
// newest and latest go by the order in which things were added, which a clock
// that is set back does not change; names compare as FoldName folds them.
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
	// SetSynchronized records that the repository is in sync, with this catalog.
	SetSynchronized(ctx context.Context, id syncline.ID, catalog syncline.CatalogMark) error
	// DeleteRepository deletes it with its sessions and restore jobs, and their logs.
	// What has much of these loses them a part at a time first, so that nobody waits;
	// when that is cut short, the repository is left with a shorter history.
	DeleteRepository(ctx context.Context, id syncline.ID) error
}

// Keys keeps the repositories' passwords, sealed by the caller.
type Keys interface {
	// Keys returns all of them, oldest first.
	Keys(ctx context.Context) ([]syncline.EncryptionKey, error)
	Key(ctx context.Context, id syncline.ID) (syncline.EncryptionKey, error)
	// SealedPassword returns what AddKey was given.
	SealedPassword(ctx context.Context, id syncline.ID) ([]byte, error)
	AddKey(ctx context.Context, k syncline.EncryptionKey, sealed []byte) error
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
	// UpdateAccount replaces user name, description and limits, and the sealed
	// secret unless it is nil.
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

// Users keeps who may sign in. Names are compared without regard to case.
type Users interface {
	// Users returns all of them, by name.
	Users(ctx context.Context) ([]syncline.User, error)
	User(ctx context.Context, name string) (syncline.User, error)
	AddUser(ctx context.Context, u syncline.User) error
	// SetPasswordHash also ends all of the user's tokens.
	SetPasswordHash(ctx context.Context, name, hash string) error
	// DeleteUser also ends all of the user's tokens. It refuses with
	// CodeConflict to delete the last administrator.
	DeleteUser(ctx context.Context, name string) error
}

// Token is one issued token as the store keeps it: only its SHA-256.
type Token struct {
	Hash      [32]byte
	Family    syncline.ID // all tokens that descend from one sign-in
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
	// UseRefreshToken marks a live refresh token as used, once: it returns it
	// to exactly one caller. A second use ends the whole family and is
	// CodeUnauthenticated. Where that is said of a refresh token that is known,
	// it comes with the token.
	UseRefreshToken(ctx context.Context, hash [32]byte, now time.Time) (Token, error)
	EndFamily(ctx context.Context, family syncline.ID) error
	// FamilyUser returns the name of the user whose sign-in a family comes from.
	// One that has ended, or is unknown, is CodeUnauthenticated.
	FamilyUser(ctx context.Context, family syncline.ID) (string, error)
	// DeleteExpired removes tokens that expired before now.
	DeleteExpired(ctx context.Context, now time.Time) error
}

// Sessions keeps synchronization sessions and their logs.
type Sessions interface {
	// StartSession adds s, queued, unless a session of its repository has not
	// ended: then it returns that one and false. Two callers at once get one
	// session. CodeNotFound when the repository is unknown.
	StartSession(ctx context.Context, s syncline.Session) (syncline.Session, bool, error)
	Session(ctx context.Context, id syncline.ID) (syncline.Session, error)
	// LatestSessions returns for every repository its unended session, or else
	// its latest, newest first by CreatedAt.
	LatestSessions(ctx context.Context) ([]syncline.Session, error)
	// RepositorySessions returns one page of a repository's sessions, newest
	// first, and how many there are in all.
	RepositorySessions(ctx context.Context, repo syncline.ID, limit, offset int) ([]syncline.Session, int, error)
	// UnendedSessions returns those queued or running, oldest first.
	UnendedSessions(ctx context.Context) ([]syncline.Session, error)
	// UpdateSession writes state, progress, error, times and statistics. It
	// never lowers the progress, never leaves a final state (CodeConflict) and
	// does not touch StopRequested.
	UpdateSession(ctx context.Context, s syncline.Session) error
	// RequestStop sets StopRequested on an unended session and returns the
	// session; on an ended one it changes nothing.
	RequestStop(ctx context.Context, id syncline.ID) (syncline.Session, error)
	// AppendLog adds items to the session's log and numbers them.
	AppendLog(ctx context.Context, session syncline.ID, items ...syncline.LogItem) error
	// Log returns one page of a session's log, and how many items there are in all.
	Log(ctx context.Context, session syncline.ID, limit, offset int) ([]syncline.LogItem, int, error)
}

// RestoreJobs keeps restores on the server and their logs.
type RestoreJobs interface {
	// AddRestoreJob adds a job, queued: of j it takes all but state, progress,
	// error, statistics and the times behind CreatedAt. CodeNotFound when the
	// repository is unknown.
	AddRestoreJob(ctx context.Context, j syncline.RestoreJob) error
	RestoreJob(ctx context.Context, id syncline.ID) (syncline.RestoreJob, error)
	// RestoreJobs returns one page of the jobs that a user started, of all where
	// startedBy is empty, newest first.
	RestoreJobs(ctx context.Context, startedBy string, limit, offset int) ([]syncline.RestoreJob, error)
	// UnendedRestoreJobs returns those queued or running, oldest first.
	UnendedRestoreJobs(ctx context.Context) ([]syncline.RestoreJob, error)
	// UpdateRestoreJob writes state, progress, error, times and statistics. It
	// never lowers the progress, never leaves a final state (CodeConflict) and
	// does not touch StopRequested.
	UpdateRestoreJob(ctx context.Context, j syncline.RestoreJob) error
	// RequestRestoreStop sets StopRequested on an unended job and returns the
	// job; on an ended one it changes nothing.
	RequestRestoreStop(ctx context.Context, id syncline.ID) (syncline.RestoreJob, error)
	// AppendRestoreLog adds items to the job's log and numbers them.
	AppendRestoreLog(ctx context.Context, job syncline.ID, items ...syncline.LogItem) error
	// RestoreLog returns one page of a job's log, and how many items there are in all.
	RestoreLog(ctx context.Context, job syncline.ID, limit, offset int) ([]syncline.LogItem, int, error)
}

// Keep says how much of the histories is kept. Zero is for no bound.
type Keep struct {
	Sessions int       // newest ones of each repository
	Jobs     int       // newest restore jobs of all repositories together
	Since    time.Time // those that were added before go, whatever their number
}

// Histories are thinned out a little at a time, so that nobody waits for it.
type Histories interface {
	// Thin removes some of the sessions and restore jobs that are not to be kept,
	// with their logs, and reports whether there are more. A repository's latest
	// session stays, and so does everything that has not ended.
	Thin(ctx context.Context, keep Keep) (more bool, err error)
}

// Instance keeps this installation's identity.
type Instance interface {
	// InstallationID returns the same id for the life of the database.
	InstallationID(ctx context.Context) (syncline.ID, error)
}

// Store is the whole contract.
type Store interface {
	Repositories
	Keys
	Accounts
	ObjectStorages
	Users
	Tokens
	Sessions
	RestoreJobs
	Histories
	Instance
	Close() error
}
