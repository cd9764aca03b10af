package client

import (
	"context"
	"iter"
	"net/url"

	"syncline.dev/syncline"
)

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

// DifferencesQuery says what is compared.
type DifferencesQuery struct {
	Path string     // of the folder; "" for the root
	Kind ChangeKind // only these; "" for all
}

// Difference is one entry that differs.
type Difference struct {
	Path          string
	Change        ChangeKind
	Before, After *Entry // nil where it is not there
}

type differenceJSON struct {
	Path    string     `json:"path"`
	RawPath string     `json:"rawPath"`
	Change  ChangeKind `json:"change"`
	Before  *entryJSON `json:"before"`
	After   *entryJSON `json:"after"`
}

func (x differenceJSON) difference() Difference {
	return Difference{Path: bytesOf(x.Path, x.RawPath), Change: x.Change, Before: x.Before.entryOrNil(), After: x.After.entryOrNil()}
}

type differencePageJSON struct {
	Results    []differenceJSON `json:"results"`
	NextCursor string           `json:"nextCursor"`
}

// Differences returns what differs from one restore point to another one of the
// same repository, each folder before what is in it.
func (c *Client) Differences(ctx context.Context, before, after syncline.ID, query DifferencesQuery) iter.Seq2[Difference, error] {
	q := url.Values{"with": {string(after)}}
	setPath(q, query.Path)
	set(q, "kind", string(query.Kind))
	return pages(paged[differencePageJSON](ctx, c, under(points, before, "Differences"), q),
		func(p differencePageJSON) ([]Difference, string) {
			return each(p.Results, differenceJSON.difference), p.NextCursor
		})
}

// DifferenceCounts counts differences. Bytes are sizes of files: those added
// and the new sizes of those whose content changed; those removed and the
// former sizes of those whose content changed.
type DifferenceCounts struct {
	Added           uint64 `json:"added"`
	Removed         uint64 `json:"removed"`
	ContentChanged  uint64 `json:"contentChanged"`
	MetadataChanged uint64 `json:"metadataChanged"`
	TypeChanged     uint64 `json:"typeChanged"`
	BytesAdded      uint64 `json:"bytesAdded"`
	BytesRemoved    uint64 `json:"bytesRemoved"`
}

// FolderDifference is what differs at and below one entry of a folder.
type FolderDifference struct {
	Path string
	Type syncline.EntryType // after, or before where it is gone
	DifferenceCounts
}

type folderDifferenceJSON struct {
	Path    string             `json:"path"`
	RawPath string             `json:"rawPath"`
	Type    syncline.EntryType `json:"type"`
	DifferenceCounts
}

// DifferenceSummary is the totals of a comparison.
type DifferenceSummary struct {
	DifferenceCounts
	// Folders has the entries of the compared folder with most bytes added and
	// removed, at most 200.
	Folders []FolderDifference
	// MissingFolders differ in a way that nobody knows, because the repository has
	// lost what is in them; nothing in them is counted.
	MissingFolders int
}

type differenceSummaryJSON struct {
	DifferenceCounts
	Folders        []folderDifferenceJSON `json:"folders"`
	MissingFolders int                    `json:"missingFolders"`
}

// DifferenceSummary counts what differs from one restore point to another one
// below a folder; path is "" for the root.
func (c *Client) DifferenceSummary(ctx context.Context, before, after syncline.ID, path string) (DifferenceSummary, error) {
	q := url.Values{"with": {string(after)}}
	setPath(q, path)
	x, err := get[differenceSummaryJSON](ctx, c, under(points, before, "DifferenceSummary"), q)
	return DifferenceSummary{
		DifferenceCounts: x.DifferenceCounts, MissingFolders: x.MissingFolders,
		Folders: each(x.Folders, func(f folderDifferenceJSON) FolderDifference {
			return FolderDifference{Path: bytesOf(f.Path, f.RawPath), Type: f.Type, DifferenceCounts: f.DifferenceCounts}
		}),
	}, err
}

// SideCounts counts what is on one side of a comparison only.
type SideCounts struct {
	Files     uint64 `json:"files"`
	Folders   uint64 `json:"folders"`
	Others    uint64 `json:"others"`    // links, devices and so on
	DataBlobs uint64 `json:"dataBlobs"` // pieces of files
	TreeBlobs uint64 `json:"treeBlobs"` // versions of folders
	Bytes     uint64 `json:"bytes"`     // of the blobs, decompressed
}

// DifferenceStatistics is the totals of a comparison as restic counts them.
type DifferenceStatistics struct {
	ChangedFiles   uint64     `json:"changedFiles"`
	Added          SideCounts `json:"added"`
	Removed        SideCounts `json:"removed"`
	MissingFolders int        `json:"missingFolders"` // as in a DifferenceSummary
}

// DifferenceStatistics counts what restic's diff counts between two restore
// points, or in a folder that both have; path is "" for the root.
func (c *Client) DifferenceStatistics(ctx context.Context, before, after syncline.ID, path string) (DifferenceStatistics, error) {
	q := url.Values{"with": {string(after)}}
	setPath(q, path)
	return get[DifferenceStatistics](ctx, c, under(points, before, "DifferenceStatistics"), q)
}
