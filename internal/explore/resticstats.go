package explore

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// CountMode is one of restic's ways to count the content of snapshots.
type CountMode string

// The modes, in restic's spelling.
const (
	CountRestoreSize     CountMode = "restore-size"      // bytes that restoring each snapshot writes
	CountFilesByContents CountMode = "files-by-contents" // files, each content once
	CountBlobsPerFile    CountMode = "blobs-per-file"    // blobs of files, each once for each path
	CountRawData         CountMode = "raw-data"          // blobs, each once for each place in the index
)

// CountModes has all modes.
var CountModes = []CountMode{CountRestoreSize, CountFilesByContents, CountBlobsPerFile, CountRawData}

// Counts is the result of restic's stats. Numbers that a mode does not count
// are 0.
type Counts struct {
	Snapshots    int
	Files, Blobs uint64
	Size         uint64 // bytes
	// The other fields are for raw data in a repository with compressed blobs.
	// Sizes are then sizes of encrypted blobs, also in Size.
	UncompressedSize               uint64
	CompressedSize, CompressedFrom uint64 // sizes of compressed blobs, after and before compression
	Missing                        uint64 // folders that the repository has lost; their content is not counted
}

// Count counts the content of snapshots as restic does, in the order of the
// list. Some of restic's numbers depend on that order, and so do these. A blob
// without an index entry is CodeDamaged if its size is needed.
func Count(ctx context.Context, v *catalog.View, list []catalog.Snapshot, mode CountMode) (Counts, error) {
	m, err := measure(ctx, v)
	if err != nil {
		return Counts{}, err
	}
	return m.count(ctx, v, list, mode)
}

func (m *measured) count(ctx context.Context, v *catalog.View, list []catalog.Snapshot, mode CountMode) (_ Counts, err error) {
	c := counter{m: m, v: v, tick: ticker{ctx: ctx}}
	c.out.Snapshots = len(list)
	for i := range list {
		c.out.Missing = sum(c.out.Missing, m.totals[m.Number(list[i].Root)].Missing)
	}
	switch mode {
	case CountRestoreSize:
		err = c.restoreSize(ctx, list)
	case CountRawData:
		err = c.rawData(ctx, list)
	default:
		err = c.contents(ctx, list, mode == CountBlobsPerFile)
	}
	return c.out, err
}

type counter struct {
	m    *measured
	v    *catalog.View
	tick ticker
	out  Counts

	seed   maphash.Seed
	known  map[uint64]struct{} // keyed hashes of contents
	blobs  *blobTable          // nil if only files are counted
	at     []uint64            // keyed hash of the path of each folder on the way
	uses   []blobUse
	hasher maphash.Hash
}

// blobUse is a blob in a file. A keyed hash stands for the file's path.
type blobUse struct {
	path uint64
	blob uint32
}

func (c *counter) restoreSize(ctx context.Context, list []catalog.Snapshot) error {
	sizes := c.m.restoreSizes()
	for i := range list {
		root := c.m.Number(list[i].Root)
		size, err := sizes.of(ctx, root)
		if err != nil {
			return err
		}
		t := &c.m.totals[root]
		c.out.Size = sum(c.out.Size, size)
		c.out.Files = sum(c.out.Files, sum(sum(t.Files, t.Folders), sum(t.Links, t.Others)))
	}
	return nil
}

