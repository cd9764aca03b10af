package syncer

import (
	"context"
	"errors"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/unrecorded"
)

// recorder writes a session's course to the store and tells the watchers. It
// is the session's Reporter.
type recorder struct {
	service *Service
	removed <-chan struct{} // closed when the repository is being removed

	mu      sync.Mutex
	session syncline.Session
	base    int // percent at which this run of the session began
	written time.Time
	behind  bool
	ended   bool
	items   int       // of the log that were recorded
	dropped int       // those that were not
	refused time.Time // when the store refused one last
}

// recordInterval is the least time between two records of progress.
const recordInterval = 250 * time.Millisecond

// recordTimeout bounds a write to the store. The session's own context is not
// used: its end must be recorded too.
const recordTimeout = 30 * time.Second

// save writes the session. The caller holds mu.
func (r *recorder) save() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.service.ctx), recordTimeout)
	defer cancel()
	r.written = r.service.Now()
	err := r.service.Sessions.UpdateSession(ctx, r.session)
	switch syncline.CodeOf(err) {
	case "", syncline.CodeNotFound, syncline.CodeConflict: // the store knows better
		r.service.shown.Drop(r.session.ID)
	default:
		r.service.shown.Put(r.session.ID, r.session)
	}
	r.service.notify(r.session.ID)
	return err
}

// start moves the session to running.
func (r *recorder) start(continued bool) error {
	r.mu.Lock()
	r.session.State = syncline.SessionRunning
	if r.session.StartedAt.IsZero() {
		r.session.StartedAt = r.service.Now()
	}
	r.base = r.session.Progress
	err := r.save()
	r.mu.Unlock()
	if err == nil && continued {
		r.Log(syncline.LogInfo, "The server was restarted; the session goes on from what was kept")
	}
	return err
}

// Progress records a percentage. A session that is continued after a restart
// goes on from where it stood.
func (r *recorder) Progress(percent int, stats syncline.SessionStatistics) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	r.session.Statistics = stats
	percent = r.base + (percentLast-min(r.base, percentLast))*percent/percentLast
	if percent <= r.session.Progress {
		return
	}
	r.session.Progress = percent
	if r.service.Now().Sub(r.written) < recordInterval {
		return
	}
	if err := r.save(); err != nil {
		r.service.Logger.Warn("cannot record the progress of a session", "session", r.session.ID, "error", err)
	}
}

// The bounds of a session's log.
const (
	maxItems = 10_000 // of one run of a session
	// A log that could not be written to is left alone so long.
	logPause = 10 * time.Second
)

// Log records one item. Those that are too many, or that the store does not take,
// are counted.
func (r *recorder) Log(level syncline.LogLevel, message string) {
	r.mu.Lock()
	now := r.service.Now()
	take := r.items < maxItems && now.Sub(r.refused) >= logPause
	if take {
		r.items++
	} else {
		r.dropped++
	}
	r.mu.Unlock()
	if take {
		r.append(now, level, message)
	}
}

func (r *recorder) append(now time.Time, level syncline.LogLevel, message string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.service.ctx), recordTimeout)
	defer cancel()
	item := syncline.LogItem{Time: now, Level: level, Message: message}
	err := r.service.Sessions.AppendLog(ctx, r.session.ID, item)
	if err == nil {
		return
	}
	r.mu.Lock()
	r.refused = r.service.Now()
	r.dropped++
	r.mu.Unlock()
	r.service.Logger.Warn("cannot record a session's log", "session", r.session.ID, "item", message, "error", err)
}

// conclude writes the last words of a log: how much is not in it, and how the
// session ended.
func (r *recorder) conclude(level syncline.LogLevel, message string) {
	r.mu.Lock()
	dropped := r.dropped
	r.mu.Unlock()
	if dropped > 0 {
		r.append(r.service.Now(), syncline.LogWarning, plural(dropped, "message is", "messages are")+" not in this log, because it is full or could not be written to")
	}
	if message != "" {
		r.append(r.service.Now(), level, message)
	}
}

// Behind marks the repository as out of sync until the session succeeds.
func (r *recorder) Behind() {
	r.mu.Lock()
	done := r.behind
	r.behind = true
	r.mu.Unlock()
	if !done {
		r.mark(true)
	}
}

func (r *recorder) mark(outOfSync bool) {
	r.repository(func(ctx context.Context, id syncline.ID) error {
		return r.service.Repositories.SetOutOfSync(ctx, id, outOfSync)
	})
}

func (r *recorder) synchronized(mark syncline.CatalogMark) {
	r.repository(func(ctx context.Context, id syncline.ID) error {
		return r.service.Repositories.SetSynchronized(ctx, id, mark)
	})
}

// repository records something of the session's repository.
func (r *recorder) repository(record func(context.Context, syncline.ID) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.service.ctx), recordTimeout)
	defer cancel()
	if err := record(ctx, r.session.RepositoryID); err != nil && syncline.CodeOf(err) != syncline.CodeNotFound {
		r.service.Logger.Warn("cannot mark a repository", "repository", r.session.RepositoryID, "error", err)
	}
}

// last returns the statistics recorded last.
func (r *recorder) last() syncline.SessionStatistics {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session.Statistics
}

// end records how the session ended. After a shutdown it stays unended, for
// the next start to continue it.
func (r *recorder) end(o outcome, cause error) {
	switch {
	case o.err == nil:
		r.synchronized(o.mark)
		r.conclude("", "")
		r.close(syncline.SessionSucceeded, "", o.stats)
	case errors.Is(cause, errShutdown):
		r.mu.Lock()
		r.ended = true
		r.mu.Unlock()
	case errors.Is(cause, errStopRequested):
		r.conclude(syncline.LogInfo, "Stopped on request; what was fetched is kept")
		r.close(syncline.SessionStopped, "", o.stats)
	default:
		if errors.Is(o.err, ErrMarked) {
			r.synchronized(o.mark)
		} else {
			r.mark(true)
		}
		message := syncline.MessageOf(o.err)
		r.service.Logger.Error("session failed", "session", r.session.ID, "repository", r.session.RepositoryID, "error", o.err)
		r.conclude(syncline.LogError, message)
		r.close(syncline.SessionFailed, message, o.stats)
	}
}

// close records a final state. A store that cannot be written to, as on a full
// disk, is tried with growing pauses until the repository's removal or the service's
// end makes it needless. Meanwhile, and when it was given up, the session is shown as
// it ended, and the next start of one records it first.
func (r *recorder) close(state syncline.SessionState, message string, stats syncline.SessionStatistics) {
	r.mu.Lock()
	r.ended = true
	r.session.State, r.session.Error, r.session.Statistics = state, message, stats
	r.session.EndedAt = r.service.Now()
	if state == syncline.SessionSucceeded {
		r.session.Progress = 100
	}
	r.mu.Unlock()
	unrecorded.Record(func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.save()
	}, func(err error) {
		r.service.Logger.Error("cannot record the end of a session; it is shown as it ended, and tried again", "session", r.session.ID, "error", err)
	}, r.removed, r.service.closing)
}
