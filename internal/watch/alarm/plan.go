package alarm

import (
	"cmp"
	"slices"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// plan returns the steps from the known alarms to the conditions that hold at a time.
// known are the alarms of one kind and repository that are open, or ended within Damp,
// oldest first. No two conditions have the same subject.
func plan(at time.Time, known []syncline.Alarm, now []syncline.Condition, newID func() syncline.ID) []store.AlarmChange {
	open, ended := make(map[string]syncline.Alarm), make(map[string]syncline.Alarm)
	for _, a := range known {
		if a.Open() {
			open[a.Subject] = a
		} else {
			ended[a.Subject] = a // the one that began last
		}
	}
	now = folded(now, open)
	holds := make(map[string]bool, len(now))
	var changes []store.AlarmChange
	for _, c := range now {
		holds[c.Subject] = true
		if a, ok := open[c.Subject]; ok {
			if !same(a.Condition, c) {
				changes = append(changes, change(at, a, c))
			}
			continue
		}
		if a, ok := ended[c.Subject]; ok {
			changes = append(changes, reopen(at, a, c))
			continue
		}
		changes = append(changes, store.AlarmChange{
			New: true, Event: syncline.AlarmBegan, TellAt: at,
			Alarm: syncline.Alarm{ID: newID(), Condition: c, Peak: c.Severity, StartedAt: at},
		})
	}
	for _, a := range known {
		if a.Open() && !holds[a.Subject] {
			changes = append(changes, end(at, a))
		}
	}
	return changes
}

// change gives an open alarm what its condition is at present.
func change(at time.Time, a syncline.Alarm, c syncline.Condition) store.AlarmChange {
	step := store.AlarmChange{Alarm: a, Was: a}
	step.Alarm.Condition = c
	if c.Severity.Rank() > a.Peak.Rank() {
		step.Alarm.Peak, step.Event, step.TellAt = c.Severity, syncline.AlarmWorsened, at
	}
	return step
}

// reopen begins an alarm again. Its first end was told, so its new begin is. Later ends
// are yet to be told, and are taken back.
func reopen(at time.Time, a syncline.Alarm, c syncline.Condition) store.AlarmChange {
	step := change(at, a, c)
	step.Alarm.EndedAt = time.Time{}
	step.Alarm.Reopened++
	if a.Reopened == 0 {
		step.Event, step.TellAt = syncline.AlarmBegan, at
	} else {
		step.TakeBack = at
	}
	return step
}

func end(at time.Time, a syncline.Alarm) store.AlarmChange {
	step := store.AlarmChange{Alarm: a, Was: a, Event: syncline.AlarmEnded, TellAt: at}
	step.Alarm.EndedAt = at
	if a.Reopened > 0 {
		step.TellAt = at.Add(Damp)
	}
	return step
}

// rest is the subject of the alarm that stands for the conditions beyond MaxOpen.
const rest = "…"

// folded returns at most MaxOpen conditions. Those that are open already stay, so no
// alarm ends because another one began; the heaviest follow.
func folded(now []syncline.Condition, open map[string]syncline.Alarm) []syncline.Condition {
	if len(now) <= MaxOpen {
		return now
	}
	isNew := func(c syncline.Condition) int {
		if _, ok := open[c.Subject]; ok {
			return 0
		}
		return 1
	}
	now = slices.Clone(now)
	slices.SortFunc(now, func(a, b syncline.Condition) int {
		return cmp.Or(isNew(a)-isNew(b), b.Severity.Rank()-a.Severity.Rank(), cmp.Compare(a.Subject, b.Subject))
	})
	single, beyond := now[:MaxOpen-1:MaxOpen-1], now[MaxOpen-1:]
	return append(single, together(beyond))
}

// same reports whether a condition is as an alarm has it.
func same(a, b syncline.Condition) bool {
	return a.Severity == b.Severity && a.HostName == b.HostName && slices.Equal(a.Paths, b.Paths) &&
		a.Message == b.Message && a.Link == b.Link
}
