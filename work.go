package syncline

import "time"

// WorkKind names a kind of work on a repository.
type WorkKind string

// The kinds of work.
const (
	WorkSynchronize WorkKind = "synchronize" // a session
	WorkRestore     WorkKind = "restore"     // a restore job
)

// WorkState is where a piece of work stands.
//
//	queued ──> running ──> succeeded
//	   │          ├──────> stopped     on request
//	   │          └──────> failed
//	   └─────────────────> stopped     on request, before it ran
//	   └─────────────────> failed      when it cannot begin
//
// Only package run moves work. Every move is written to the store before anyone is
// told of it, unless the store cannot take it. A crash leaves work queued or running;
// the next start continues it under the same id. The last three states are final.
type WorkState string

// The states of work.
const (
	WorkQueued    WorkState = "queued"
	WorkRunning   WorkState = "running"
	WorkSucceeded WorkState = "succeeded"
	WorkStopped   WorkState = "stopped"
	WorkFailed    WorkState = "failed"
)

// Ended reports whether the state is final.
func (s WorkState) Ended() bool {
	return s == WorkSucceeded || s == WorkStopped || s == WorkFailed
}

// Known reports whether s is one of the states.
func (s WorkState) Known() bool { return s == WorkQueued || s == WorkRunning || s.Ended() }

// Work is a piece of work on one repository: all that its kinds have in common.
type Work struct {
	ID            ID
	Kind          WorkKind
	RepositoryID  ID
	StartedBy     string // the user's name; empty for a kind that does not keep it
	State         WorkState
	StopRequested bool
	Progress      int    // percent, 0 to 100; 100 only when succeeded
	Error         string // only when failed: one sentence for a user
	CreatedAt     time.Time
	StartedAt     time.Time // zero while queued
	EndedAt       time.Time // zero until ended
}

// Session is one synchronization of one repository's metadata.
type Session struct {
	Work
	Statistics SessionStatistics
}

// SessionStatistics counts what a session did. Sizes are bytes.
type SessionStatistics struct {
	Requests         int64            `json:"requests"`         // to the storage, all kinds
	RequestsByKind   map[string]int64 `json:"requestsByKind"`   // "list snapshots", "get data" and so on
	BytesFetched     int64            `json:"bytesFetched"`     // from the storage
	BytesPlanned     int64            `json:"bytesPlanned"`     // tree blobs that were to be fetched
	Retries          int64            `json:"retries"`          // requests tried again
	SnapshotsTotal   int64            `json:"snapshotsTotal"`   // visible now, at the end when it has ended
	SnapshotsFound   int64            `json:"snapshotsFound"`   // in the repository and not yet visible at the beginning
	SnapshotsAdded   int64            `json:"snapshotsAdded"`   // made visible by this session
	SnapshotsRemoved int64            `json:"snapshotsRemoved"` // gone from the repository
	IndexesRead      int64            `json:"indexesRead"`
	TreesAdded       int64            `json:"treesAdded"`
	EntriesAdded     int64            `json:"entriesAdded"` // distinct entries not known before
	Damaged          int64            `json:"damaged"`      // objects found damaged or missing
}

// LogLevel is the weight of a log item.
type LogLevel string

// The levels of a log item.
const (
	LogInfo    LogLevel = "Info"
	LogSuccess LogLevel = "Success"
	LogWarning LogLevel = "Warning"
	LogError   LogLevel = "Error"
)

// LogItem is one line of what work did or met.
type LogItem struct {
	Seq     int64 // 1, 2, … within the work
	Time    time.Time
	Level   LogLevel
	Message string // one sentence; names the object concerned
}

// RestoreTarget is a folder of the server's that the operator lets restores
// write into.
type RestoreTarget struct {
	Name string
	Path string // absolute and clean
}

// RestoreOverwrite says what becomes of files that are in the target already.
type RestoreOverwrite string

// The ways to treat what is there. All but Never write only what differs.
const (
	OverwriteAlways    RestoreOverwrite = "Always"    // contents are compared
	OverwriteIfChanged RestoreOverwrite = "IfChanged" // a file of the same size and modification time is taken to be right
	OverwriteIfNewer   RestoreOverwrite = "IfNewer"   // only files older than the restore point's
	OverwriteNever     RestoreOverwrite = "Never"     // only what is not there
)

// Known reports whether o is one of the ways.
func (o RestoreOverwrite) Known() bool {
	switch o {
	case OverwriteAlways, OverwriteIfChanged, OverwriteIfNewer, OverwriteNever:
		return true
	}
	return false
}

// RestoreJob is one restore on the server. After a crash or a shutdown the next start
// continues it under the same id. A job whose Overwrite would keep the half-written
// files of the interrupted run fails instead, and says so.
type RestoreJob struct {
	Work
	NodeID         ID // of the node that has the target; "" where there is one node
	RestorePointID ID
	SnapshotID     Hash
	TargetPath     string // absolute and clean, in a RestoreTarget
	RestoreSelection
	Statistics RestoreStatistics
}

// RestoreSelection says what a job restores, and how.
type RestoreSelection struct {
	Paths     []string // absolute, each with all below it; all when empty
	Include   []string // patterns as restic has them; not together with Exclude
	Exclude   []string
	Overwrite RestoreOverwrite
	Sparse    bool // zeros become holes in files that are new
	Verify    bool // files are read back and compared
}

// RestoreStatistics counts what a restore did.
type RestoreStatistics struct {
	Files      int64 `json:"files"` // that are in the target now as in the restore point
	Folders    int64 `json:"folders"`
	Others     int64 `json:"others"`     // links, pipes, devices
	Unchanged  int64 `json:"unchanged"`  // of files, those whose content was there
	Skipped    int64 `json:"skipped"`    // left as they were, by Overwrite; sockets; devices without the right to them
	Failed     int64 `json:"failed"`     // named in the job's log
	Bytes      int64 `json:"bytes"`      // written into files
	TotalFiles int64 `json:"totalFiles"` // that are to be in the target
	TotalBytes int64 `json:"totalBytes"` // in these
}
