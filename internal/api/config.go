package api

import (
	"context"
	"log/slog"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/gate"
	"syncline.dev/syncline/internal/place"
)

// Grant is what a successful sign-in gives.
type Grant struct {
	AccessToken  string
	RefreshToken string
	UserName     string
	IssuedAt     time.Time
	ExpiresAt    time.Time // of the access token
}

// Identity is whom an access token belongs to.
type Identity struct {
	UserName string
	Role     syncline.Role
	SignIn   syncline.ID // which all tokens of one sign-in share
}

// Authenticator issues tokens and tells whose they are. Errors are
// CodeUnauthenticated for wrong credentials or tokens and CodeThrottled after
// too many failures; auth.RetryAfter tells for how long.
type Authenticator interface {
	SignIn(ctx context.Context, user, password, remoteAddr string) (Grant, error)
	Refresh(ctx context.Context, refreshToken, remoteAddr string) (Grant, error)
	Authenticate(ctx context.Context, accessToken string) (Identity, error)
	// Continue returns who it is now that signed in as i, however old the token
	// is; CodeUnauthenticated when the sign-in has ended.
	Continue(ctx context.Context, i Identity) (Identity, error)
	// SignOut ends every token that descends from the same sign-in as this
	// access or refresh token.
	SignOut(ctx context.Context, token string) error
}

// Repositories keeps the attached repositories. The contract of the methods is
// that of store.Repositories.
type Repositories interface {
	Repositories(ctx context.Context) ([]syncline.Repository, error)
	Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error)
	AddRepository(ctx context.Context, r syncline.Repository) error
	UpdateRepository(ctx context.Context, r syncline.Repository) error
	SetOutOfSync(ctx context.Context, id syncline.ID, outOfSync bool) error
	DeleteRepository(ctx context.Context, id syncline.ID) error
}

// Keys keeps the repositories' passwords, sealed. The contract of the methods
// is that of store.Keys.
type Keys interface {
	Keys(ctx context.Context) ([]syncline.EncryptionKey, error)
	Key(ctx context.Context, id syncline.ID) (syncline.EncryptionKey, error)
	SealedPassword(ctx context.Context, id syncline.ID) ([]byte, error)
	AddKey(ctx context.Context, k syncline.EncryptionKey, sealed []byte) error
	DeleteKey(ctx context.Context, id syncline.ID) error
}

// Accounts keeps the credentials for object storage, sealed. The contract of
// the methods is that of store.Accounts.
type Accounts interface {
	Accounts(ctx context.Context) ([]syncline.Account, error)
	Account(ctx context.Context, id syncline.ID) (syncline.Account, error)
	SealedSecret(ctx context.Context, id syncline.ID) ([]byte, error)
	AddAccount(ctx context.Context, a syncline.Account, sealed []byte) error
	UpdateAccount(ctx context.Context, a syncline.Account, sealed []byte) error
	DeleteAccount(ctx context.Context, id syncline.ID) error
}

// ObjectStorages keeps the places in object storage. The contract of the
// methods is that of store.ObjectStorages.
type ObjectStorages interface {
	ObjectStorages(ctx context.Context) ([]syncline.ObjectStorage, error)
	ObjectStorage(ctx context.Context, id syncline.ID) (syncline.ObjectStorage, error)
	AddObjectStorage(ctx context.Context, s syncline.ObjectStorage) error
	UpdateObjectStorage(ctx context.Context, s syncline.ObjectStorage) error
	DeleteObjectStorage(ctx context.Context, id syncline.ID) error
}

// Places reaches object storage. Errors are CodeForbidden where it refuses the
// credentials or a right is missing, CodeNoRepository for a missing bucket,
// CodeInvalid, CodeUnavailable or CodeTooLarge; their messages hold no secret.
type Places interface {
	// Try lists and reads in the place's folder, whatever lies there.
	Try(ctx context.Context, at place.Place) error
	// Buckets returns the names of the buckets that the account may see.
	Buckets(ctx context.Context, at place.Place) ([]string, error)
	// HasBucket reports whether the place's bucket is there.
	HasBucket(ctx context.Context, at place.Place) (bool, error)
	// Folders returns the names of the folders in the place's folder.
	Folders(ctx context.Context, at place.Place) ([]string, error)
}

