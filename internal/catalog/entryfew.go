package catalog

import (
	"context"
	"slices"
	"time"

	"syncline.dev/syncline"
)

// Few are the fields of an entry with which a comparison finds files that changed.
type Few struct {
	Name    string
	Type    syncline.EntryType
	Size    uint64
	Seconds int64 // of the modification time, since 1970
	Content []syncline.Hash
}

// ReadFew is ReadEntries for a few fields, with the contents. It takes a quarter of the
// memory and decodes a quarter of the columns.
func (v *View) ReadFew(ctx context.Context, refs []EntryRef) ([]Held, error) {
	return v.readFew(ctx, refs, throughCache)
}

func (v *View) readFew(ctx context.Context, refs []EntryRef, cached int) ([]Held, error) {
	b := newBatch(v, refs)
	b.few = make([]Few, len(refs))
	return b.read(ctx, WithContent, cached)
}

// decodeFew is decode for the columns of Few, the names and the subtrees. The others keep
// what they had.
func (b *entryBlock) decodeFew(payload []byte) error {
	d, n, err := newEntryDecoder(payload)
	if err != nil {
		return err
	}
	defer d.release()
	b.count, b.texts = n, d.texts
	c := d.cols
	b.name = fewDeltas(&c[colName], b.name, n)
	b.kind = numbers(&c[colType], b.kind, n)
	b.sizes = numbers(&c[colSize], b.sizes, n)
	b.times[0].sec = deltas(&c[colTime], b.times[0].sec, n, time.Time{}.Unix())
	if len(b.kind) > 0 && int(slices.Max(b.kind)) >= len(d.texts) {
		return damaged("an entry block names a text it does not have")
	}
	d.subtrees(b)
	if err := d.contents(b); err != nil {
		return err
	}
	for _, i := range []int{colName, colType, colSize, colTime, colSubtree, colContent} {
		if err := done(c[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}

// fillFew sets the fields of Few that are in the block.
func (b *entryBlock) fillFew(i int, f *Few) {
	f.Type, f.Size, f.Seconds = syncline.EntryType(b.texts[in(b.kind, i)]), in(b.sizes, i), b.times[0].sec[i]
}
