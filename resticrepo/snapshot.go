package resticrepo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Snapshot is one snapshot. Times keep the offset from UTC with which they were
// written.
type Snapshot struct {
	ID       ID
	Time     time.Time
	Tree     ID // root tree, never zero
	Parent   ID // zero for none
	Original ID // the snapshot that this one is rewritten from; zero for none
	Paths    []string
	Hostname string
	Username string
	UID, GID uint32
	Excludes []string
	Tags     []string

	ProgramVersion string
	// Summary is the "summary" object as it was written, or nil.
	Summary json.RawMessage
}

// Snapshots lists the snapshots, sorted by id. It ignores names that are no
// hash. A snapshot that appears or goes during the listing may be in it or not.
// List snapshots before reading indexes, so that the indexes hold everything
// the snapshots need.
func (r *Repository) Snapshots(ctx context.Context) ([]File, error) {
	return ListSnapshots(ctx, r.st)
}

// ListSnapshots is Snapshots for a repository that is not open yet. The names
// are no secret, so a caller can list them while Open derives the key.
func ListSnapshots(ctx context.Context, st Storage) ([]File, error) {
	return listFolder(ctx, st, "snapshots")
}

func (r *Repository) list(ctx context.Context, dir string) ([]File, error) {
	return listFolder(ctx, r.st, dir)
}

// listFolder lists a folder of a repository. A missing folder is an empty one
// if the repository itself is there, because copies of repositories lose their
// empty folders. Otherwise the repository is gone, and listFolder fails.
func listFolder(ctx context.Context, st Storage, dir string) ([]File, error) {
	files, err := listFiles(ctx, st, dir)
	if err == nil || !isNotExist(err) {
		return files, err
	}
	if _, cerr := readFile(ctx, st, "config", 0, MaxConfigSize); cerr != nil {
		if errors.Is(cerr, ErrNotFound) {
			return nil, fmt.Errorf("%w: %w", ErrNoRepository, err)
		}
		return nil, cerr
	}
	return nil, nil
}

// LoadSnapshot reads one snapshot. The error of a missing file matches
// ErrNotFound, and the error of a wrong one is a *DamageError.
func (r *Repository) LoadSnapshot(ctx context.Context, f File) (*Snapshot, error) {
	name := "snapshots/" + f.ID.String()
	plain, err := r.loadUnpacked(ctx, name, f, MaxSnapshotSize)
	if err != nil {
		return nil, err
	}
	s, err := parseSnapshot(plain)
	if err != nil {
		return nil, &DamageError{Object: name, Reason: "it is not a valid snapshot", Err: err}
	}
	s.ID = f.ID
	return s, nil
}

func parseSnapshot(plain []byte) (*Snapshot, error) {
	var j struct {
		Time           time.Time       `json:"time"`
		Tree           ID              `json:"tree"`
		Parent         ID              `json:"parent"`
		Original       ID              `json:"original"`
		Paths          []string        `json:"paths"`
		Hostname       string          `json:"hostname"`
		Username       string          `json:"username"`
		UID            uint32          `json:"uid"`
		GID            uint32          `json:"gid"`
		Excludes       []string        `json:"excludes"`
		Tags           []string        `json:"tags"`
		ProgramVersion string          `json:"program_version"`
		Summary        json.RawMessage `json:"summary"`
	}
	if err := json.Unmarshal(plain, &j); err != nil {
		return nil, err
	}
	if j.Tree.IsZero() {
		return nil, errors.New("it names no tree")
	}
	if string(j.Summary) == "null" {
		j.Summary = nil
	}
	return &Snapshot{
		Time: fixZone(j.Time), Tree: j.Tree, Parent: j.Parent, Original: j.Original,
		Paths: j.Paths, Hostname: j.Hostname, Username: j.Username, UID: j.UID, GID: j.GID,
		Excludes: j.Excludes, Tags: j.Tags,
		ProgramVersion: j.ProgramVersion, Summary: j.Summary,
	}, nil
}