func (c *counter) rawData(ctx context.Context, list []catalog.Snapshot) error {
	h, err := c.m.findHolders(ctx, list)
	if err != nil {
		return err
	}
	data, trees, err := loadBlobs(ctx, c.v)
	if err != nil {
		return err
	}
	all := slices.Concat(data.sizes, trees.sizes)
	compressed := slices.ContainsFunc(all, func(s blobSize) bool { return s.plain != 0 })
	if err := h.hold(ctx, c.v, c.m, data, trees); err != nil {
		return err
	}
	missing := 0
	// restic counts a blob once for each place where the indexes list it.
	add := func(who holder, size blobSize, places uint64) {
		if who == 0 {
			return
		}
		stored := places * uint64(size.stored)
		c.out.Blobs += places
		c.out.Size += stored
		switch {
		case size.stored == 0:
			missing++
		case size.plain != 0:
			plain := places * (uint64(size.plain) + blobOverhead)
			c.out.UncompressedSize += plain
			c.out.CompressedSize, c.out.CompressedFrom = c.out.CompressedSize+stored, c.out.CompressedFrom+plain
		case compressed:
			c.out.UncompressedSize += stored
		}
	}
	for _, table := range []*blobTable{data, trees} {
		for no, size := range table.sizes {
			add(table.holders[no], size, 1+table.copies[uint32(no)])
		}
	}
	if missing > 0 {
		return syncline.Errorf(syncline.CodeDamaged, "%d blobs that the snapshots need are not found in the repository's index", missing)
	}
	return nil
}

// contents walks through every distinct tree once, because a second visit
// counts nothing new.
func (c *counter) contents(ctx context.Context, list []catalog.Snapshot, perFile bool) (err error) {
	c.seed, c.known = maphash.MakeSeed(), make(map[uint64]struct{})
	c.hasher.SetSeed(c.seed)
	if perFile {
		if c.blobs, _, err = loadBlobs(ctx, c.v); err != nil {
			return err
		}
	}
	trees, entries := make([]bool, c.m.Trees()), make([]bool, c.m.Entries())
	w := walk{m: c.m.Measures, name: c.enter, leave: func() { c.at = c.at[:len(c.at)-1] }}
	w.enter = func(tree uint32) bool {
		met := trees[tree]
		trees[tree] = true
		return !met
	}
	for i := range list {
		c.at = append(c.at[:0], 0)
		err := w.each(c.m.Number(list[i].Root), func(no uint32) error {
			if entries[no] {
				return nil
			}
			entries[no] = true
			return c.entry(no)
		})
		if err != nil {
			return err
		}
	}
	c.addUses()
	return nil
}

// enter keeps the path of a folder that the walk looks into.
func (c *counter) enter(folder uint32) error {
	path, err := c.path(folder)
	c.at = append(c.at, path)
	return err
}

// path returns a keyed hash of the path of an entry in the present folder.
func (c *counter) path(entry uint32) (uint64, error) {
	name, err := c.m.Name(c.v, entry)
	c.hasher.Reset()
	maphash.WriteComparable(&c.hasher, c.at[len(c.at)-1])
	_, _ = c.hasher.WriteString(name)
	return c.hasher.Sum64(), err
}

func (c *counter) entry(no uint32) error {
	if err := c.tick.spend(1); err != nil {
		return err
	}
	e, _, _, err := c.v.RefEntry(c.m.Ref(no), catalog.WithContent)
	if err != nil {
		return err
	}
	c.hasher.Reset()
	for i := range e.Content {
		_, _ = c.hasher.Write(e.Content[i][:])
	}
	key := c.hasher.Sum64()
	if _, ok := c.known[key]; ok {
		return nil
	}
	c.known[key] = struct{}{}
	if c.blobs == nil {
		c.out.Files++
		c.out.Size = sum(c.out.Size, e.Size)
		return nil
	}
	path, err := c.path(no)
	if err != nil {
		return err
	}
	for i := range e.Content {
		blob, ok := c.blobs.find(keyOf(&e.Content[i]))
		if !ok {
			return syncline.Errorf(syncline.CodeDamaged, "blob %s is not found in the repository's index", e.Content[i])
		}
		c.uses = append(c.uses, blobUse{path, blob})
	}
	return nil
}

// addUses counts the blobs of each path once.
func (c *counter) addUses() {
	slices.SortFunc(c.uses, func(a, b blobUse) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.blob, b.blob)) })
	for i, u := range c.uses {
		if i > 0 && c.uses[i-1] == u {
			continue
		}
		if i == 0 || c.uses[i-1].path != u.path {
			c.out.Files++
		}
		c.out.Blobs++
		c.out.Size += uint64(c.blobs.sizes[u.blob].decoded())
	}
}
