package syncline

import (
	"crypto/sha1" //nolint:gosec // a UUID of version 5 is made with it
	"fmt"
	"time"
)

// AlarmKinds returns all kinds of alarms.
func AlarmKinds() []AlarmKind {
	return []AlarmKind{
		AlarmBackupLate, AlarmBackupUnusual, AlarmRepositoryUnreachable,
		AlarmRepositoryDamaged, AlarmSynchronizationFailed, AlarmStorageLow,
	}
}

// Severities returns all severities, from the lightest on.
func Severities() []Severity { return []Severity{SeverityInfo, SeverityWarning, SeverityCritical} }

// Alarm is a condition with its history. It is open until EndedAt.
type Alarm struct {
	ID ID
	Condition
	Peak           Severity // the heaviest severity that it has had
	StartedAt      time.Time
	EndedAt        time.Time // zero while open
	Reopened       int       // how often it began again after an end
	AcknowledgedBy string    // the user's name, "" for nobody
	AcknowledgedAt time.Time
	Note           string
	SilencedUntil  time.Time // zero for no silence
}

// Open reports whether the condition still holds.
func (a *Alarm) Open() bool { return a.EndedAt.IsZero() }

// Silenced reports whether nobody is to hear of the alarm at a time.
func (a *Alarm) Silenced(at time.Time) bool { return at.Before(a.SilencedUntil) }

// MaxNote bounds the note of an alarm, in bytes.
const MaxNote = 2000

// MaxSilence bounds how long an alarm is silenced.
const MaxSilence = 366 * 24 * time.Hour

// AlarmEvent is a change of an alarm that people are told of.
type AlarmEvent string

// The events.
const (
	AlarmBegan    AlarmEvent = "Began"
	AlarmWorsened AlarmEvent = "Worsened" // its severity is heavier than ever
	AlarmEnded    AlarmEvent = "Ended"
)

// AlarmState selects alarms.
type AlarmState string

// The states; "" selects both.
const (
	AlarmStateOpen  AlarmState = "Open"
	AlarmStateEnded AlarmState = "Ended"
)

// AlarmFilter selects alarms. A zero field selects all.
type AlarmFilter struct {
	State        AlarmState
	RepositoryID ID
	Kind         AlarmKind
}

// AlarmCount counts the open alarms of one kind and severity.
type AlarmCount struct {
	Kind     AlarmKind
	Severity Severity
	Open     int
}

// machines is the name space of the ids of machines, a UUID without its dashes.
var machines = [16]byte{0x6f, 0x1d, 0x2a, 0x8c, 0x52, 0x0e, 0x4b, 0x0b, 0x9b, 0x57, 0x3e, 0x0c, 0x21, 0xd4, 0x7a, 0x90}

// MachineID returns the id of the machine with a host name: a UUID of version 5.
func MachineID(host string) ID {
	h := sha1.New() //nolint:gosec // as above
	h.Write(machines[:])
	h.Write([]byte(host))
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 5<<4
	u[8] = u[8]&0x3f | 0x80
	return ID(fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]))
}
