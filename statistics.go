package syncline

import "time"

// EntryCounts counts what lies in a restore point, each path once. Numbers
// stop at the greatest one instead of passing it: a small repository can
// expand without end.
type EntryCounts struct {
	Files, Folders uint64
	Links          uint64 // symbolic ones
	Others         uint64 // devices, pipes, sockets and what else there is
	Missing        uint64 // of Folders, those that the repository has lost: what is in them is not counted
}

// PointStatistics is what a restore point holds, and what it holds beside the
// others of its repository. Sizes are bytes. Plain ones are of data blobs as
// the files had them; stored ones are of data and tree blobs as they lie in the
// packs, compressed and encrypted.
type PointStatistics struct {
	Point RestorePoint
	EntryCounts
	// Size is what a restore writes: restic's restore-size, in which the names
	// of one hard link count once.
	Size uint64

	// What no restore point before it had. A file is added also when only its
	// metadata changed.
	AddedFiles, AddedSize, AddedStoredSize uint64
	// What no other restore point has: what is freed when it is forgotten.
	UniqueFiles, UniqueSize, UniqueStoredSize uint64
	// What it and those before it need together.
	DistinctSize, StoredSize uint64
}

// RepositoryStatistics is what the restore points of a repository hold.
type RepositoryStatistics struct {
	RepositoryID ID
	Points       []PointStatistics // oldest first

	EntryCounts         // of all restore points together
	Size         uint64 // likewise
	FileVersions uint64 // distinct files, by name, metadata and content

	// What the restore points need, and of that what no index has.
	DataBlobs, TreeBlobs, MissingBlobs uint64
	DataSize, StoredSize               uint64
	UnusedStoredSize                   uint64 // of blobs that no restore point needs
}

// SizedPath is a file or folder with its size. Of a folder it is that of all
// files below it.
type SizedPath struct {
	Path    string
	Files   uint64 // below a folder
	Size    uint64
	ModTime time.Time // of a file
}

// KindSize is the files of one kind: those whose names have one ending.
type KindSize struct {
	Kind  string // such as ".jpg", in lower case; "" for names without one
	Other bool   // not one kind, but all that are not listed
	Files uint64
	Size  uint64
}

// RestorePointStatistics is what lies in a restore point.
type RestorePointStatistics struct {
	PointStatistics
	LargestFiles, LargestFolders []SizedPath // largest first
	Kinds                        []KindSize  // largest first, the rest as one at the end
}

// FolderSizesQuery asks how the size of a folder comes about.
type FolderSizesQuery struct {
	Path  string // absolute, of the folder
	Depth int    // levels below it, one at least
	Limit int    // children listed of each folder
}

// FolderSize is an entry with the sizes of what is in it. Names of hard links
// count each.
type FolderSize struct {
	Path, Name string
	Type       EntryType
	EntryCounts
	Size     uint64
	Listed   bool // Children and Rest tell what is in it
	Children []FolderSize
	Rest     FolderRest
}

// FolderRest is the entries of a folder that are not listed.
type FolderRest struct {
	Count int
	EntryCounts
	Size uint64
}

// CountMode is one of restic's ways to count what snapshots hold.
type CountMode string

// The modes, in restic's spelling.
const (
	CountRestoreSize     CountMode = "restore-size"      // what restoring each snapshot writes
	CountFilesByContents CountMode = "files-by-contents" // files, each content once
	CountBlobsPerFile    CountMode = "blobs-per-file"    // their blobs, each once for each path
	CountRawData         CountMode = "raw-data"          // blobs, each once
)

// CountModes has all modes.
var CountModes = []CountMode{CountRestoreSize, CountFilesByContents, CountBlobsPerFile, CountRawData}

// Counts is what restic's stats tells. What a mode does not count is 0.
type Counts struct {
	Snapshots    int
	Files, Blobs uint64
	Size         uint64 // bytes
	// The rest is for raw data in a repository that has compressed blobs. Sizes
	// are of encrypted blobs, as Size is then.
	UncompressedSize               uint64
	CompressedSize, CompressedFrom uint64 // of compressed blobs: now, and before that
	Missing                        uint64 // folders that the repository has lost: what is in them is not counted
}
