package explore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
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

// DifferencesQuery asks how the restore point With differs from another one.
type DifferencesQuery struct {
	With   syncline.ID // the later state
	Path   string      // absolute; only this folder
	Kind   ChangeKind  // only this kind; all kinds when empty
	Limit  int
	Cursor string
}

// Difference is one entry that differs.
type Difference struct {
	Path          string
	Change        ChangeKind
	Before, After *syncline.Entry // nil for none
}

// DifferencePage is one page of differences, by name within each folder.
type DifferencePage struct {
	Differences []Difference
	Missing     int    // folders of the page that are lost, so that their differences are unknown
	Next        string // cursor of the next page; "" at the end
}

// DifferenceCounts counts differences. Bytes are sizes of files. Added bytes
// include the new sizes of changed files, removed bytes include their former
// sizes.
type DifferenceCounts struct {
	Added, Removed, ContentChanged, MetadataChanged, TypeChanged uint64
	BytesAdded, BytesRemoved                                     uint64
}

// FolderDifference is the difference at and below one entry of a folder.
type FolderDifference struct {
	Path string
	Type syncline.EntryType // type after, or before for a removed entry
	DifferenceCounts
}

// DifferenceSummary is the totals of a comparison. Folders has the entries of
// the compared folder with the most bytes added and removed.
type DifferenceSummary struct {
	DifferenceCounts
	Missing int // folders that are lost, so that their differences are unknown
	Folders []FolderDifference
}

// twoSnapshots runs fn with the snapshots of two restore points of one catalog.
func (x *Explorer) twoSnapshots(ctx context.Context, point, with syncline.ID, fn func(v *catalog.View, s, t catalog.Snapshot) error) error {
	other, err := x.Points.Get(ctx, with)
	if err != nil {
		return err
	}
	own, err := x.Points.Get(ctx, point)
	if err != nil {
		return err
	}
	if own.RepositoryID != other.RepositoryID {
		return syncline.Errorf(syncline.CodeInvalid, "the restore points lie in two repositories; only those of one can be compared")
	}
	return x.view(ctx, point, func(v *catalog.View, s catalog.Snapshot) error {
		t, err := snapshotOf(v, other)
		if err != nil {
			return err
		}
		return fn(v, s, t)
	})
}

// compared runs fn with the folders of two restore points of one catalog.
func (x *Explorer) compared(ctx context.Context, point, with syncline.ID, path string, fn func(c *comparer, before, after side) error) error {
	return x.twoSnapshots(ctx, point, with, func(v *catalog.View, s, t catalog.Snapshot) error {
		before, err := folderSide(v, s, path)
		if err != nil {
			return err
		}
		after, err := folderSide(v, t, path)
		if err != nil {
			return err
		}
		if !before.ok && !after.ok {
			return syncline.Errorf(syncline.CodeNotFound, "there is no folder %s in either of the restore points", quoted(path))
		}
		c := newComparer(ctx, v, path)
		c.into = true
		return fn(c, before, after)
	})
}

// folderSide returns a folder of a snapshot, or an empty side if it has none.
func folderSide(v *catalog.View, s catalog.Snapshot, path string) (side, error) {
	at, err := find(v, s.Root, path, catalog.WithContent|catalog.WithSubtree)
	switch {
	case syncline.CodeOf(err) == syncline.CodeNotFound:
		return side{}, nil
	case err == nil && at.entry.Lost:
		_, _, err = v.FindTree(s.Root, path) // its error says why there is none
	}
	return side(at), err
}

