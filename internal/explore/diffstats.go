package explore

import (
	"context"
	"maps"
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

// Diff compares two trees as restic's diff does. It calls visit with every
// entry of the folders that differ, but not below a folder that became
// something else. A blob of a common folder, or at another place of the other
// tree, is neither added nor removed.
func Diff(ctx context.Context, v *catalog.View, before, after Root, visit func(*Pair) error) (report DifferenceStatistics, err error) {
	c := newComparer(ctx, v, "/")
	c.left, c.room = math.MaxInt64, math.MaxInt64
	return c.diff(before, after, math.MaxInt, visit)
}

// maxDiffBlobs bounds the blobs that a server holds for one comparison, of
// about 60 bytes each.
const maxDiffBlobs = 4_000_000

// longRound is lastRound for a comparison that counts blobs. A process runs one
// of them at a time.
const longRound = 1 << 17

// diff is Diff within the comparer's bounds. most bounds the blobs outside of
// the common folders.
func (c *comparer) diff(before, after Root, most int, visit func(*Pair) error) (report DifferenceStatistics, err error) {
	ahead := newReadAhead()
	ahead.round, ahead.last = longRound, longRound
	return c.diffIn(before, after, most, visit, ahead)
}

// diffIn is diff with rounds of a certain length.
func (c *comparer) diffIn(before, after Root, most int, visit func(*Pair) error, ahead readAhead) (report DifferenceStatistics, err error) {
	ctx, v := c.ctx, c.v
	closure, err := v.NewClosure(ctx)
	if err != nil {
		return report, err
	}
	d := differ{v: v, common: closure, old: newBlobs(), now: newBlobs()}
	if before.Tree != after.Tree {
		d.old.trees[before.Hash], d.now.trees[after.Hash] = struct{}{}, struct{}{}
	}
	c.common, c.ahead = closure, ahead
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

func (d *differ) count(report *DifferenceStatistics, p *Pair) {
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

func (s *SideCounts) entry(e *syncline.Entry) {
	switch e.Type {
	case syncline.TypeFile:
		s.Files++
	case syncline.TypeDir:
		s.Folders++
	default:
		s.Others++
	}
}

// blobs counts the blobs of one side that the other one lacks.
func (d *differ) blobs(ctx context.Context, report *DifferenceStatistics) error {
	without(d.old.data, d.now.data)
	without(d.old.trees, d.now.trees)
	if err := d.common.Complete(ctx); err != nil {
		return err
	}
	err := d.common.Trees(func(h syncline.Hash) error {
		delete(d.old.trees, h)
		delete(d.now.trees, h)
		return nil
	})
	if err != nil {
		return err
	}
	among := maps.Clone(d.old.data)
	maps.Copy(among, d.now.data)
	err = d.common.Contents(ctx, among, func(h syncline.Hash) {
		delete(d.old.data, h)
		delete(d.now.data, h)
	})
	if err != nil {
		return err
	}
	report.Removed.DataBlobs, report.Removed.TreeBlobs = uint64(len(d.old.data)), uint64(len(d.old.trees))
	report.Added.DataBlobs, report.Added.TreeBlobs = uint64(len(d.now.data)), uint64(len(d.now.trees))
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
func (d *differ) sizes(ctx context.Context, report *DifferenceStatistics) error {
	wanted := sizesWanted{make(map[blobKey][]*SideCounts), make([]uint64, 1<<24/64)}
	d.old.want(&wanted, &report.Removed)
	d.now.want(&wanted, &report.Added)
	indexes, err := d.v.Indexes()
	if err != nil {
		return err
	}
	for _, x := range slices.Backward(indexes) { // new blobs are in the last ones
		if len(wanted.blobs) == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		err := d.v.EachPack(x, func(p *catalog.Pack) {
			for i := range p.Blobs {
				if wanted.may(&p.Blobs[i].ID) {
					wanted.add(&p.Blobs[i])
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sizesWanted has the blobs whose sizes are looked for, and to which sides they are
// to be added.
type sizesWanted struct {
	blobs map[blobKey][]*SideCounts
	first []uint64 // a bit for the first three bytes of each
}

func (w *sizesWanted) may(id *syncline.Hash) bool {
	at := uint32(id[0])<<16 | uint32(id[1])<<8 | uint32(id[2])
	return w.first[at/64]>>(at%64)&1 != 0
}

func (w *sizesWanted) want(id syncline.Hash, tree bool, s *SideCounts) {
	at := uint32(id[0])<<16 | uint32(id[1])<<8 | uint32(id[2])
	w.first[at/64] |= 1 << (at % 64)
	k := blobKey{[8]byte(id[:8]), tree}
	w.blobs[k] = append(w.blobs[k], s)
}

// add adds the size of a blob that an index has, where it is looked for.
func (w *sizesWanted) add(b *catalog.Blob) {
	k := blobKey{[8]byte(b.ID[:8]), b.Tree}
	size := resticrepo.Blob{Length: b.Length, UncompressedLength: b.Plain}.DecodedLength()
	for _, s := range w.blobs[k] {
		s.Bytes += uint64(size)
	}
	delete(w.blobs, k)
}

// blobKey is a blob's key in the catalog.
type blobKey struct {
	id   [8]byte
	tree bool
}

func (b blobs) want(wanted *sizesWanted, s *SideCounts) {
	for h := range b.data {
		wanted.want(h, false, s)
	}
	for h := range b.trees {
		wanted.want(h, true, s)
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
