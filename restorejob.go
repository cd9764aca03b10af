package syncline

import "time"

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

// RestoreJob is one restore on the server. Its states are those of a session,
// and are moved in the same way, by package jobs only. After a crash or a
// shutdown the next start continues it under the same id, unless Overwrite
// would keep what the cut-off run had begun to write: then it fails and says
// so.
type RestoreJob struct {
	ID             ID
	RepositoryID   ID
	RestorePointID ID
	SnapshotID     Hash
	StartedBy      string // the user's name
	TargetPath     string // absolute and clean, in a RestoreTarget
	RestoreSelection
	State         SessionState
	StopRequested bool
	Progress      int    // percent of the bytes, 0 to 100; 100 only when succeeded
	Error         string // only when failed: one sentence for a user
	CreatedAt     time.Time
	StartedAt     time.Time // zero while queued
	EndedAt       time.Time // zero until ended
	Statistics    RestoreStatistics
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
	Skipped    int64 `json:"skipped"`    // left as they were
	Failed     int64 `json:"failed"`     // named in the job's log
	Bytes      int64 `json:"bytes"`      // written into files
	TotalFiles int64 `json:"totalFiles"` // that are to be in the target
	TotalBytes int64 `json:"totalBytes"` // in these
}
