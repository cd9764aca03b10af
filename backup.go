package syncline

import (
	"io/fs"
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

// Compare orders snapshots by time, and those of one moment by their id.
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

// HiddenSnapshot is a snapshot that is in a repository and cannot be shown. A
// damaged one has nothing but its id.
type HiddenSnapshot struct {
	Snapshot Snapshot
	Reason   HiddenReason
}

// RestorePoint is one snapshot in one attached repository.
type RestorePoint struct {
	// ID is the same for the same snapshot in the same repository, always.
	ID           ID
	RepositoryID ID
	Snapshot     Snapshot
	// Missing is how many different folders in it the repository has lost; the
	// rest is there.
	Missing int
	// Lost says that its root is one of them: nothing of it can be shown.
	Lost bool
	// FirstSeen is the time at which Syncline saw it first, by Syncline's own clock; zero
	// where that is not known. TimeMark says what it means for the time that the snapshot
	// claims.
	FirstSeen time.Time
	TimeMark  TimeMark
}

// EntryType is the type of an entry, in restic's spelling. A repository may
// hold others than the ones named here; they are kept as they are.
type EntryType string

// The entry types that restic writes.
const (
	TypeFile      EntryType = "file"
	TypeDir       EntryType = "dir"
	TypeSymlink   EntryType = "symlink"
	TypeDevice    EntryType = "dev"
	TypeCharDev   EntryType = "chardev"
	TypeFifo      EntryType = "fifo"
	TypeSocket    EntryType = "socket"
	TypeIrregular EntryType = "irregular"
)

// Entry is one item of a directory in a backup, with all that restic recorded
// of it. Strings are raw bytes as the backed-up machine had them and need not
// be UTF-8.
type Entry struct {
	Name string
	Type EntryType
	Mode fs.FileMode // Go's own mode bits, as restic stores them

	ModTime    time.Time
	AccessTime time.Time
	ChangeTime time.Time

	UID, GID    uint32
	User, Group string

	Inode    uint64
	DeviceID uint64 // st_dev; newer restic stores it for hard links only
	Size     uint64 // bytes; files only
	Links    uint64 // number of hard links

	LinkTarget string
	Device     uint64 // st_rdev, of device nodes

	ExtendedAttributes []ExtendedAttribute
	GenericAttributes  []GenericAttribute // sorted by name

	Content []Hash // data blobs of a file, in order
	Subtree Hash   // tree blob of a directory; zero for none
	Lost    bool   // the repository has lost that tree: what is in the directory is not known

	Error string // what restic noted when it could not read the item
}

// ExtendedAttribute is one extended attribute of an entry.
type ExtendedAttribute struct {
	Name  string
	Value []byte
}

// GenericAttribute is one operating-system specific attribute: its name, such
// as windows.creation_time, and its value as restic's JSON.
type GenericAttribute struct {
	Name  string
	Value []byte
}

// IsDir reports whether the entry is a directory.
func (e *Entry) IsDir() bool { return e.Type == TypeDir }
