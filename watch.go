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

// CheckResult is what a check of a repository found.
type CheckResult string

// The results of a check.
const (
	CheckSuccess CheckResult = "Success" // the repository is as the catalog has it
	CheckChanged CheckResult = "Changed" // there is something new, so a session starts
	CheckFailed  CheckResult = "Failed"  // the repository cannot be read, or has lost its files
)

// Check is the last look at a repository: what lies there is compared with the catalog.
// It reads listings and derives no key.
type Check struct {
	RepositoryID ID
	At           time.Time // the end of the check; zero for none
	Result       CheckResult
	Error        string // only when failed: one sentence for a user
	Code         Code   // of the failure, "" for none
	// Failures counts the failed checks in a row, and FailingSince is the end of the
	// first of them.
	Failures     int
	FailingSince time.Time
	// Listing tells states of the repository apart: two checks that found the same files
	// have the same one. "" where a check has found none.
	Listing string
	// Session is how the last session ended.
	Session SessionVerdict
	// Due is when the next check was planned for at the last turn, zero for never, and
	// Plan is what it was planned by.
	Due  time.Time
	Plan string
	// LookedAt is the last time at which the catalog was known to show all that was there.
	LookedAt time.Time
	// AskedAt is when somebody asked for a check that has not been made, zero for nobody.
	// Anew says that the last session counts for nothing then.
	AskedAt time.Time
	Anew    bool
}

// SessionVerdict is how a session ended. The zero value is for a success.
type SessionVerdict struct {
	Error    string
	Code     Code      // of the failure, "" for none
	Failures int       // sessions that failed in a row
	Since    time.Time // the end of the first of them
	At       time.Time // the end of the last of them
	Listing  string    // of the check before the last of them, "" for none
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
