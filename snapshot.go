package syncline

import "time"

// Snapshot is one restic snapshot, which the v6 API calls a restore point.
type Snapshot struct {
	ID       Hash
	Time     time.Time
	Tree     Hash // root tree
	Parent   Hash // zero for none
	Original Hash // the snapshot this one was rewritten from; zero for none
	Paths    []string
	Hostname string
	Username string
	UID, GID uint32
	Excludes []string
	Tags     []string

	ProgramVersion string
	// Summary is the snapshot's "summary" object as restic wrote it (JSON),
	// nil where there is none.
	Summary []byte
}
