package store

import (
	"context"
	"time"

	"syncline.dev/syncline"
)

// Work is a piece of work as the store keeps it. Two records of the same content are
// equal.
type Work struct {
	syncline.Work
	Lease
	// Alone keeps other work of the same kind and repository out while this one has
	// not ended.
	Alone bool
	// Order says what is to be done, in a form of the kind's own. It never changes.
	Order string
	// Result says what was done so far, likewise.
	Result string
}

// Lease says which node runs a piece of work, and until when no other one may take
// it. A node that comes back after its lease has another epoch than the store, and
// can change nothing.
type Lease struct {
	Owner string    // the node; empty for none
	Until time.Time // zero for a lease without an end, as a node has that is alone
	Epoch int64     // rises by one with every taking
}

// WorkQuery selects a page of work of one kind. Empty fields select all.
type WorkQuery struct {
	Kind         syncline.WorkKind
	RepositoryID syncline.ID
	StartedBy    string
	States       []syncline.WorkState
	Limit        int
	Offset       int
}

// Taking says which work a node takes.
type Taking struct {
	Kind  syncline.WorkKind
	Owner string    // the node
	Now   time.Time // leases that end before are over
	Until time.Time // the end of the new lease
	Limit int       // how much is taken; 0 for no bound
}

// Keep says how much of one kind of work is kept.
type Keep struct {
	Kind syncline.WorkKind
	// Newest is how many stay: of each repository or of all together. 0 is for no
	// bound.
	Newest        int
	PerRepository bool
	// Since is the time of creation from which on work stays. The zero time is for
	// no bound.
	Since time.Time
}

// Works keeps work of every kind, and its logs. Work of another kind than the one
// asked for is CodeNotFound.
type Works interface {
	// AddWork adds w, queued: of w it takes id, kind, repository, StartedBy, CreatedAt,
	// Alone, Order and Lease, whose epoch becomes 1 where it names an owner. It returns
	// the work that it added and true. Where w is Alone and other work of its kind and
	// repository has not ended, it returns that work and false; two callers at once get
	// the same work. CodeNotFound when the repository is unknown.
	AddWork(ctx context.Context, w Work) (Work, bool, error)
	Work(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (Work, error)
	// LatestWork returns for every repository its unended work of a kind, or else its
	// latest, newest first by CreatedAt. The kind's work must be Alone. Callers share the
	// list and do not change it.
	LatestWork(ctx context.Context, kind syncline.WorkKind) ([]Work, error)
	// WorkPage returns one page of work, newest first. A negative limit or offset is
	// CodeInvalid.
	WorkPage(ctx context.Context, q WorkQuery) ([]Work, error)
	// UnendedWork returns the work of a kind that is queued or running, oldest first.
	UnendedWork(ctx context.Context, kind syncline.WorkKind) ([]Work, error)
	// TakeWork gives a node the unended work that nobody owns, that the node owns
	// already, or whose lease is over: the oldest first, each with the next epoch. It
	// returns what it gave, oldest first.
	TakeWork(ctx context.Context, t Taking) ([]Work, error)
	// UpdateWork writes state, progress, error, times, Result and the end of the lease.
	// It never lowers the progress, never leaves a final state, and does not touch
	// StopRequested. CodeConflict when the work has ended or has another epoch than w.
	UpdateWork(ctx context.Context, w Work) error
	// RequestStop sets StopRequested on unended work and returns the work. It changes
	// nothing of ended work.
	RequestStop(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (Work, error)
	// AppendLog adds items to the log of the work and numbers them, also when the work
	// has ended. CodeConflict when the work has another epoch.
	AppendLog(ctx context.Context, work syncline.ID, epoch int64, items ...syncline.LogItem) error
	// Log returns one page of a log, and how many items there are in all.
	Log(ctx context.Context, kind syncline.WorkKind, work syncline.ID, limit, offset int) ([]syncline.LogItem, int, error)
	// Thin removes some of the work that is not to be kept, with its logs, and reports
	// whether there is more. The latest of each repository, or of all, stays, and so
	// does all work that has not ended.
	Thin(ctx context.Context, keep Keep) (more bool, err error)
}
