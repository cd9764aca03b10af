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
	// Urgent work, which a user waits for, is taken before other work.
	Urgent bool
	// Node is the only node that may run the work; empty for any.
	Node string
	// Order says what is to be done, in a form of the kind's own. It never changes.
	Order string
	// Result says what was done so far, likewise.
	Result string
}

// Lease says which node runs a piece of work. The store keeps its end, too: no other
// node takes the work before. A node that comes back after its lease has another epoch
// than the store, and can change nothing.
type Lease struct {
	Owner string // the node; empty for none
	Epoch int64  // rises by one with every taking
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
	Kind   syncline.WorkKind
	Owner  string        // the node
	Length time.Duration // of the new leases; 0 for leases without an end
	Limit  int           // how much is taken; 0 for no bound
	// Again takes also what the node holds already, as after a restart.
	Again bool
	// Stopping takes only work that is to stop.
	Stopping bool
	// ID, where it is there, is the only work that is taken.
	ID syncline.ID
	// Running bounds how much of the kind all nodes may hold together; 0 is for no
	// bound.
	Running int
}

// Taken is work that a node has taken.
type Taken struct {
	Work
	From string // the owner before; empty for none
}

// Held is work that a node holds.
type Held struct {
	ID    syncline.ID
	Epoch int64
}

// Renewed is work whose lease was renewed.
type Renewed struct {
	Held
	StopRequested bool
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
// asked for is CodeNotFound. Leases and holds count by the clock of the database, or by
// that of the process where it alone has the database.
type Works interface {
	// AddWork adds w, queued: of w it takes id, kind, repository, StartedBy, CreatedAt,
	// Alone, Urgent, Node, Order and Owner. Where w has an owner, its epoch becomes 1,
	// and the lease has no end. It returns the work that it added and true. Where w is
	// Alone and other work of its kind and repository has not ended, it returns that
	// work and false, and makes it urgent where w is; two callers at once get the same
	// work. CodeNotFound when the repository is unknown; ErrHeld and ErrLeaving while a
	// hold keeps the work out.
	AddWork(ctx context.Context, w Work) (Work, bool, error)
	// AddWorkIf is AddWork unless check returns an error for the unended work of w's
	// kind, the oldest first. Two such additions of a kind exclude one another, also on
	// two nodes. check uses no store, and may be called more than once.
	AddWorkIf(ctx context.Context, w Work, check func(unended []Work) error) (Work, bool, error)
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
	// TakeWork gives a node unended work that nobody holds: work without an owner, and
	// work whose lease is over. It gives no work that another node must run or that a
	// hold keeps out, unless that work is to stop. Work that is to stop comes first,
	// then urgent work, then the oldest. Each has the next epoch. It returns what it
	// gave, in this order. Nodes wait for one another only where Running bounds them.
	TakeWork(ctx context.Context, t Taking) ([]Taken, error)
	// RenewWork has the leases of an owner's work last for a length from now on, also
	// leases that were over. It returns those that it renewed. The others have ended,
	// or belong to another node, or are in another epoch.
	RenewWork(ctx context.Context, owner string, length time.Duration, held []Held) ([]Renewed, error)
	// ReturnWork ends the leases of an owner's unended work, which has no owner then,
	// and a higher epoch. It leaves alone what is in another epoch.
	ReturnWork(ctx context.Context, owner string, held []Held) error
	// UpdateWork writes state, progress, error, times and Result. It never lowers the
	// progress, never leaves a final state, and does not touch StopRequested and the
	// lease. CodeConflict when the work has ended or has another epoch than w.
	UpdateWork(ctx context.Context, w Work) error
	// RequestStop sets StopRequested on unended work and returns the work. It changes
	// nothing of ended work.
	RequestStop(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (Work, error)
	// HoldWork keeps work out for a length from now on, or goes on to do so where the
	// hold is there already. A hold and an addition of work exclude one another: what
	// was added before is in the lists that are read afterwards. One hold of all kinds
	// keeps another one out (ErrLeaving). CodeNotFound when the repository is unknown.
	HoldWork(ctx context.Context, h Hold, length time.Duration) error
	// RenewHold has a hold last for a length from now on. It waits for nobody who changes
	// the repository. ErrHoldOver says that the hold is over or was dropped.
	RenewHold(ctx context.Context, id syncline.ID, length time.Duration) error
	// DropHold ends a hold, also one that is over.
	DropHold(ctx context.Context, id syncline.ID) error
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