// Sessions reads synchronization sessions. The contract of the methods is that
// of store.Sessions.
type Sessions interface {
	Session(ctx context.Context, id syncline.ID) (syncline.Session, error)
	LatestSessions(ctx context.Context) ([]syncline.Session, error)
	RepositorySessions(ctx context.Context, repo syncline.ID, limit, offset int) ([]syncline.Session, int, error)
	Log(ctx context.Context, session syncline.ID, limit, offset int) ([]syncline.LogItem, int, error)
}

// Nodes tells of the nodes of this installation.
type Nodes interface {
	Nodes(ctx context.Context) ([]syncline.Node, error)
	// Rescan takes the state of a node anew; CodeNotFound for an unknown one.
	Rescan(ctx context.Context, id syncline.ID) error
}

// Instance tells this installation's id.
type Instance interface {
	InstallationID(ctx context.Context) (syncline.ID, error)
}

// Sealer seals secrets for the store. The id is that of the encryption key or
// account: what was sealed for one does not open for another.
type Sealer interface {
	Seal(id syncline.ID, secret []byte) ([]byte, error)
	Open(id syncline.ID, sealed []byte) ([]byte, error)
}

// Synchronizer runs sessions.
type Synchronizer interface {
	// Start starts a session, or returns the repository's unended one.
	Start(ctx context.Context, repository syncline.ID) (syncline.Session, error)
	// Stop returns when the stop is recorded. An ended session is no error.
	Stop(ctx context.Context, session syncline.ID) error
	// Watch returns a channel of capacity one that gets a signal at every
	// change of the session, and a function that ends the watch. Signals that
	// are not taken are dropped, never waited for.
	Watch(session syncline.ID) (<-chan struct{}, func())
	// Forget ends the repository's session, deletes its catalog and calls
	// remove, which deletes the repository. No session of it starts meanwhile:
	// Start returns CodeConflict.
	Forget(ctx context.Context, repository syncline.ID, remove func(context.Context) error) error
	// Check opens the repository at a place. Errors are CodeWrongPassword,
	// CodeNoRepository, CodeUnsupported, CodeDamaged, CodeUnavailable, and those
	// of Places; their messages say what was found, without a local path.
	Check(ctx context.Context, at place.Place, password string) error
}

// RestorePoints reads the snapshots in the catalogs.
type RestorePoints interface {
	// List returns the visible restore points of the repositories, in any
	// order. Of several repositories, those whose catalog cannot be answered from
	// are left out and named; of one, that is an error, CodeConflict or CodeDamaged.
	List(ctx context.Context, repositories []syncline.Repository) (points []syncline.RestorePoint, leftOut []syncline.ID, err error)
	// Get fails with CodeNotFound for an id that no repository has, and with
	// CodeConflict while the catalog of one that may have it cannot be read.
	Get(ctx context.Context, id syncline.ID) (syncline.RestorePoint, error)
	// Hidden returns the snapshots of a repository that are there and cannot be
	// shown.
	Hidden(ctx context.Context, repository syncline.ID) ([]syncline.HiddenSnapshot, error)
}

// Explorer reads what is in restore points. Errors are CodeNotFound for what is
// not there, CodeInvalid for a path or cursor that cannot be, CodeTooLarge.
type Explorer interface {
	Entries(ctx context.Context, point syncline.ID, q explore.EntriesQuery) (explore.EntryPage, error)
	// Entry returns one entry, and a text that is the same for the same content.
	Entry(ctx context.Context, point syncline.ID, path string) (syncline.Entry, string, error)
	Differences(ctx context.Context, point syncline.ID, q explore.DifferencesQuery) (explore.DifferencePage, error)
	DifferenceSummary(ctx context.Context, point, with syncline.ID, path string) (explore.DifferenceSummary, error)
	DifferenceStatistics(ctx context.Context, point, with syncline.ID, path string) (explore.DifferenceStatistics, error)
}

