package syncline

import "time"

// EntriesQuery asks for the entries of one folder of a restore point.
type EntriesQuery struct {
	Path         string // absolute, of the folder
	Sort         string // name, size, modified or type; name when empty
	Descending   bool
	FoldersFirst bool // in either order
	Limit        int  // entries of a page
	Cursor       string
}

// EntryPage is one page of a folder's entries, without their extended
// attributes and content.
type EntryPage struct {
	Path    string // of the folder, in its plain form
	Total   int    // entries of the whole folder
	Entries []Entry
	Next    string // cursor of the next page; "" at the end
}

// ChangeKind says how an entry differs between two restore points.
type ChangeKind string

// The kinds of changes.
const (
	ChangeAdded    ChangeKind = "Added"
	ChangeRemoved  ChangeKind = "Removed"
	ChangeContent  ChangeKind = "ContentChanged"
	ChangeMetadata ChangeKind = "MetadataChanged"
	ChangeType     ChangeKind = "TypeChanged"
)

// DifferencesQuery asks how a restore point With differs from another one.
type DifferencesQuery struct {
	With   ID         // what it became
	Path   string     // absolute; only this folder
	Kind   ChangeKind // only these; all when empty
	Limit  int
	Cursor string
}

// Difference is one entry that differs.
type Difference struct {
	Path          string
	Change        ChangeKind
	Before, After *Entry // nil where it is not there
}

// DifferencePage is one page of differences, each folder's by name.
type DifferencePage struct {
	Differences []Difference
	Next        string // cursor of the next page; "" at the end
}

// DifferenceCounts counts differences. Bytes are sizes of files: those added
// and the new sizes of those whose content changed; those removed and the
// former sizes of those whose content changed.
type DifferenceCounts struct {
	Added, Removed, ContentChanged, MetadataChanged, TypeChanged uint64
	BytesAdded, BytesRemoved                                     uint64
}

// FolderDifference is what differs at and below one entry of a folder.
type FolderDifference struct {
	Path string
	DifferenceCounts
}

// DifferenceSummary is the totals of a comparison. Folders has the entries of
// the compared folder with most bytes added and removed.
type DifferenceSummary struct {
	DifferenceCounts
	Folders []FolderDifference
}

// HistoryQuery asks for the versions of one path in a repository.
type HistoryQuery struct {
	Path   string // absolute
	Host   string // only of this host; all when empty
	Limit  int
	Cursor string
}

// VersionEvent says how a version came about.
type VersionEvent string

// The events.
const (
	VersionAppeared VersionEvent = "Appeared"
	VersionChanged  VersionEvent = "Changed"
	VersionVanished VersionEvent = "Vanished"
)

// Version is one state of a path, through consecutive restore points of a host.
type Version struct {
	Hostname      string
	Event         VersionEvent
	Entry         *Entry // nil when it vanished
	First, Last   ID     // restore points
	FirstTime     time.Time
	LastTime      time.Time
	RestorePoints int // that have this state

	FirstSnapshot, LastSnapshot Hash
}

// VersionPage is one page of versions, oldest first.
type VersionPage struct {
	Versions []Version
	Next     string // cursor of the next page; "" at the end
}
