package syncline

import "time"

// Schedule says when a repository is checked by itself. The zero value follows the
// server's own interval.
type Schedule struct {
	// Disabled turns the checks of the repository off.
	Disabled bool
	// Interval is the time from one check to the next; 0 for the server's own.
	Interval time.Duration
	// Cron takes the place of Interval: five fields as in crontab(5), "" for none.
	// TimeZone is where its times are meant, a name of the IANA database; "" for UTC.
	Cron     string
	TimeZone string
}

// AlarmKind is a kind of alarm.
type AlarmKind string

// The kinds of alarms.
const (
	AlarmBackupLate            AlarmKind = "BackupLate"            // a series is silent for longer than its rhythm or its rule allows
	AlarmBackupUnusual         AlarmKind = "BackupUnusual"         // a backup differs from the past of its series
	AlarmRepositoryUnreachable AlarmKind = "RepositoryUnreachable" // the storage does not answer, or the repository is not there
	AlarmRepositoryDamaged     AlarmKind = "RepositoryDamaged"     // objects of the repository are missing or damaged
	AlarmSynchronizationFailed AlarmKind = "SynchronizationFailed" // sessions fail for another reason
	AlarmStorageLow            AlarmKind = "StorageLow"            // a disk is nearly full
)

// Severity is the weight of an alarm.
type Severity string

// The severities, from the lightest on.
const (
	SeverityInfo     Severity = "Info"
	SeverityWarning  Severity = "Warning"
	SeverityCritical Severity = "Critical"
)

// Rank orders severities: the heavier one has the higher rank. An unknown one has 0.
func (s Severity) Rank() int {
	switch s {
	case SeverityInfo:
		return 1
	case SeverityWarning:
		return 2
	case SeverityCritical:
		return 3
	}
	return 0
}

// Condition is something that is wrong at present. The desk of alarms makes an alarm
// of it.
type Condition struct {
	Kind     AlarmKind
	Severity Severity
	// RepositoryID is the repository concerned; "" for the server itself.
	RepositoryID ID
	// Subject tells the conditions of one kind and repository apart: the id of a series,
	// the name of a disk; "" where there can be one condition only. It stays the same as
	// long as the condition does.
	Subject  string
	HostName string   // "" where no host is concerned
	Paths    []string // of the series, nil for none
	Message  string   // one sentence for a user: the fault, and how to mend it
	// Link is the path of the console's page that shows more, "" for none.
	Link string
}