// Histories follows paths through the restore points of a repository. Errors
// are those of Explorer, and CodeConflict for a cursor that is out of date.
type Histories interface {
	History(ctx context.Context, repository syncline.ID, q explore.HistoryQuery) (explore.VersionPage, error)
}

// Searcher finds entries by name in the catalogs of several repositories.
// Errors are CodeInvalid for a pattern, folder or cursor that cannot be.
type Searcher interface {
	Search(ctx context.Context, repositories []syncline.Repository, q explore.SearchQuery) (explore.SearchPage, error)
}

// Statistics tells sizes. Errors are those of Explorer, and CodeDamaged for a
// catalog that is to be rebuilt.
type Statistics interface {
	Repository(ctx context.Context, id syncline.ID) (explore.RepositoryStatistics, error)
	RestorePoint(ctx context.Context, id syncline.ID) (explore.RestorePointStatistics, error)
	// Count counts in one of restic's ways; points is nil for all.
	Count(ctx context.Context, repository syncline.ID, points []syncline.ID, mode explore.CountMode) (explore.Counts, error)
	FolderSizes(ctx context.Context, point syncline.ID, q explore.FolderSizesQuery) (explore.FolderSize, error)
}

// Config is what NewHandler needs. The fields up to Version are
// required.
type Config struct {
	Auth           Authenticator
	Repositories   Repositories
	Keys           Keys
	Accounts       Accounts
	ObjectStorages ObjectStorages
	Places         Places
	Sessions       Sessions
	Instance       Instance
	Nodes          Nodes
	Sealer         Sealer
	Synchronizer   Synchronizer
	RestorePoints  RestorePoints
	Explorer       Explorer
	Histories      Histories
	Searcher       Searcher
	Statistics     Statistics
	Contents       Contents
	RestoreJobs    RestoreJobs
	Restorer       Restorer
	Archives       Archives
	Logger         *slog.Logger
	Version        string // of the program, as ServiceInstance tells it

	// Gate bounds what clients hold; one with the default limits when nil. The
	// Server needs the same.
	Gate *gate.Gate
	// Console serves the pages for people; none when nil.
	Console Console
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Heartbeat is the time between two comments on an idle event stream; 15
	// seconds when zero.
	Heartbeat time.Duration
	// WriteTimeout bounds how long a client may take to read one answer, one
	// event of a stream, or 64 KiB of a download; 30 seconds when zero.
	WriteTimeout time.Duration
	// QuestionTime bounds a question that goes through whole trees; 2 minutes when
	// zero.
	QuestionTime time.Duration
	// StrictTransport adds the header that makes browsers insist on HTTPS. It
	// is for certificates that browsers trust: with a self-signed one it would
	// lock people out.
	StrictTransport bool
}

func (c Config) missing() string {
	for _, f := range []struct {
		name   string
		absent bool
	}{
		{"Auth", c.Auth == nil},
		{"Repositories", c.Repositories == nil},
		{"Keys", c.Keys == nil},
		{"Accounts", c.Accounts == nil},
		{"ObjectStorages", c.ObjectStorages == nil},
		{"Places", c.Places == nil},
		{"Sessions", c.Sessions == nil},
		{"Instance", c.Instance == nil},
		{"Nodes", c.Nodes == nil},
		{"Sealer", c.Sealer == nil},
		{"Synchronizer", c.Synchronizer == nil},
		{"RestorePoints", c.RestorePoints == nil},
		{"Explorer", c.Explorer == nil},
		{"Histories", c.Histories == nil},
		{"Searcher", c.Searcher == nil},
		{"Statistics", c.Statistics == nil},
		{"Contents", c.Contents == nil},
		{"RestoreJobs", c.RestoreJobs == nil},
		{"Restorer", c.Restorer == nil},
		{"Archives", c.Archives == nil},
		{"Logger", c.Logger == nil},
		{"Version", c.Version == ""},
	} {
		if f.absent {
			return f.name
		}
	}
	return ""
}
