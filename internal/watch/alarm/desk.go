package alarm

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const (
	// Damp is the time within which an ended alarm begins again as the same alarm. The
	// end of an alarm that did so is told when the alarm has stayed ended for this time.
	Damp = time.Hour

	// MaxOpen bounds the open alarms of one kind in one repository. The last of them
	// stands for all conditions beyond.
	MaxOpen = 100

	// KeepEnded bounds the number of ended alarms.
	KeepEnded = 10_000
	// KeepFor is how long an ended alarm stays.
	KeepFor = 365 * 24 * time.Hour
)

// attempts bounds how often a report begins again because another node was faster.
const attempts = 5

// Store keeps the alarms. The contract of the methods is that of store.Alarms.
type Store interface {
	AlarmsOf(ctx context.Context, kind syncline.AlarmKind, repository syncline.ID, endedAfter time.Time) ([]syncline.Alarm, error)
	ChangeAlarms(ctx context.Context, at time.Time, changes []store.AlarmChange) error
	ThinAlarms(ctx context.Context, endedBefore time.Time, keep int) (more bool, err error)
}

// Duty is what one node at a time does.
type Duty interface {
	// Held returns the context for what the node does as long as it has the duty, nil
	// where another node has it.
	Held(ctx context.Context) (context.Context, error)
	// Keep takes the duty whenever it is free, until ctx ends, and then lets it go.
	Keep(ctx context.Context)
}

// Desk keeps the alarms in step with the conditions. It is safe for concurrent use.
//
// The states of an alarm:
//
//	            condition is there            condition is gone
//	(none) ───────────────────────▶ open ───────────────────────▶ ended
//	                                 ▲                              │
//	                                 └──────────────────────────────┘
//	                                   condition is there again within Damp
//
// A report moves an alarm, and nothing else does. Users acknowledge an alarm in either
// state and silence an open one. Both leave the state as it is, and they stay with an
// alarm that begins again. A silence runs out by itself.
//
// Each step is one transaction with the event that people are told of, so a crash leaves
// an alarm before or after the step and loses no event:
//
//   - open from none: Began.
//   - a severity above all that the alarm has had: Worsened. A lighter one and another
//     message change the alarm, and nobody is told.
//   - ended for the first time: Ended.
//   - open again for the first time: Began. From then on the alarm flaps. Its end is told
//     after Damp, and a new begin within that time takes the event back. People hear of a
//     flapping alarm four times at most, and of two severities that it rose to.
//
// When nothing is reported, nothing changes: what cannot be looked at is not fine.
//
// Two nodes may report the same. A step compares what the alarm was, and the database
// holds that a condition has one open alarm, so one of them makes the step. The other one
// finds it made.
type Desk struct {
	Store Store
	Now   func() time.Time
	NewID func() syncline.ID
	// Changed is called after each change; nil for nobody.
	Changed func()
	// Duty says whether this node does what Tick does; nil where there is no other node.
	Duty Duty
	// Alone is whether nothing else changes alarms in the store. A report that finds
	// nothing wrong where nothing was wrong then reads nothing.
	Alone bool
	// Parts returns the parts that there are, for the conditions of ReportPart; nil where
	// nothing is reported in parts.
	Parts func(ctx context.Context) ([]string, error)

	mu      sync.Mutex          // one report at a time
	leaving map[syncline.ID]int // removals of repositories; see EndAll
	well    map[place]bool      // where the last look found no alarm, if Alone
}

// place is where alarms are looked up together.
type place struct {
	kind       syncline.AlarmKind
	repository syncline.ID
}

// maxWell bounds the places without an alarm that are remembered.
const maxWell = 100_000

// Report says all that is wrong at present of one kind in one repository; "" is the
// server itself. Alarms whose condition is not in now end. Nobody reports a kind that
// cannot be looked at.
func (d *Desk) Report(ctx context.Context, kind syncline.AlarmKind, repository syncline.ID, now []syncline.Condition) error {
	return d.take(ctx, kind, repository, now, func(string) bool { return true })
}

// EndAll ends all alarms of a repository that is being removed. Until back is called, what
// is reported begins none: its end would be told to nobody. The store holds off the
// reports of other nodes.
func (d *Desk) EndAll(ctx context.Context, repository syncline.ID) (back func(), err error) {
	d.mu.Lock()
	if d.leaving == nil {
		d.leaving = make(map[syncline.ID]int)
	}
	d.leaving[repository]++
	d.mu.Unlock()
	back = func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		maps.DeleteFunc(d.well, func(at place, _ bool) bool { return at.repository == repository })
		if d.leaving[repository]--; d.leaving[repository] == 0 {
			delete(d.leaving, repository)
		}
	}
	for _, kind := range syncline.AlarmKinds() {
		if err := d.Report(ctx, kind, repository, nil); err != nil {
			back()
			return nil, err
		}
	}
	return back, nil
}

