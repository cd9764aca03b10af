package syncline

import "time"

// EntriesQuery asks for the entries of one folder of a restore point.
type EntriesQuery struct {
	Path         string // absolute, of the folder
	Sort         string // name, size, modified or type; name when empty
	Descending   bool
	FoldersFirst bool // in either order
	Recursive    bool // also what is in the folders below; by name only
	Limit        int  // entries of a page
	Cursor       string

	// In place of a cursor: the page begins behind so many entries, or at the
	// entry of this name; without one, at the first whose name begins so,
	// whatever the letter case.
	Offset int
	Find   string
}

// EntryPage is one page of a folder's entries, without their extended
// attributes and content.
type EntryPage struct {
	Path    string // of the folder, in its plain form
	Total   int    // entries of the whole folder, without those below
	Offset  int    // entries before the page
	Entries []Entry
	Paths   []string // of the entries; nil when all lie in the folder itself
	Next    string   // cursor of the next page; "" at the end
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
	Missing     int    // folders of the page of which nobody knows how they differ, because they are lost
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
	Type EntryType // after, or before where it is gone
	DifferenceCounts
}

// DifferenceSummary is the totals of a comparison. Folders has the entries of
// the compared folder with most bytes added and removed.
type DifferenceSummary struct {
	DifferenceCounts
	Missing int // folders of which nobody knows how they differ, because they are lost
	Folders []FolderDifference
}

// SideCounts counts what is on one side of a comparison only. Bytes are those of
// the blobs.
type SideCounts struct {
	Files, Folders, Others uint64
	DataBlobs, TreeBlobs   uint64
	Bytes                  uint64
}

// DifferenceStatistics is the totals of a comparison as restic counts them.
type DifferenceStatistics struct {
	ChangedFiles   uint64
	Added, Removed SideCounts
	Missing        int // folders of which nobody knows how they differ, because they are lost
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
	Unknown  int    // restore points that say nothing about the path, because folders on the way to it are lost
	Next     string // cursor of the next page; "" at the end
}

// SearchQuery asks for the versions of files and folders by their names, in
// all restore points of some repositories.
type SearchQuery struct {
	// Texts are parts of names, any of them, without regard to the normal form
	// of accented letters; "" is in every name, and so is none. With Pattern they
	// are restic's, and a folder that matches brings what is in it.
	Texts     []string
	Pattern   bool
	MatchCase bool // letter case counts; for a part of a name the normal form too

	Folder                   string // absolute: only what lies below it; everywhere when empty
	Types                    []EntryType
	MinSize                  uint64    // bytes; a bound chooses files only
	MaxSize                  *uint64   // nil for no bound
	ModifiedFrom, ModifiedTo time.Time // both included; zero for no bound

	Hosts         []string   // any of them
	Tags          [][]string // lists of which one must match: all tags in it are the snapshot's
	RestorePoints []ID       // any of them; all when empty

	Limit  int // results of a page, one at least
	Cursor string
}

// FoundVersion is a version of a path with the restore points that have exactly
// it there. The entry comes without extended attributes and content.
type FoundVersion struct {
	RepositoryID  ID
	Path          string
	Entry         *Entry
	First, Last   RestorePoint
	RestorePoints int
}

// SearchCut says what a page leaves out.
type SearchCut string

// What can be left out.
const (
	SearchComplete  SearchCut = ""
	SearchCutTime   SearchCut = "time"    // the time for one page was over
	SearchCutFolder SearchCut = "folders" // folders with very long paths were not looked into
)

// SearchGap says why a repository was not searched.
type SearchGap string

// The reasons.
const (
	GapNotSynchronized SearchGap = "NotSynchronized" // it has no catalog yet
	GapSynchronizing   SearchGap = "Synchronizing"   // its first catalog is being made
	GapDamaged         SearchGap = "Damaged"         // its catalog is damaged and will be made anew
	GapTime            SearchGap = "Time"            // nothing was found in the time for a page
)

// NotSearched is a repository that a page has no results of.
type NotSearched struct {
	RepositoryID ID
	Reason       SearchGap
}

// SearchPage is one page of what was found: repository by repository in order
// of their ids, the paths in order, the versions of a path as they appeared.
type SearchPage struct {
	Results     []FoundVersion
	NotSearched []NotSearched
	Incomplete  int // restore points that were searched and lack folders
	Cut         SearchCut
	Next        string // cursor of the next page; "" at the end
}
