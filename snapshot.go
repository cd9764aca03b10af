package syncline

import (
	"slices"
	"time"
)

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

// Compare orders snapshots by time, those of one moment by their id.
func (s *Snapshot) Compare(other *Snapshot) int {
	if c := s.Time.Compare(other.Time); c != 0 {
		return c
	}
	return slices.Compare(s.ID[:], other.ID[:])
}

// HiddenReason says why a snapshot that is in a repository cannot be shown.
type HiddenReason string

// The reasons.
const (
	// HiddenUnsynchronized: its folders are not in the catalog yet.
	HiddenUnsynchronized HiddenReason = "NotSynchronized"
	// HiddenDamaged: its file cannot be read, so nothing but its id is known.
	HiddenDamaged HiddenReason = "Damaged"
)

// HiddenSnapshot is a snapshot that is in a repository and cannot be shown. Of
// a damaged one nothing but the id is known.
type HiddenSnapshot struct {
	Snapshot Snapshot
	Reason   HiddenReason
}
