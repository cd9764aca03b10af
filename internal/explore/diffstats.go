package explore

import (
	"context"
	"math"
	"slices"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/resticrepo"
)

// SideCounts counts the items on one side of a comparison only. Bytes are those
// of the blobs.
type SideCounts struct {
	Files, Folders, Others uint64
	DataBlobs, TreeBlobs   uint64
	Bytes                  uint64
}

// DifferenceStatistics is the totals of a comparison as restic counts them.
type DifferenceStatistics struct {
	ChangedFiles   uint64
	Added, Removed SideCounts
	Missing        int // folders that are lost, so that their differences are unknown
}

// DiffStats counts the items on one side of a comparison only.
type DiffStats struct {
	Files, Dirs, Others  int
	DataBlobs, TreeBlobs int
	Bytes                uint64 // of the blobs, decompressed
}

// DiffReport is the totals of a comparison as restic counts them.
type DiffReport struct {
	ChangedFiles   int
	Added, Removed DiffStats
	Missing        int // folders that differ and are lost on one side; their content is not counted
}

// Diff compares two trees as restic's diff does. It calls visit with every
// entry of the folders that differ, but not below a folder that became
// something else. A blob of a common folder, or at another place of the other
// tree, is neither added nor removed.
func Diff(ctx context.Context, v *catalog.View, before, after Root, visit func(*Pair) error) (report DiffReport, err error) {
	c := newComparer(ctx, v, "/")
	c.left, c.room = math.MaxInt64, math.MaxInt64
	return c.diff(before, after, math.MaxInt, visit)
}

// maxDiffBlobs bounds the blobs that a server holds for one comparison, of
// about 60 bytes each.
const maxDiffBlobs = 4_000_000

// diff is Diff within the comparer's bounds. most bounds the blobs outside of
// the common folders.
func (c *comparer) diff(before, after Root, most int, visit func(*Pair) error) (report DiffReport, err error) {
	ctx, v := c.ctx, c.v
	closure, err := v.NewClosure(ctx)
	if err != nil {
		return report, err
	}
	d := differ{v: v, common: closure, old: newBlobs(), now: newBlobs()}
	if before.Tree != after.Tree {
		d.old.trees[before.Hash], d.now.trees[after.Hash] = struct{}{}, struct{}{}
	}
	c.common, c.compared = closure.Add, d.compared
	c.visit = func(p *Pair) error {
		if d.count(&report, p); d.old.len()+d.now.len() > most {
			return tooMuch("there is more to compare than the limit allows")
		}
		return visit(p)
	}
	if err := c.folders(side{sub: before.Tree, ok: true}, side{sub: after.Tree, ok: true}, nil); err != nil {
		return report, err
	}
	report.Missing = c.missing
	err = d.blobs(ctx, &report)
	return report, err
}

// Root is a tree and its hash.
type Root struct {
	Tree catalog.TreeRef
	Hash syncline.Hash
}

// blobs is a set of blobs.
type blobs struct {
	data, trees map[syncline.Hash]struct{}
}

func newBlobs() blobs {
	return blobs{make(map[syncline.Hash]struct{}), make(map[syncline.Hash]struct{})}
}

func (b blobs) len() int { return len(b.data) + len(b.trees) }

func (b blobs) add(e *syncline.Entry) {
	switch {
	case e.Type == syncline.TypeFile:
		for _, id := range e.Content {
			b.data[id] = struct{}{}
		}
	case e.IsDir() && e.Subtree != syncline.Hash{}:
		b.trees[e.Subtree] = struct{}{}
	}
}

type differ struct {
	v        *catalog.View
	common   *catalog.Closure
	old, now blobs
}

func (d *differ) compared(before, after side) error {
	if !before.ok || !after.ok {
		return nil
	}
	return d.common.AddShared(before.sub, after.sub)
}

func (d *differ) count(report *DiffReport, p *Pair) {
	if p.Before != nil {
		d.old.add(p.Before)
	}
	if p.After != nil {
		d.now.add(p.After)
	}
	switch ChangeOf(p) {
	case ChangeAdded:
		report.Added.entry(p.After)
	case ChangeRemoved:
		report.Removed.entry(p.Before)
	case ChangeContent:
		report.ChangedFiles++
	}
}

