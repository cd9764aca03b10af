package explore

import (
	"context"
	"hash/maphash"
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
// tree, is neither added nor removed. Without metadata, the visits' entries have
// only what Modifier needs.
func Diff(ctx context.Context, v *catalog.View, before, after Root, metadata bool, visit func(*Pair) error) (report DifferenceStatistics, err error) {
	c := newComparer(ctx, v, "/")
	c.few, c.left, c.room = !metadata, math.MaxInt64, math.MaxInt64
	return c.diff(before, after, math.MaxInt, visit)
}

// maxDiffBlobs bounds the blobs that a server holds for one comparison, of
// about 80 bytes each, and the further places of them that indexes list.
const maxDiffBlobs = 4_000_000

// longRound is lastRound for a comparison that counts blobs, and longFewRound for one that
// reads few fields, half as many bytes an entry. A process runs one of them at a time.
const (
	longRound    = 1 << 17
	longFewRound = 1 << 18
)

// diff is Diff within the comparer's bounds. most bounds the blobs outside of
// the common folders.
func (c *comparer) diff(before, after Root, most int, visit func(*Pair) error) (report DifferenceStatistics, err error) {
	ahead := newReadAhead()
	if ahead.last = longRound; c.few {
		ahead.last = longFewRound
	}
	ahead.round = ahead.last
	return c.diffIn(before, after, most, visit, ahead)
}

// diffIn is diff with rounds of a certain length.
func (c *comparer) diffIn(before, after Root, most int, visit func(*Pair) error, ahead readAhead) (report DifferenceStatistics, err error) {
	ctx, v := c.ctx, c.v
	closure, err := v.NewClosure(ctx)
	if err != nil {
		return report, err
	}
	d := differ{v: v, common: closure, data: make(map[syncline.Hash]catalog.BlobSource), trees: make(map[catalog.TreeRef]sides)}
	if before.Tree != after.Tree {
		d.trees[before.Tree] |= inOld
		d.trees[after.Tree] |= inNow
	}
	c.common, c.ahead = closure, ahead
	c.visit = func(p *Pair) error {
		if d.count(&report, p); len(d.data)+len(d.trees) > most {
			return tooMuch("there is more to compare than the limit allows")
		}
		return visit(p)
	}
	if err := c.folders(side{sub: before.Tree, ok: true}, side{sub: after.Tree, ok: true}, nil); err != nil {
		return report, err
	}
	report.Missing = c.missing
	err = d.blobs(ctx, &report, most)
	return report, err
}

// Root is a tree and its hash.
type Root struct {
	Tree catalog.TreeRef
	Hash syncline.Hash
}

// sides says which of two trees has something.
type sides = uint8

const (
	inOld sides = 1 << iota
	inNow
)

// differ collects the blobs of the entries that differ.
type differ struct {
	v      *catalog.View
	common *catalog.Closure
	data   map[syncline.Hash]catalog.BlobSource // Note has the sides
	trees  map[catalog.TreeRef]sides
}

func (d *differ) count(report *DifferenceStatistics, p *Pair) {
	d.add(p.Before, p.sides[0], inOld)
	d.add(p.After, p.sides[1], inNow)
	switch a, b := p.Before, p.After; {
	case a == nil:
		report.Added.entry(b)
	case b == nil:
		report.Removed.entry(a)
	case a.Type == syncline.TypeFile && b.Type == syncline.TypeFile && !slices.Equal(a.Content, b.Content):
		report.ChangedFiles++
	}
}

// add adds the blobs of an entry, if there is one.
func (d *differ) add(e *syncline.Entry, n *named, side sides) {
	if n == nil {
		return
	}
	switch t := n.tree(); {
	case e.Type == syncline.TypeFile:
		for i, id := range e.Content {
			source, ok := d.data[id]
			if !ok {
				source = n.held.Blob(i)
			}
			source.Note |= side
			d.data[id] = source
		}
	case e.IsDir() && t.here:
		d.trees[t.sub] |= side
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
func (d *differ) blobs(ctx context.Context, report *DifferenceStatistics, most int) error {
	maps.DeleteFunc(d.data, func(_ syncline.Hash, s catalog.BlobSource) bool { return s.Note == inOld|inNow })
	if err := d.common.Complete(ctx); err != nil {
		return err
	}
	maps.DeleteFunc(d.trees, func(tree catalog.TreeRef, in sides) bool { return in == inOld|inNow || d.common.Has(tree) })
	err := d.common.Contents(ctx, d.data, func(h syncline.Hash) { delete(d.data, h) })
	if err != nil {
		return err
	}
	return d.sizes(ctx, report, most)
}

// sizes adds up the sizes of the remaining blobs. The catalog has only the
// beginning of a data blob's id, which tells it apart from the others. As restic
// does, it counts a blob once for each place where the indexes list it, and once if none
// does. most bounds the places beyond the first ones.
func (d *differ) sizes(ctx context.Context, report *DifferenceStatistics, most int) error {
	n := len(d.data) + len(d.trees)
	wanted := sizesWanted{make(map[blobKey]wantedBlob, n), make(map[blobPlace]struct{}), catalog.NewHashFilter(n), maphash.MakeSeed()}
	of := map[sides]*SideCounts{inOld: &report.Removed, inNow: &report.Added}
	for id, source := range d.data {
		wanted.want(id, false, of[source.Note])
	}
	err := d.v.TreeHashes(ctx, maps.Keys(d.trees), func(tree catalog.TreeRef, id syncline.Hash) {
		wanted.want(id, true, of[d.trees[tree]])
	})
	if err != nil || len(wanted.blobs) == 0 {
		return err
	}
	indexes, err := d.v.Indexes()
	if err != nil {
		return err
	}
	for few := range slices.Chunk(indexes, togetherIndexes) {
		lists, err := d.v.IndexedBlobs(ctx, few, wanted.filter)
		if err != nil {
			return err
		}
		for _, list := range lists {
			for i := range list {
				wanted.add(&list[i])
			}
			if len(wanted.more) > most {
				return tooMuch("the indexes list more blobs twice than the limit allows")
			}
		}
	}
	return nil
}

// togetherIndexes is how many indexes are read at once, of up to a megabyte each.
const togetherIndexes = 8

// sizesWanted has the blobs whose sizes are looked for, and where they were found beyond
// the first place.
type sizesWanted struct {
	blobs  map[blobKey]wantedBlob
	more   map[blobPlace]struct{}
	filter *catalog.HashFilter
	seed   maphash.Seed
}

// wantedBlob is to which side a blob is to be added, and the first place it was found at.
type wantedBlob struct {
	to    *SideCounts
	place uint64 // 0 if it was not found
}

// blobPlace is a place of a blob. A keyed hash stands for it.
type blobPlace struct {
	blob  blobKey
	place uint64
}

func (w *sizesWanted) want(id syncline.Hash, tree bool, s *SideCounts) {
	s.blob(tree)
	w.filter.Add(&id)
	w.blobs[blobKey{[8]byte(id[:8]), tree}] = wantedBlob{to: s}
}

// add adds the size of a blob that an index lists, where it is looked for. The same place
// in a second index adds nothing.
func (w *sizesWanted) add(b *catalog.PackedBlob) {
	k := blobKey{[8]byte(b.ID[:8]), b.Tree}
	wanted, ok := w.blobs[k]
	if !ok {
		return
	}
	place := maphash.Comparable(w.seed, *b) | 1
	switch wanted.place {
	case place:
		return
	case 0:
		wanted.place = place
		w.blobs[k] = wanted
	default:
		other := blobPlace{k, place}
		if _, ok := w.more[other]; ok {
			return
		}
		w.more[other] = struct{}{}
		wanted.to.blob(b.Tree)
	}
	wanted.to.Bytes += uint64(resticrepo.Blob{Length: b.Length, UncompressedLength: b.Plain}.DecodedLength())
}

func (s *SideCounts) blob(tree bool) {
	if tree {
		s.TreeBlobs++
	} else {
		s.DataBlobs++
	}
}

// blobKey is a blob's key in the catalog.
type blobKey struct {
	id   [8]byte
	tree bool
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
