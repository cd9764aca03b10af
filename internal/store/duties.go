package store

import (
	"context"
	"time"
)

// Duty is something that one node at a time does, like sending notifications.
type Duty struct {
	Name  string
	Owner string // the node
	Epoch int64  // another one with each change of the owner
}

// Duties says which node has which duty. The clock is that of the database.
type Duties interface {
	// TakeDuty gives an owner a duty for a length from now on, where nobody has it, the
	// owner has it already, or its time is over. taken is false where another owner has
	// it. An owner that takes its duty again in time keeps the epoch.
	TakeDuty(ctx context.Context, name, owner string, length time.Duration) (epoch int64, taken bool, err error)
	// HeldDuties returns the duties that somebody has now and whose names begin with a
	// prefix, in the order of their names.
	HeldDuties(ctx context.Context, prefix string) ([]Duty, error)
	// DropDuty lets a duty go. It does nothing where another owner or epoch has it.
	DropDuty(ctx context.Context, d Duty) error
	// DropDuties lets all duties of an owner go, and forgets those of anybody that have
	// been over for an hour.
	DropDuties(ctx context.Context, owner string) error
}

type dutyKey struct{}

// WithDuty returns a context for the writes of a duty. A store compares the duty in the
// transaction of each write: CodeConflict says that the owner does not have it with this
// epoch, and then nothing is written. So a node that was stopped past the end of its duty
// changes nothing that another node does in its place.
func WithDuty(ctx context.Context, d Duty) context.Context {
	return context.WithValue(ctx, dutyKey{}, d)
}

// DutyOf returns the duty of a context; ok is false for none.
func DutyOf(ctx context.Context) (d Duty, ok bool) {
	d, ok = ctx.Value(dutyKey{}).(Duty)
	return d, ok
}
