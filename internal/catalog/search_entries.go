package catalog

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
)

// keptRows bounds the entries that a Search holds: about 25 MB of ordinary ones.
const keptRows = 1 << 16

// Load reads the entries that the next calls of Entry are for, block by block on
// all cores. It also reads the other found entries of those blocks.
func (s *Search) Load(ctx context.Context, refs []EntryRef) error {
	if len(s.rows) > keptRows {
		s.rows = nil
	}
	if s.rows == nil {
		s.rows = make(map[uint32]*row, len(refs))
	}
	var missing []uint32
	for _, ref := range refs {
		if s.rows[ref.no] == nil {
			missing = append(missing, ref.no)
		}
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	var parts [][]uint32 // of missing, one part for each block
	for len(missing) > 0 {
		n := 1
		for n < len(missing) && missing[n]/entriesPerBlock == missing[0]/entriesPerBlock {
			n++
		}
		parts, missing = append(parts, missing[:n]), missing[n:]
	}
	return searchFailed(ctx, s.loadParts(ctx, parts))
}

// loadParts reads the entries in parts and puts them into rows.
func (s *Search) loadParts(ctx context.Context, parts [][]uint32) error {
	results := make([][]foundRow, len(parts))
	blocks := &manyReader{r: s.v.r, kind: kindEntry}
	for i := range parts {
		blocks.nos = append(blocks.nos, uint64(parts[i][0]/entriesPerBlock))
	}
	err := eachPayload(ctx, len(parts), blocks.at, func(i int, payload []byte) (err error) {
		results[i], err = s.decodePart(parts[i], payload)
		return err
	})
	if err != nil {
		return err
	}
	for _, list := range results {
		for _, f := range list {
			s.rows[f.no] = f.row
		}
	}
	return nil
}

// eachPayload reads n payloads one after the other and calls fn with them on all
// cores. It leaves out a payload that is nil.
func eachPayload(ctx context.Context, n int, read func(i int) ([]byte, error), fn func(i int, payload []byte) error) error {
	type job struct {
		i       int
		payload []byte
	}
	jobs := make(chan job, 4)
	group, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), maxWorkers, n) {
		group.Go(func() error {
			for j := range jobs {
				if err := fn(j.i, j.payload); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := func() error {
		defer close(jobs)
		for i := range n {
			payload, err := read(i)
			if err != nil {
				return err
			}
			if payload == nil {
				continue
			}
			select {
			case jobs <- job{i, payload}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}()
	if groupErr := group.Wait(); groupErr != nil {
		return groupErr
	}
	return err
}

type foundRow struct {
	no  uint32
	row *row
}

// spareEntries keeps decoded blocks whose rows were copied, for reuse.
var spareEntries = sync.Pool{New: func() any { return new(entryBlock) }}

// decodePart reads the entries of one block that are wanted or were found.
func (s *Search) decodePart(wanted []uint32, payload []byte) ([]foundRow, error) {
	var out []foundRow
	first := wanted[0] / entriesPerBlock * entriesPerBlock
	last := wanted[len(wanted)-1]
	for no := s.found.next(first, last); no < last; no = s.found.next(no+1, last) {
		wanted = append(wanted[:len(wanted):len(wanted)], no)
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	b := spareEntries.Get().(*entryBlock)
	defer spareEntries.Put(b)
	if err := b.decode(payload); err != nil {
		return nil, err
	}
	if int(last-first) >= b.count {
		return nil, damaged("entry %d is missing", last)
	}
	for _, no := range wanted {
		r := b.row(int(no - first))
		if r.subtree > s.v.m.Trees {
			return nil, damaged("an entry names tree %d of %d", r.subtree-1, s.v.m.Trees)
		}
		out = append(out, foundRow{no, &r})
	}
	return out, nil
}

// Entry reads an entry that Dir has passed on with this name.
func (s *Search) Entry(ref EntryRef, name string, detail Detail) (*syncline.Entry, error) {
	r := s.rows[ref.no]
	if r == nil || detail != 0 {
		e, _, err := s.v.entry(ref.no, detail)
		return e, err
	}
	e := new(syncline.Entry)
	*e = r.entry
	e.Name = name
	var err error
	if r.subtree != 0 {
		e.Lost, err = s.v.isLost(r.subtree - 1)
	}
	return e, err
}
