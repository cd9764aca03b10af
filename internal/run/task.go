package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// Task is work that runs on this node. The body of its kind tells it how the work
// goes; the task writes that to the store and tells the watchers. It is safe for
// concurrent use.
type Task struct {
	service    *Service
	kind       *kind
	id         syncline.ID
	epoch      int64
	repository syncline.ID
	note       string // how the work goes on that began before; empty for new work
	cancel     context.CancelCauseFunc
	removed    chan struct{} // closed when the repository is being removed
	ticket     *ticket       // its place among the work of its kind
	before     chan struct{} // closed when the epoch before has ended here; nil for none
	done       chan struct{} // closed when the work is recorded as ended, or given up
	phase      atomic.Int32
	over       atomic.Bool   // the body has ended, or is left behind
	expiry     *time.Timer   // ends the body with the lease
	lost       chan struct{} // closed when another node has the work
	lostOnce   sync.Once
	again      chan struct{} // gets a value when the store can be reached again

	mu      sync.Mutex
	work    store.Work
	result  any // what Progress told last and nobody has recorded
	written time.Time
	ended   bool
	log     buffer
}

// The phases of a task.
const (
	phaseWaiting int32 = iota // for its turn
	phaseBegun
	phaseReturned // to the store, without having begun
)

const (
	// recordInterval is the least time between two records of progress.
	recordInterval = 250 * time.Millisecond
	// recordTimeout bounds a write to the store. The work's own context is not used:
	// its end must be recorded too.
	recordTimeout = 30 * time.Second
	// percentLast is the most progress of work that is not complete.
	percentLast = 99
)

// Work returns the work as it was recorded last.
func (t *Task) Work() store.Work {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.work
}

// Resumed reports whether the work had begun before: on another node, or before a crash
// or a shutdown.
func (t *Task) Resumed() bool { return t.note != "" }

// Context returns a context for writes to the store that go on after a stop.
func (t *Task) Context() (context.Context, context.CancelFunc) {
	limit := recordTimeout
	if t.service.Lease > 0 {
		limit = storeTimeout
	}
	return context.WithTimeout(context.WithoutCancel(t.service.ctx), limit)
}

// Progress tells how far the work is, in percent, and what was done so far. Both are
// recorded now and then, and at the end. A percentage that falls is not taken.
func (t *Task) Progress(percent int, result any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return
	}
	if t.kind.queue != nil {
		t.kind.queue.alive(t.ticket)
	}
	t.result = result
	t.work.Progress = max(t.work.Progress, min(percent, percentLast))
	if t.service.Now().Sub(t.written) < recordInterval {
		return
	}
	t.flush()
	if err := t.save(); err != nil {
		t.service.Logger.Warn("cannot record the progress of work", "kind", t.kind.Noun, "id", t.work.ID, "error", err)
	}
}

// save writes the work. The caller holds mu.
func (t *Task) save() error {
	if t.result != nil {
		text, err := json.Marshal(t.result)
		if err != nil {
			return fmt.Errorf("write the result of work: %w", err)
		}
		t.work.Result, t.result = string(text), nil
	}
	ctx, cancel := t.Context()
	defer cancel()
	t.written = t.service.Now()
	err := t.service.Store.UpdateWork(ctx, t.work)
	switch syncline.CodeOf(err) {
	case "":
		t.service.shown.drop(t.work.ID)
	case syncline.CodeNotFound, syncline.CodeConflict: // the store knows better
		t.service.shown.drop(t.work.ID)
		t.lose()
	default:
		t.service.shown.put(t.work)
	}
	t.service.notify(t.work.ID)
	return err
}

// start moves the work to running.
func (t *Task) start() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.work.State = syncline.WorkRunning
	if t.work.StartedAt.IsZero() {
		t.work.StartedAt = t.service.Now()
	}
	err := t.save()
	if err == nil && t.note != "" {
		t.add(syncline.LogInfo, t.note)
		t.flush()
	}
	return err
}

// end records how the work ended. After a shutdown it stays unended, for the next
// start to resume it. Work that another node has taken is that node's to end.
func (t *Task) end(o Outcome, cause error) {
	t.over.Store(true)
	if t.givesUp(o, cause) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.ended = true
		t.flush()
		t.service.shown.drop(t.id)
		return
	}
	t.mu.Lock()
	if o.Result != nil {
		t.result = o.Result
	}
	state, message, last := syncline.WorkSucceeded, o.Failure, syncline.LogItem{}
	switch {
	case o.Err == nil && message == "":
	case o.Err == nil:
		state = syncline.WorkFailed
	case errors.Is(cause, errStopRequested):
		state, last = syncline.WorkStopped, syncline.LogItem{Level: syncline.LogInfo, Message: t.kind.Stopped}
	default:
		state, message = syncline.WorkFailed, syncline.MessageOf(o.Err)
		t.service.Logger.Error(t.kind.Noun+" failed", "id", t.work.ID, "repository", t.repository, "error", o.Err)
		last = syncline.LogItem{Level: syncline.LogError, Message: message}
	}
	t.conclude(last)
	t.ended = true
	t.work.State, t.work.Error, t.work.EndedAt = state, message, t.service.Now()
	if state == syncline.WorkSucceeded {
		t.work.Progress = 100
	}
	w := t.work.Work
	t.mu.Unlock()
	if t.kind.Ended != nil {
		t.kind.Ended(w)
	}
	t.close()
}

// givesUp reports whether the end of the work is not this node's to record.
func (t *Task) givesUp(o Outcome, cause error) bool {
	if o.Err != nil && (errors.Is(cause, errShutdown) || errors.Is(cause, errTaken) || errors.Is(cause, errReturned)) {
		return true
	}
	return !t.Holds()
}

// close records a final state. When the store cannot be written to, as on a full disk,
// close tries again with growing pauses, until the repository is removed, another node
// has the work, or the service ends. Meanwhile, and after close has given up, the work is shown as it ended. The
// next start of work that is alone records it first.
func (t *Task) close() {
	again := attempt{stop: [3]<-chan struct{}{t.removed, t.service.closing, t.lost}, again: t.again}
	again.record(func() error {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.save()
	}, func(err error) {
		t.service.Logger.Error("cannot record the end of work; it is shown as it ended, and tried again", "kind", t.kind.Noun, "id", t.work.ID, "error", err)
	})
}
