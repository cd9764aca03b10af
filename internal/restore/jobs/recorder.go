package jobs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/restore"
	"syncline.dev/syncline/internal/unrecorded"
)

// recorder writes a job's course to the store and tells the watchers. It is
// the restore's Reporter.
type recorder struct {
	service *Service
	removed <-chan struct{} // closed when the repository is being removed

	mu      sync.Mutex
	job     syncline.RestoreJob
	written time.Time
	items   []syncline.LogItem // that are still to be written
	failed  int
	notes   map[restore.Note]int
	noted   int
}

const (
	// recordInterval is the least time between two records of progress.
	recordInterval = 250 * time.Millisecond
	// recordTimeout bounds a write to the store. The job's own context is not
	// used: its end must be recorded too.
	recordTimeout = 30 * time.Second
	// maxNamed is how many items that failed the log names, maxNotes how many that
	// are not quite as in the snapshot, and itemsAtOnce how many are written to it
	// together.
	maxNamed    = 10_000
	maxNotes    = 1000
	itemsAtOnce = 100
)

// percentLast is the progress of a job that is not complete.
const percentLast = 99

func (r *recorder) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.service.ctx), recordTimeout)
}

// save writes the job. The caller holds mu.
func (r *recorder) save() error {
	ctx, cancel := r.context()
	defer cancel()
	r.written = r.service.Now()
	err := r.service.Jobs.UpdateRestoreJob(ctx, r.job)
	switch syncline.CodeOf(err) {
	case "", syncline.CodeNotFound, syncline.CodeConflict: // the store knows better
		r.service.shown.Drop(r.job.ID)
	default:
		r.service.shown.Put(r.job.ID, r.job)
	}
	r.service.notify(r.job.ID)
	return err
}

// log adds an item to those that are to be written. The caller holds mu.
func (r *recorder) log(level syncline.LogLevel, message string) {
	r.items = append(r.items, syncline.LogItem{Time: r.service.Now(), Level: level, Message: message})
	if len(r.items) >= itemsAtOnce {
		r.flush()
	}
}

// flush writes the log's items. The caller holds mu.
func (r *recorder) flush() {
	if len(r.items) == 0 {
		return
	}
	ctx, cancel := r.context()
	defer cancel()
	if err := r.service.Jobs.AppendRestoreLog(ctx, r.job.ID, r.items...); err != nil {
		r.service.Logger.Warn("cannot record a restore job's log", "job", r.job.ID, "items", len(r.items), "error", err)
	}
	r.items = nil
}

// start moves the job to running.
func (r *recorder) start(continued bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.job.State = syncline.SessionRunning
	if r.job.StartedAt.IsZero() {
		r.job.StartedAt = r.service.Now()
	}
	if continued {
		r.log(syncline.LogInfo, "The server was restarted; what is in the target already is compared, and the rest is restored")
		r.flush()
	}
	return r.save()
}

// Failed implements restore.Reporter.
func (r *recorder) Failed(path string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed++; r.failed <= maxNamed {
		r.log(syncline.LogError, nameOf(path)+": "+syncline.MessageOf(err))
	}
}

// Noted implements restore.Reporter.
func (r *recorder) Noted(path string, n restore.Note, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.notes == nil {
		r.notes = make(map[restore.Note]int)
	}
	r.notes[n]++
	if r.noted++; r.noted > maxNotes {
		return
	}
	text := nameOf(path) + ": " + string(n)
	if detail != "" {
		text += ": " + nameOf(detail)
	}
	r.log(syncline.LogWarning, text)
}

// summarize logs how often each note was told. The caller holds mu.
func (r *recorder) summarize() {
	for _, n := range []struct {
		note restore.Note
		text string
	}{
		{restore.NoSetID, "%d items have set-id bits in the snapshot, which are left out"},
		{restore.NoAttribute, "%d security.* and trusted.* attributes are left out"},
		{restore.NoDevice, "%d device nodes are left out"},
		{restore.Renamed, "%d items have another name in the target, because their folders have a name twice"},
	} {
		count := r.notes[n.note]
		if count == 0 {
			continue
		}
		text := fmt.Sprintf(n.text, count)
		if n.note != restore.Renamed {
			text += "; the operator allows them with syncline serve --restore-privileged"
		}
		r.log(syncline.LogWarning, text)
	}
	if more := r.noted - maxNotes; more > 0 {
		r.log(syncline.LogWarning, fmt.Sprintf("%d of these are counted and not named", more))
	}
}

// nameOf is a path as a log can show it.
func nameOf(path string) string {
	if strings.ContainsFunc(path, func(c rune) bool { return c == unicode.ReplacementChar || !unicode.IsPrint(c) }) {
		return strconv.Quote(path)
	}
	return path
}

// Progress implements restore.Reporter.
func (r *recorder) Progress(result restore.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take(result)
	if r.service.Now().Sub(r.written) < recordInterval {
		return
	}
	r.flush()
	if err := r.save(); err != nil {
		r.service.Logger.Warn("cannot record the progress of a restore job", "job", r.job.ID, "error", err)
	}
}

// take takes a result over. The caller holds mu.
func (r *recorder) take(x restore.Result) {
	r.job.Statistics = syncline.RestoreStatistics{
		Files: x.Files, Folders: x.Folders, Others: x.Others, Unchanged: x.Unchanged, Skipped: x.Skipped, Failed: x.Failed,
		Bytes: x.Bytes, TotalFiles: x.Total.Files, TotalBytes: x.Total.Bytes,
	}
	if x.Total.Bytes > 0 {
		percent := int(min(float64(x.Done)/float64(x.Total.Bytes), 1) * percentLast)
		r.job.Progress = max(r.job.Progress, percent)
	}
}

// end records how the job ended. After a shutdown it stays unended, for the
// next start to continue it.
func (r *recorder) end(result restore.Result, err, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if result != (restore.Result{}) {
		r.take(result)
	}
	r.summarize()
	if r.failed > maxNamed {
		r.log(syncline.LogError, fmt.Sprintf("%d more items failed and are not named here", r.failed-maxNamed))
	}
	switch {
	case err != nil && errors.Is(cause, errShutdown):
		r.flush()
		return
	case err != nil && errors.Is(cause, errStopRequested):
		r.log(syncline.LogInfo, "Stopped on request; what was restored stays")
		r.job.State = syncline.SessionStopped
	case err != nil:
		r.service.Logger.Error("restore job failed", "job", r.job.ID, "repository", r.job.RepositoryID, "error", err)
		r.job.State, r.job.Error = syncline.SessionFailed, syncline.MessageOf(err)
		r.log(syncline.LogError, r.job.Error)
	case r.failed > 0:
		r.job.State = syncline.SessionFailed
		r.job.Error = fmt.Sprintf("%d items could not be restored as they were; the log names them, and everything else is restored", r.failed)
	default:
		r.job.State, r.job.Progress = syncline.SessionSucceeded, 100
	}
	r.flush()
	r.job.EndedAt = r.service.Now()
	r.close()
}

// close records a final state. A store that cannot be written to, as on a full
// disk, is tried with growing pauses until nobody needs the record any more.
// Meanwhile the job is shown as it ended. The caller holds mu.
func (r *recorder) close() {
	unrecorded.Record(r.save, func(err error) {
		r.service.Logger.Error("cannot record the end of a restore job; it is shown as it ended, and tried again", "job", r.job.ID, "error", err)
	}, r.removed, r.service.closing)
}