// ReportPart is Report for one of several parts, each of which has a reporter that knows
// nothing of the others: the disks of a node. Other parts' alarms stay as they are.
func (d *Desk) ReportPart(ctx context.Context, kind syncline.AlarmKind, part string, now []syncline.Condition) error {
	now = slices.Clone(now)
	for i := range now {
		now[i].Subject = part + partEnd + now[i].Subject
	}
	return d.take(ctx, kind, "", now, func(subject string) bool { return strings.HasPrefix(subject, part+partEnd) })
}

// partEnd ends the name of a part in a subject.
const partEnd = "/"

// endParts ends the alarms of the parts that are not there any more.
func (d *Desk) endParts(ctx context.Context) error {
	if d.Parts == nil {
		return nil
	}
	there, err := d.Parts(ctx)
	if err != nil {
		return err
	}
	return d.take(ctx, syncline.AlarmStorageLow, "", nil, func(subject string) bool {
		part, _, _ := strings.Cut(subject, partEnd)
		return !slices.Contains(there, part)
	})
}

// take brings the alarms of one kind and repository in step, as far as their subjects are
// the reporter's.
func (d *Desk) take(ctx context.Context, kind syncline.AlarmKind, repository syncline.ID, now []syncline.Condition, own func(subject string) bool) error {
	conditions, err := bounded(kind, repository, now)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leaving[repository] > 0 {
		conditions = nil
	}
	if len(conditions) == 0 && d.well[place{kind, repository}] {
		return nil
	}
	for range attempts {
		var changed bool
		if changed, err = d.report(ctx, kind, repository, conditions, own); err == nil && changed && d.Changed != nil {
			d.Changed()
		}
		if syncline.CodeOf(err) != syncline.CodeConflict {
			break
		}
	}
	if syncline.CodeOf(err) == syncline.CodeNotFound {
		return nil // the repository was removed meanwhile, and its alarms with it
	}
	return err
}

func (d *Desk) report(ctx context.Context, kind syncline.AlarmKind, repository syncline.ID, conditions []syncline.Condition, own func(subject string) bool) (changed bool, err error) {
	at := d.Now().UTC()
	known, err := d.Store.AlarmsOf(ctx, kind, repository, at.Add(-Damp))
	if err != nil {
		return false, err
	}
	d.remember(place{kind, repository}, len(known) == 0 && len(conditions) == 0)
	known = slices.DeleteFunc(known, func(a syncline.Alarm) bool { return !own(a.Subject) })
	changes := plan(at, known, conditions, d.NewID)
	if len(changes) == 0 {
		return false, nil
	}
	return true, d.Store.ChangeAlarms(ctx, at, changes)
}

// remember keeps whether a look has found that all is well.
func (d *Desk) remember(at place, well bool) {
	switch {
	case !d.Alone:
	case !well:
		delete(d.well, at)
	default:
		if d.well == nil || len(d.well) >= maxWell {
			d.well = make(map[place]bool)
		}
		d.well[at] = true
	}
}

// Tick removes ended alarms beyond the bounds.
func (d *Desk) Tick(ctx context.Context, now time.Time) error {
	for {
		more, err := d.Store.ThinAlarms(ctx, now.Add(-KeepFor), KeepEnded)
		if err != nil || !more {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

const (
	partsEvery = time.Minute
	thinEvery  = time.Hour
)

// Run does Tick now and every hour until ctx ends. Every minute it ends the alarms of
// parts that are not there any more.
func (d *Desk) Run(ctx context.Context, log *slog.Logger) {
	var keeping sync.WaitGroup
	defer keeping.Wait()
	if d.Duty != nil {
		keeping.Go(func() { d.Duty.Keep(ctx) })
	}
	every := time.NewTicker(partsEvery)
	defer every.Stop()
	var thinned time.Time
	for {
		if err := d.turn(ctx, &thinned); err != nil && ctx.Err() == nil {
			log.Error("cannot remove old alarms", "error", err)
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

// turn is one round of Run.
func (d *Desk) turn(ctx context.Context, thinned *time.Time) error {
	if d.Duty != nil {
		held, err := d.Duty.Held(ctx)
		if held == nil || err != nil {
			return err
		}
		ctx = held
	}
	if err := d.endParts(ctx); err != nil {
		return err
	}
	if time.Since(*thinned) < thinEvery {
		return nil
	}
	*thinned = time.Now()
	return d.Tick(ctx, d.Now())
}
