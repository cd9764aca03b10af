package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"syncline.dev/syncline"
)

// EntryCounts counts what lies in restore points, each path once. Numbers stop
// at the greatest one instead of passing it.
type EntryCounts struct {
	Files   uint64 `json:"files"`
	Folders uint64 `json:"folders"`
	Links   uint64 `json:"links"`          // symbolic ones
	Others  uint64 `json:"others"`         // devices, pipes, sockets and what else there is
	Missing uint64 `json:"missingFolders"` // folders that the repository has lost: what is in them is not counted
}

// PointCounts is what a restore point holds, and what it holds beside the others
// of its repository. Plain sizes are of data as the files had it; stored ones are
// of data and folders as they lie in the packs, compressed and encrypted.
type PointCounts struct {
	EntryCounts
	// Size is what a restore writes; the names of one hard link count once.
	Size uint64 `json:"size"`
	// Items that no earlier restore point has. A file counts as added also when
	// only its metadata changed.
	AddedFiles      uint64 `json:"addedFiles"`
	AddedSize       uint64 `json:"addedSize"`
	AddedStoredSize uint64 `json:"addedStoredSize"`
	// Items that no other restore point has.
	UniqueFiles      uint64 `json:"uniqueFiles"`
	UniqueSize       uint64 `json:"uniqueSize"`
	UniqueStoredSize uint64 `json:"uniqueStoredSize"`
}

// RestorePointGrowth is what one restore point adds to its repository.
type RestorePointGrowth struct {
	RestorePointID syncline.ID   `json:"restorePointId"`
	SnapshotID     syncline.Hash `json:"snapshotId"`
	BackupTime     time.Time     `json:"backupTime"`
	HostName       string        `json:"hostName"`
	PointCounts
	// Items that this restore point and the earlier ones need together.
	DistinctSize uint64 `json:"distinctSize"`
	StoredSize   uint64 `json:"storedSize"`
}

// RepositoryTotals is what all restore points of a repository hold together.
type RepositoryTotals struct {
	EntryCounts
	Size         uint64 `json:"size"`
	FileVersions uint64 `json:"fileVersions"` // distinct files, by name, metadata and content
	// The blobs that the restore points need, each once: their data, and their
	// space in the packs with the folders.
	RawDataSize uint64 `json:"rawDataSize"`
	StoredSize  uint64 `json:"storedSize"`
	DataBlobs   uint64 `json:"dataBlobs"`
	TreeBlobs   uint64 `json:"treeBlobs"`
	// UnusedStoredSize is of blobs that no restore point needs.
	UnusedStoredSize uint64 `json:"unusedStoredSize"`
	// MissingBlobs are needed and in no index. They count as nothing.
	MissingBlobs uint64 `json:"missingBlobs"`
}

// RepositoryStatistics tells how much a repository holds, and how it grew.
type RepositoryStatistics struct {
	RepositoryID  syncline.ID          `json:"repositoryId"`
	RestorePoints int                  `json:"restorePoints"` // that there are
	Totals        RepositoryTotals     `json:"totals"`
	Growth        []RestorePointGrowth `json:"growth"` // oldest first
}

// RepositoryStatistics tells how much a repository holds, and how it grew from
// restore point to restore point, oldest first. With points, of which there are
// 2 at least, the growth has at most so many restore points, spread evenly in
// time; with 0 it has all of them.
func (c *Client) RepositoryStatistics(ctx context.Context, repository syncline.ID, points int) (RepositoryStatistics, error) {
	q := url.Values{}
	if points > 0 {
		q.Set("points", strconv.Itoa(points))
	}
	return get[RepositoryStatistics](ctx, c, under("BackupRepositories", repository, "Statistics"), q)
}

// SizedPath is a file or folder with its size. The size of a folder is the size
// of all files below it.
type SizedPath struct {
	Path    string
	Files   uint64 // below a folder
	Size    uint64
	ModTime time.Time // of a file
}

type sizedPathJSON struct {
	Path     string    `json:"path"`
	RawPath  string    `json:"rawPath"`
	Files    uint64    `json:"files"`
	Size     uint64    `json:"size"`
	Modified time.Time `json:"modified"`
}

func (x sizedPathJSON) sized() SizedPath {
	return SizedPath{Path: bytesOf(x.Path, x.RawPath), Files: x.Files, Size: x.Size, ModTime: x.Modified}
}

// KindSize is the files of one kind: those whose names have one ending.
type KindSize struct {
	Kind  string `json:"kind"`  // such as ".jpg", in lower case; "" for names without one
	Other bool   `json:"other"` // all kinds together that are not listed
	Files uint64 `json:"files"`
	Size  uint64 `json:"size"`
}

// RestorePointStatistics is what lies in a restore point.
type RestorePointStatistics struct {
	RestorePointID syncline.ID
	PointCounts
	LargestFiles   []SizedPath // at most 20, largest first
	LargestFolders []SizedPath // likewise, without the root
	Kinds          []KindSize  // at most 50, largest first, and then one for all others
}