// Differences returns a page of the differences between two restore points. The
// common part of two folders costs nothing.
func (x *Explorer) Differences(ctx context.Context, point syncline.ID, q DifferencesQuery) (page DifferencePage, err error) {
	path, err := cleanPath(q.Path)
	if err != nil {
		return page, err
	}
	err = x.compared(ctx, point, q.With, path, func(c *comparer, before, after side) error {
		key := cursorKey("differences", string(point), string(q.With), path, string(q.Kind))
		var resume, last []uint64
		if q.Cursor != "" {
			if resume, err = decodeCursor(key, q.Cursor); err != nil {
				return err
			}
		}
		c.ahead.round = 2 * q.Limit
		c.visit = func(p *Pair) error {
			change := ChangeOf(p)
			if change == "" || q.Kind != "" && q.Kind != change {
				return nil
			}
			if len(page.Differences) == q.Limit {
				page.Next = encodeCursor(key, last...)
				return errEnough
			}
			page.Differences = append(page.Differences,
				Difference{Path: p.Path(), Change: change, Before: bare(p.Before), After: bare(p.After)})
			last = append(last[:0], c.at...)
			return nil
		}
		if q.Cursor == "" {
			if err := c.itself(before, after); err != nil {
				return err
			}
		}
		err := c.folders(before, after, resume)
		page.Missing = c.missing
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return page, err
}

// bare returns an entry without the fields that lists leave out.
func bare(e *syncline.Entry) *syncline.Entry {
	if e == nil {
		return nil
	}
	out := *e
	out.Content, out.ExtendedAttributes, out.GenericAttributes = nil, nil, nil
	return &out
}

// maxFolders bounds the folders of a summary.
const maxFolders = 200

// DifferenceSummary returns the totals of the differences between two restore
// points in a folder.
func (x *Explorer) DifferenceSummary(ctx context.Context, point, with syncline.ID, path string) (out DifferenceSummary, err error) {
	if path, err = cleanPath(path); err != nil {
		return out, err
	}
	err = x.compared(ctx, point, with, path, func(c *comparer, before, after side) error {
		c.ahead.round = c.ahead.last // the walk goes through all
		base := len(c.path)
		top := -1
		var kind syncline.EntryType
		c.visit = func(p *Pair) error {
			change := ChangeOf(p)
			if len(c.at) == 0 { // the compared folder itself belongs to none of its entries
				if change != "" {
					count(&out.DifferenceCounts, change, p)
				}
				return nil
			}
			if len(c.at) == 1 {
				top, kind = -1, cmp.Or(p.After, p.Before).Type
			}
			if change == "" {
				return nil
			}
			if top < 0 {
				name, _, _ := strings.Cut(string(p.path[base+1:]), "/")
				out.Folders = append(out.Folders, FolderDifference{Path: string(p.path[:base+1]) + name, Type: kind})
				top = len(out.Folders) - 1
			}
			count(&out.DifferenceCounts, change, p)
			count(&out.Folders[top].DifferenceCounts, change, p)
			return nil
		}
		if err := c.itself(before, after); err != nil {
			return err
		}
		err := c.folders(before, after, nil)
		out.Missing = c.missing
		return err
	})
	slices.SortStableFunc(out.Folders, func(a, b FolderDifference) int {
		return cmp.Compare(b.BytesAdded+b.BytesRemoved, a.BytesAdded+a.BytesRemoved)
	})
	out.Folders = out.Folders[:min(len(out.Folders), maxFolders)]
	return out, err
}

// DifferenceStatistics returns the totals of restic's diff for two restore
// points, or for a folder that both have. It can take hundreds of megabytes, so
// one call runs at a time. A call that waits holds no view.
func (x *Explorer) DifferenceStatistics(ctx context.Context, point, with syncline.ID, path string) (out DifferenceStatistics, err error) {
	if path, err = cleanPath(path); err != nil {
		return out, err
	}
	x.once.Do(func() { x.counting = make(chan struct{}, 1) })
	select {
	case x.counting <- struct{}{}:
		defer func() { <-x.counting }()
	case <-ctx.Done():
		return out, ctx.Err()
	}
	err = x.twoSnapshots(ctx, point, with, func(v *catalog.View, s, t catalog.Snapshot) error {
		before, err := folderRoot(v, s, path)
		if err != nil {
			return err
		}
		after, err := folderRoot(v, t, path)
		if err != nil {
			return err
		}
		c := newComparer(ctx, v, path)
		c.few = true
		out, err = c.diff(before, after, maxDiffBlobs, func(*Pair) error { return nil })
		return err
	})
	return out, err
}

// folderRoot returns a folder of a snapshot and its hash.
func folderRoot(v *catalog.View, s catalog.Snapshot, path string) (Root, error) {
	if path == "/" {
		return Root{s.Root, s.Tree}, nil
	}
	at, err := find(v, s.Root, path, catalog.WithSubtree)
	switch {
	case err != nil:
		return Root{}, err
	case !at.ok:
		return Root{}, syncline.Errorf(syncline.CodeInvalid, "%s is not a folder in both restore points", quoted(path))
	}
	return Root{at.sub, at.entry.Subtree}, nil
}

func count(n *DifferenceCounts, change ChangeKind, p *Pair) {
	switch change {
	case ChangeAdded:
		n.Added++
	case ChangeRemoved:
		n.Removed++
	case ChangeContent:
		n.ContentChanged++
	case ChangeMetadata:
		n.MetadataChanged++
		return
	case ChangeType:
		n.TypeChanged++
	}
	if p.Before != nil {
		n.BytesRemoved += p.Before.Size
	}
	if p.After != nil {
		n.BytesAdded += p.After.Size
	}
}
