package run

import (
	"fmt"
	"time"

	"syncline.dev/syncline"
)

// buffer holds the items of a log that are still to be written.
type buffer struct {
	items   []syncline.LogItem
	taken   int       // of this run
	dropped int       // those that are too many, or that the store did not take
	refused time.Time // when the store last refused items
}

// logPause is how long a log that could not be written to is left alone.
const logPause = 10 * time.Second

// Log adds one item to the log. Items that are too many, or that the store does not
// take, are counted.
func (t *Task) Log(level syncline.LogLevel, message string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(level, message)
}

// add is Log for a caller that holds mu.
func (t *Task) add(level syncline.LogLevel, message string) {
	if t.log.taken >= t.kind.LogItems || t.service.Now().Sub(t.log.refused) < logPause {
		t.log.dropped++
		return
	}
	t.log.taken++
	t.put(level, message)
	if len(t.log.items) >= t.kind.LogBatch {
		t.flush()
	}
}

// put adds an item to those that are to be written. The caller holds mu.
func (t *Task) put(level syncline.LogLevel, message string) {
	t.log.items = append(t.log.items, syncline.LogItem{Time: t.service.Now(), Level: level, Message: message})
}

// flush writes the items. The caller holds mu.
func (t *Task) flush() {
	if len(t.log.items) == 0 {
		return
	}
	ctx, cancel := t.Context()
	defer cancel()
	err := t.service.Store.AppendLog(ctx, t.work.ID, t.work.Epoch, t.log.items...)
	if err != nil {
		t.log.refused = t.service.Now()
		t.log.dropped += len(t.log.items)
		t.service.Logger.Warn("cannot record a log", "kind", t.kind.Noun, "id", t.work.ID,
			"items", len(t.log.items), "last", t.log.items[len(t.log.items)-1].Message, "error", err)
	}
	t.log.items = nil
}

// conclude ends a log: with the number of items that are missing, and with the last
// item, where there is one. The caller holds mu.
func (t *Task) conclude(last syncline.LogItem) {
	if n := t.log.dropped; n > 0 {
		are := "messages are"
		if n == 1 {
			are = "message is"
		}
		t.put(syncline.LogWarning, fmt.Sprintf("%d %s not in this log, because it is full or could not be written to", n, are))
	}
	if last.Message != "" {
		t.put(last.Level, last.Message)
	}
	t.flush()
}