func (s *DiffStats) counts() SideCounts {
	return SideCounts{
		Files: uint64(s.Files), Folders: uint64(s.Dirs), Others: uint64(s.Others),
		DataBlobs: uint64(s.DataBlobs), TreeBlobs: uint64(s.TreeBlobs), Bytes: s.Bytes,
	}
}

func (s *DiffStats) entry(e *syncline.Entry) {
	switch e.Type {
	case syncline.TypeFile:
		s.Files++
	case syncline.TypeDir:
		s.Dirs++
	default:
		s.Others++
	}
}

// blobs counts the blobs of one side that the other one lacks.
func (d *differ) blobs(ctx context.Context, report *DiffReport) error {
	without(d.old.data, d.now.data)
	without(d.old.trees, d.now.trees)
	err := d.common.Trees(func(h syncline.Hash) error {
		delete(d.old.trees, h)
		delete(d.now.trees, h)
		return nil
	})
	if err != nil {
		return err
	}
	err = d.common.Contents(ctx, func(list []syncline.Hash) error {
		for _, h := range list {
			delete(d.old.data, h)
			delete(d.now.data, h)
		}
		return nil
	})
	if err != nil {
		return err
	}
	report.Removed.DataBlobs, report.Removed.TreeBlobs = len(d.old.data), len(d.old.trees)
	report.Added.DataBlobs, report.Added.TreeBlobs = len(d.now.data), len(d.now.trees)
	return d.sizes(ctx, report)
}

// without removes the common blobs from both sets.
func without(a, b map[syncline.Hash]struct{}) {
	for h := range a {
		if _, ok := b[h]; ok {
			delete(a, h)
			delete(b, h)
		}
	}
}

// sizes adds up the sizes of the remaining blobs. The catalog has only the
// beginning of a data blob's id, which tells it apart from the others.
func (d *differ) sizes(ctx context.Context, report *DiffReport) error {
	wanted := make(map[blobKey][]*DiffStats)
	d.old.want(wanted, &report.Removed)
	d.now.want(wanted, &report.Added)
	indexes, err := d.v.Indexes()
	if err != nil {
		return err
	}
	for _, x := range slices.Backward(indexes) { // new blobs are in the last ones
		if len(wanted) == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		packs, err := d.v.Packs(x)
		if err != nil {
			return err
		}
		for i := range packs {
			for j := range packs[i].Blobs {
				b := &packs[i].Blobs[j]
				k := blobKey{[8]byte(b.ID[:8]), b.Tree}
				size := resticrepo.Blob{Length: b.Length, UncompressedLength: b.Plain}.DecodedLength()
				for _, s := range wanted[k] {
					s.Bytes += uint64(size)
				}
				delete(wanted, k)
			}
		}
	}
	return nil
}

// blobKey is a blob's key in the catalog.
type blobKey struct {
	id   [8]byte
	tree bool
}

func (b blobs) want(wanted map[blobKey][]*DiffStats, s *DiffStats) {
	for h := range b.data {
		k := blobKey{[8]byte(h[:8]), false}
		wanted[k] = append(wanted[k], s)
	}
	for h := range b.trees {
		k := blobKey{[8]byte(h[:8]), true}
		wanted[k] = append(wanted[k], s)
	}
}

// Modifier returns restic's mark for a pair: + for added, - for removed, T for
// another type, M for another content (M? if nothing else shows it), and U for
// other metadata, if metadata is set. A folder's content is its metadata here.
// A pair without a difference has "".
func Modifier(p *Pair, metadata bool) string {
	a, b := p.Before, p.After
	switch {
	case a == nil:
		return "+"
	case b == nil:
		return "-"
	}
	mark := ""
	if a.Type != b.Type {
		mark = "T"
	}
	content, other := !slices.Equal(a.Content, b.Content), !sameMetadata(a, b)
	switch {
	case content && a.Type == syncline.TypeFile && b.Type == syncline.TypeFile:
		mark += "M"
		if !other {
			mark += "?"
		}
	case metadata && (content || other || a.Subtree != b.Subtree):
		mark += "U"
	}
	return mark
}