type pointStatisticsJSON struct {
	RestorePointID syncline.ID `json:"restorePointId"`
	PointCounts
	LargestFiles   []sizedPathJSON `json:"largestFiles"`
	LargestFolders []sizedPathJSON `json:"largestFolders"`
	Kinds          []KindSize      `json:"kinds"`
}

// RestorePointStatistics tells how much a restore point holds, and what takes
// most of it.
func (c *Client) RestorePointStatistics(ctx context.Context, point syncline.ID) (RestorePointStatistics, error) {
	x, err := get[pointStatisticsJSON](ctx, c, under(points, point, "Statistics"), nil)
	return RestorePointStatistics{
		RestorePointID: x.RestorePointID, PointCounts: x.PointCounts, Kinds: x.Kinds,
		LargestFiles: each(x.LargestFiles, sizedPathJSON.sized), LargestFolders: each(x.LargestFolders, sizedPathJSON.sized),
	}, err
}

// FolderSizesQuery says which sizes are wanted. Zero fields leave it to the
// server.
type FolderSizesQuery struct {
	Path  string // of the folder; "" for the root
	Depth int    // levels below it
	Limit int    // entries that are listed of each folder
}

// FolderSize is an entry with the sizes of what is in it. Each name of a hard
// link counts.
type FolderSize struct {
	Path, Name string // the root's name is a slash
	Type       syncline.EntryType
	EntryCounts
	Size     uint64
	Children []FolderSize // the largest entries; nil for what is no folder or was not looked into
	Rest     FolderRest
}

// FolderRest is the entries of a folder that are not among the children.
type FolderRest struct {
	Count int `json:"count"` // of the folder itself; the rest is of these and all below
	EntryCounts
	Size uint64 `json:"size"`
}

type folderSizeJSON struct {
	Path    string             `json:"path"`
	RawPath string             `json:"rawPath"`
	Name    string             `json:"name"`
	RawName string             `json:"rawName"`
	Type    syncline.EntryType `json:"type"`
	EntryCounts
	Size     uint64           `json:"size"`
	Children []folderSizeJSON `json:"children"`
	Rest     FolderRest       `json:"rest"`
}

func (x folderSizeJSON) folderSize() FolderSize {
	return FolderSize{
		Path: bytesOf(x.Path, x.RawPath), Name: bytesOf(x.Name, x.RawName), Type: x.Type, EntryCounts: x.EntryCounts, Size: x.Size,
		Children: each(x.Children, folderSizeJSON.folderSize), Rest: x.Rest,
	}
}

// FolderSizes tells how the size of a folder comes about.
func (c *Client) FolderSizes(ctx context.Context, point syncline.ID, query FolderSizesQuery) (FolderSize, error) {
	q := url.Values{}
	setPath(q, query.Path)
	if query.Depth > 0 {
		q.Set("depth", strconv.Itoa(query.Depth))
	}
	if query.Limit > 0 {
		q.Set("limit", strconv.Itoa(query.Limit))
	}
	x, err := get[folderSizeJSON](ctx, c, under(points, point, "FolderSizes"), q)
	return x.folderSize(), err
}

// CountMode is what Counts counts, as restic's stats does.
type CountMode string

// The modes.
const (
	CountRestoreSize     CountMode = "RestoreSize"     // what restoring each restore point writes
	CountFilesByContents CountMode = "FilesByContents" // files, each content once
	CountBlobsPerFile    CountMode = "BlobsPerFile"    // their blobs, each once for each path
	CountRawData         CountMode = "RawData"         // blobs as they are stored, each once for each place in the index
)

// Counts is what restic's stats tells. A field that a mode does not count is 0.
type Counts struct {
	RestorePoints int    `json:"restorePoints"` // that were counted
	Files         uint64 `json:"files"`         // with CountRestoreSize all entries, as in restic
	Blobs         uint64 `json:"blobs"`
	Size          uint64 `json:"size"` // bytes; of raw data as it is stored
	// UncompressedSize is the raw data without compression; 0 in a repository that
	// has none. CompressedSize is the compressed blobs, CompressedFrom the same
	// without compression.
	UncompressedSize uint64 `json:"uncompressedSize"`
	CompressedSize   uint64 `json:"compressedSize"`
	CompressedFrom   uint64 `json:"compressedFrom"`
	MissingFolders   uint64 `json:"missingFolders"` // that the repository has lost: what is in them is not counted
}

// RepositoryCounts counts what some restore points of a repository hold, at most
// 1,000, or with none named all of them.
func (c *Client) RepositoryCounts(ctx context.Context, repository syncline.ID, mode CountMode, points ...syncline.ID) (Counts, error) {
	q := url.Values{}
	set(q, "mode", string(mode))
	for _, id := range points {
		q.Add("restorePointId", string(id))
	}
	return get[Counts](ctx, c, under("BackupRepositories", repository, "Counts"), q)
}
