package explore

import (
	"context"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// RepositoryStatistics says what the restore points of a repository contain.
type RepositoryStatistics struct {
	RepositoryID syncline.ID
	Points       []PointStatistics // oldest first

	EntryCounts         // of all restore points
	Size         uint64 // likewise
	FileVersions uint64 // distinct files, by name, metadata and content

	// The blobs that the restore points need. MissingBlobs counts those that no
	// index has.
	DataBlobs, TreeBlobs, MissingBlobs uint64
	DataSize, StoredSize               uint64
	UnusedStoredSize                   uint64 // of blobs that no restore point needs
}

// RepositoryContent returns the statistics of the snapshots of a catalog. list
// has all of them, oldest first. Points have no ids.
func RepositoryContent(ctx context.Context, v *catalog.View, list []catalog.Snapshot) (*RepositoryStatistics, error) {
	m, err := measure(ctx, v)
	if err != nil {
		return nil, err
	}
	return m.repository(ctx, v, list)
}

func (m *measured) repository(ctx context.Context, v *catalog.View, list []catalog.Snapshot) (*RepositoryStatistics, error) {
	out := &RepositoryStatistics{Points: make([]PointStatistics, len(list))}
	sizes := m.restoreSizes()
	for i := range list {
		root := m.Number(list[i].Root)
		p := &out.Points[i]
		p.Point.Snapshot = list[i].Snapshot
		p.EntryCounts = m.totals[root].EntryCounts
		var err error
		if p.Size, err = sizes.of(ctx, root); err != nil {
			return nil, err
		}
		addCounts(&out.EntryCounts, &p.EntryCounts)
		out.Size = sum(out.Size, p.Size)
	}
	h, err := m.findHolders(ctx, list)
	if err != nil {
		return nil, err
	}
	for no, who := range h.entries {
		if who == 0 || m.Class(uint32(no)) != catalog.ClassFile {
			continue
		}
		out.FileVersions++
		out.Points[who.first()].AddedFiles++
		if who.isOnly() {
			out.Points[who.first()].UniqueFiles++
		}
	}
	data, trees, err := loadBlobs(ctx, v)
	if err != nil {
		return nil, err
	}
	if err := h.hold(ctx, v, m, data, trees); err != nil {
		return nil, err
	}
	addBlobs(out, data, trees)
	return out, nil
}

// addBlobs adds the sizes of the blobs. Lengths and numbers of blobs have 32
// bits, so their sums fit 64.
func addBlobs(out *RepositoryStatistics, data, trees *blobTable) {
	add := func(who holder, size blobSize, blobs *uint64) {
		stored := uint64(size.stored)
		if who == 0 {
			out.UnusedStoredSize += stored
			return
		}
		if *blobs++; size.stored == 0 {
			out.MissingBlobs++
		}
		out.StoredSize += stored
		p := &out.Points[who.first()]
		p.AddedStoredSize += stored
		if who.isOnly() {
			p.UniqueStoredSize += stored
		}
	}
	data.each(func(who holder, size blobSize) {
		add(who, size, &out.DataBlobs)
		if who == 0 {
			return
		}
		plain := uint64(size.decoded())
		out.DataSize += plain
		p := &out.Points[who.first()]
		p.AddedSize += plain
		if who.isOnly() {
			p.UniqueSize += plain
		}
	})
	trees.each(func(who holder, size blobSize) { add(who, size, &out.TreeBlobs) })
	var plain, stored uint64
	for i := range out.Points {
		p := &out.Points[i]
		plain, stored = plain+p.AddedSize, stored+p.AddedStoredSize
		p.DistinctSize, p.StoredSize = plain, stored
	}
}
