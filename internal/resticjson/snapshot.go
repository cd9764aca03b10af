// Package resticjson writes snapshots and entries in the form of restic's
// --json, as of restic 0.17 and later: the same keys in the same order, and the
// same escapes. It knows nothing of catalogs and commands.
package resticjson

import (
	"encoding/json"
	"time"

	"syncline.dev/syncline"
)

// Snapshot is restic's form of a snapshot. Encode it with encoding/json.
type Snapshot struct {
	SnapshotFields
	ID      syncline.Hash `json:"id"`
	ShortID string        `json:"short_id"`
}

// SnapshotFields is a snapshot as in the repository, without its id.
type SnapshotFields struct {
	Time           time.Time      `json:"time"`
	Parent         *syncline.Hash `json:"parent,omitempty"`
	Tree           *syncline.Hash `json:"tree"` // nil if it is unknown
	Paths          []string       `json:"paths"`
	Hostname       string         `json:"hostname,omitempty"`
	Username       string         `json:"username,omitempty"`
	UID            uint32         `json:"uid,omitempty"`
	GID            uint32         `json:"gid,omitempty"`
	Excludes       []string       `json:"excludes,omitempty"`
	Tags           []string       `json:"tags,omitempty"`
	Original       *syncline.Hash `json:"original,omitempty"`
	ProgramVersion string         `json:"program_version,omitempty"`
	Summary        *Summary       `json:"summary,omitempty"`
}

// Summary is restic's record of the backup that made a snapshot. Sizes are
// bytes.
type Summary struct {
	BackupStart         time.Time `json:"backup_start"`
	BackupEnd           time.Time `json:"backup_end"`
	FilesNew            uint64    `json:"files_new"`
	FilesChanged        uint64    `json:"files_changed"`
	FilesUnmodified     uint64    `json:"files_unmodified"`
	DirsNew             uint64    `json:"dirs_new"`
	DirsChanged         uint64    `json:"dirs_changed"`
	DirsUnmodified      uint64    `json:"dirs_unmodified"`
	DataBlobs           int64     `json:"data_blobs"`
	TreeBlobs           int64     `json:"tree_blobs"`
	DataAdded           uint64    `json:"data_added"`
	DataAddedPacked     uint64    `json:"data_added_packed"`
	TotalFilesProcessed uint64    `json:"total_files_processed"`
	TotalBytesProcessed uint64    `json:"total_bytes_processed"`
}

// NewSnapshot converts a snapshot. The result shares the slices.
func NewSnapshot(s *syncline.Snapshot) Snapshot {
	return Snapshot{
		SnapshotFields: SnapshotFields{
			Time: s.Time, Parent: optional(s.Parent), Tree: optional(s.Tree), Paths: s.Paths,
			Hostname: s.Hostname, Username: s.Username, UID: s.UID, GID: s.GID,
			Excludes: s.Excludes, Tags: s.Tags, Original: optional(s.Original),
			ProgramVersion: s.ProgramVersion, Summary: ParseSummary(s.Summary),
		},
		ID: s.ID, ShortID: s.ID.Short(),
	}
}

// ParseSummary reads a snapshot's summary object. It returns nil if there is
// none, or none that can be read.
func ParseSummary(raw []byte) *Summary {
	if len(raw) == 0 {
		return nil
	}
	var s *Summary
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil
	}
	return s
}

func optional(h syncline.Hash) *syncline.Hash {
	if h.IsZero() {
		return nil
	}
	return &h
}
