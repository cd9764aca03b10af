package syncline

import "time"

// Series is the backups of one host and one set of paths in one repository, as it is
// watched. It outlives its snapshots: forgetting them changes nothing of it.
type Series struct {
	// ID is the same for the same host and paths in the same repository, always.
	ID           ID
	RepositoryID ID
	HostName     string
	Paths        []string // sorted, the first of them
	MorePaths    int      // that are not among Paths
	AddedAt      time.Time

	// LastBackup is the time that the newest backup claims, and LastSeen the time that
	// counts for it. Both are zero while every backup claims the future.
	LastBackup time.Time
	LastSeen   time.Time
	// Latest and Tags are those of the snapshot that was seen last.
	Latest Hash
	Tags   []string
	// Size is the bytes of that snapshot's files, or -1 where it does not tell.
	Size int64
	// Rhythm is the gap between two backups that nine of ten keep to; 0 while it is not
	// known.
	Rhythm time.Duration
	// Future counts the newest snapshots that claim the future. They do not count as
	// backups.
	Future int
	// SilentAtFirst says that the series was late when it was seen first, and has been
	// silent ever since.
	SilentAtFirst bool

	RetiredAt time.Time // zero while it is watched
	RetiredBy string    // the user's name
}

// TimeMark says why the time that a snapshot claims is not to be believed alone.
type TimeMark string

// The marks.
const (
	TimeFuture   TimeMark = "Future"   // it claims a time after it was first seen
	TimeLateSeen TimeMark = "LateSeen" // it was not there yet long after the time that it claims
)

// Sighting is the first time that a snapshot was seen.
type Sighting struct {
	Snapshot Hash
	Claimed  time.Time // by the clock of the backed-up machine
	Seen     time.Time // by Syncline's own
	Mark     TimeMark  // "" for none
}

// CountedSighting is a sighting in the past of a series.
type CountedSighting struct {
	Sighting
	// At is the time that counts: Seen, or Claimed for a snapshot that was there before
	// Syncline looked.
	At time.Time
}

// Look says how the watch of a repository's series stands.
type Look struct {
	RepositoryID ID
	// LookedAt is the last time at which the catalog showed all snapshots that the
	// repository had; zero for never.
	LookedAt time.Time
	// FailedAt is the time from which on the repository cannot be looked at; zero while
	// it can.
	FailedAt time.Time
	// Unwatched counts the series beyond the bound, and Names has the first of them.
	Unwatched int
	Names     []string
}

// MachineState is how the backups of a machine, or of one of its series, are.
type MachineState string

// The states.
const (
	MachineInTime  MachineState = "InTime"
	MachineLate    MachineState = "Late"
	MachineUnknown MachineState = "Unknown" // no rhythm is known and no rule applies, or the repository cannot be looked at
	MachineRetired MachineState = "Retired" // not watched, because it is over
)

// AlarmRule says how old the newest backup of some series may become, in place of the
// rhythm of each. Empty fields select all.
type AlarmRule struct {
	ID           ID
	Name         string
	Kind         AlarmKind // AlarmBackupLate
	RepositoryID ID
	HostPattern  string // as path.Match has them, without regard to letter case
	Paths        []string
	Tag          string // of the series' newest snapshot
	MaxAge       time.Duration
	Severity     Severity
	Disabled     bool
	CreatedAt    time.Time
	ManagedBy    string // as that of a Repository
}
