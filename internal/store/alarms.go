package store

import (
	"context"
	"time"

	"syncline.dev/syncline"
)

// AlarmChange is one step of an alarm.
type AlarmChange struct {
	// Alarm is the alarm after the step. A store takes its acknowledgement, its note and
	// its silence only when the alarm is new.
	Alarm syncline.Alarm
	New   bool
	// Was is the alarm before the step. CodeConflict says that it is open or ended
	// differently by now, or was heavier meanwhile, so that the same step was made already.
	// The zero value compares nothing.
	Was syncline.Alarm
	// Event is told to people at TellAt, or later; "" for nothing to tell.
	Event  syncline.AlarmEvent
	TellAt time.Time
	// TakeBack drops the events of the alarm that are not to be told yet at this time;
	// zero for none.
	TakeBack time.Time
}

// PendingEvent is a change of an alarm that is yet to be told.
type PendingEvent struct {
	Seq    int64 // the order of the events
	Event  syncline.AlarmEvent
	At     time.Time // when it happened
	TellAt time.Time // not before
	Alarm  syncline.Alarm
}

// Alarms keeps the alarms, and what is yet to be told of them. They go with their
// repository.
type Alarms interface {
	// Alarms returns a page of the alarms that match, newest first, and the number of
	// all that match.
	Alarms(ctx context.Context, f syncline.AlarmFilter, limit, offset int) ([]syncline.Alarm, int, error)
	Alarm(ctx context.Context, id syncline.ID) (syncline.Alarm, error)
	// AlarmsOf returns the alarms of a kind and repository ("" for the server itself)
	// that are open, or ended after a time, oldest first.
	AlarmsOf(ctx context.Context, kind syncline.AlarmKind, repository syncline.ID, endedAfter time.Time) ([]syncline.Alarm, error)
	// ChangeAlarms makes all the changes or none. It fails with CodeNotFound for an
	// unknown alarm or repository, with CodeNotFound for an open alarm of a repository
	// that a hold of all kinds says is being removed, and with CodeConflict when a second alarm would be
	// open with the same kind, repository and subject, or an alarm is not what it was.
	ChangeAlarms(ctx context.Context, at time.Time, changes []AlarmChange) error
	// AcknowledgeAlarm records who knows of an alarm. A nil note leaves the old one.
	AcknowledgeAlarm(ctx context.Context, id syncline.ID, by string, at time.Time, note *string) (syncline.Alarm, error)
	// SilenceAlarm silences an open alarm until a time, or ends its silence with the
	// zero time. An ended alarm is CodeConflict.
	SilenceAlarm(ctx context.Context, id syncline.ID, until time.Time, note *string) (syncline.Alarm, error)
	// CountAlarms counts the open alarms, without those of which there are none.
	CountAlarms(ctx context.Context) ([]syncline.AlarmCount, error)
	// ThinAlarms removes alarms that ended before a time, and those that ended first
	// beyond a number to keep. One call removes a bounded number; more says that there
	// may be others. An alarm stays as long as an event of it is yet to be told.
	ThinAlarms(ctx context.Context, endedBefore time.Time, keep int) (more bool, err error)
}

// AlarmEvents are the changes that are yet to be told.
type AlarmEvents interface {
	// PendingEvents returns the events in order, at most limit, with their alarms as they
	// are at present.
	PendingEvents(ctx context.Context, limit int) ([]PendingEvent, error)
	// PendingEventsOf is PendingEvents for the alarms of a repository.
	PendingEventsOf(ctx context.Context, repository syncline.ID, limit int) ([]PendingEvent, error)
}
