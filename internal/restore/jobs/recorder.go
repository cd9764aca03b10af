package jobs

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/restore"
	"syncline.dev/syncline/internal/run"
)

// recorder is a restore's Reporter: it tells the work how the restore goes.
type recorder struct {
	task *run.Task

	mu     sync.Mutex
	failed int
	notes  map[restore.Note]int
	noted  int
}

const (
	// maxNamed is how many items that failed the log names, maxNotes how many that
	// are not quite as in the snapshot, and itemsAtOnce how many are written to it
	// together. maxItems leaves room for the counts at the end.
	maxNamed    = 10_000
	maxNotes    = 1000
	itemsAtOnce = 100
	maxItems    = maxNamed + maxNotes + 10
)

// percentLast is the progress of a job that is not complete.
const percentLast = 99

// Failed implements restore.Reporter.
func (r *recorder) Failed(path string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed++; r.failed <= maxNamed {
		r.task.Log(syncline.LogError, nameOf(path)+": "+syncline.MessageOf(err))
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
	r.task.Log(syncline.LogWarning, text)
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
		r.task.Log(syncline.LogWarning, text)
	}
	if more := r.noted - maxNotes; more > 0 {
		r.task.Log(syncline.LogWarning, fmt.Sprintf("%d of these are counted and not named", more))
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
func (r *recorder) Progress(x restore.Result) {
	percent := 0
	if x.TotalBytes > 0 {
		percent = int(min(float64(x.Done)/float64(x.TotalBytes), 1) * percentLast)
	}
	r.task.Progress(percent, x.RestoreStatistics)
}

// end tells how the restore ended.
func (r *recorder) end(result restore.Result, err error) run.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	if result != (restore.Result{}) {
		r.Progress(result)
	}
	r.summarize()
	if r.failed > maxNamed {
		r.task.Log(syncline.LogError, fmt.Sprintf("%d more items failed and are not named here", r.failed-maxNamed))
	}
	o := run.Outcome{Err: err}
	if err == nil && r.failed > 0 {
		o.Failure = fmt.Sprintf("%d items could not be restored as they were; the log names them, and everything else is restored", r.failed)
	}
	return o
}
