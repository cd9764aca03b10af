package run

import (
	"context"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// Kind is a kind of work: its body, its rules and its words.
type Kind struct {
	Name syncline.WorkKind
	Noun string // of one piece, in logs: "session"

	// Do does the work. It returns early when ctx ends, with the work that was done.
	Do func(ctx context.Context, t *Task) Outcome
	// Refused, where there is one, is told of work that cannot begin because the store
	// does not record it. Do is then not called, and the work ends as failed.
	Refused func(t *Task)
	// Check, where there is one, finds work whose order cannot be read, before it is
	// resumed. The work then ends as failed.
	Check func(w store.Work) error
	// Ended, where there is one, is told of work that ends on this node, before the end
	// is recorded. It returns at once.
	Ended func(w syncline.Work)
	// Forget, where there is one, drops all that the kind keeps of a repository. No
	// work of the repository runs meanwhile.
	Forget func(ctx context.Context, repository syncline.ID) error

	// Alone allows a repository one unended piece of work: a second start returns that
	// one. A body waits for the end of the body before it, also when that was left
	// behind.
	Alone bool
	// AtOnce bounds how many bodies run at once; 0 is for no bound. The others wait,
	// queued, and run in turn.
	AtOnce int
	// InFleet bounds how many pieces all nodes hold together; 0 is for no bound.
	InFleet int
	// Patience is how long a body may show no progress before it counts no more for
	// AtOnce, until it does. 0 counts it all the time.
	Patience time.Duration
	// Grace is how long a body may take to end after a stop. Then the work is recorded
	// as stopped, and the body is left behind. 0 waits for the body.
	Grace time.Duration

	// LogItems bounds the log of one run. Items are written when LogBatch of them are
	// there, and with the progress.
	LogItems int
	LogBatch int

	// Keep says how much of the ended work is kept.
	Keep func(now time.Time) store.Keep

	// Resumed and Stopped are what the log says at a resumption and a stop. Leaving is
	// the error for work that is started while its repository is removed.
	Resumed, Stopped, Leaving string
}

// Outcome is how a body ended.
type Outcome struct {
	// Result replaces the one that Progress told last, unless it is nil. It is kept as
	// JSON.
	Result any
	// Err is why the work did not come to its end.
	Err error
	// Failure says why work that came to its end counts as failed, in a sentence for a
	// user. The log has the reasons already.
	Failure string
}
