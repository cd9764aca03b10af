package content

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"iter"
	"slices"
	"sync"

	"golang.org/x/sync/semaphore"

	"syncline.dev/syncline"
)

// Stream returns blobs in order and reads the next ones meanwhile. It is for
// one goroutine. The caller closes it.
type Stream struct {
	source  *Source
	ctx     context.Context //nolint:containedctx // what Close ends
	cancel  context.CancelFunc
	window  *semaphore.Weighted
	limit   int64
	order   chan *group
	readers chan *Reader // idle ones; nil stands for one that is not made yet
	wg      sync.WaitGroup
	current *group
	next    int
}

// group is some successive blobs. They are read together, so that one read
// includes neighbours in a pack whatever the order of the ids.
type group struct {
	blobs  []*ahead // a blob that is wanted twice is in it twice
	weight int64
}

// ahead is a blob that is read ahead.
type ahead struct {
	Wanted
	run  *aheadRun // nil without a read
	data []byte
	err  error
}

// aheadRun is the blobs of one read.
type aheadRun struct {
	blobs []*ahead
	first int           // index of the blob that its group wants first
	done  chan struct{} // closed when all blobs have data or err
}

// groupBlobs bounds the blobs of a group. Their bytes are a quarter of the
// window at most, or a single larger blob.
const groupBlobs = 4096

// Stream starts reading the blobs with these ids. The caller must not change
// the slice.
func (s *Source) Stream(ctx context.Context, ids []syncline.Hash) *Stream {
	return s.StreamAll(ctx, func(yield func([]syncline.Hash) bool) { yield(ids) })
}

// StreamAll starts reading the blobs of several lists, one list after the
// other. Another goroutine asks for the next list when the reads of the lists
// before have begun. lists must end soon after ctx or the Stream.
func (s *Source) StreamAll(ctx context.Context, lists iter.Seq[[]syncline.Hash]) *Stream {
	st := &Stream{
		source: s, window: semaphore.NewWeighted(s.window()), limit: s.window(),
		order: make(chan *group, 2*s.streams()), readers: make(chan *Reader, s.streams()),
	}
	for range s.streams() {
		st.readers <- nil
	}
	st.ctx, st.cancel = context.WithCancel(ctx)
	st.wg.Go(func() {
		defer close(st.order)
		for ids := range lists {
			if !st.plan(ids) {
				return
			}
		}
	})
	return st
}

// plan cuts the blobs into groups and starts reading them, as far ahead as the
// window allows. It reports whether all of them were started.
func (st *Stream) plan(ids []syncline.Hash) bool {
	for len(ids) > 0 {
		g, runs, n := st.take(ids)
		ids = ids[n:]
		if st.window.Acquire(st.ctx, g.weight) != nil {
			return false
		}
		select {
		case st.order <- g:
		case <-st.ctx.Done():
			return false
		}
		for _, run := range runs {
			select {
			case r := <-st.readers:
				st.wg.Go(func() { st.fetch(r, run) })
			case <-st.ctx.Done():
				return false
			}
		}
	}
	return true
}

// take makes a group of the first n ids. runs are its reads, in the order in
// which the group wants them.
func (st *Stream) take(ids []syncline.Hash) (g *group, runs []*aheadRun, n int) {
	g = &group{}
	known := make(map[syncline.Hash]*ahead)
	var read []*ahead
	place := make(map[*ahead]int) // index in the group
	for _, id := range ids[:min(len(ids), groupBlobs)] {
		b := known[id]
		if b == nil {
			b = st.find(id)
			size := int64(len(b.data))
			if b.data == nil && b.err == nil {
				size = b.Place.Size()
			}
			if len(g.blobs) > 0 && g.weight+size > st.limit/4 {
				break
			}
			if b.data == nil && b.err == nil {
				read = append(read, b)
				place[b] = len(g.blobs)
			}
			g.weight += size
			known[id] = b
		}
		g.blobs = append(g.blobs, b)
	}
	g.weight = min(g.weight, st.limit)
	return g, cut(read, place), len(g.blobs)
}

// find finds the place of a blob.
func (st *Stream) find(id syncline.Hash) *ahead {
	if data, ok := st.source.Cache.Get(id); ok {
		return &ahead{data: data}
	}
	p, ok := st.source.Locator.Locate(id)
	if !ok {
		return &ahead{err: notIndexed(id)}
	}
	return &ahead{Wanted: Wanted{id, p}}
}

// cut makes runs of blobs. place has the index of each in its group.
func cut(blobs []*ahead, place map[*ahead]int) (runs []*aheadRun) {
	slices.SortFunc(blobs, func(a, b *ahead) int {
		return cmp.Or(bytes.Compare(a.Place.Pack[:], b.Place.Pack[:]), cmp.Compare(a.Place.Offset, b.Place.Offset))
	})
	var run *aheadRun
	var size int64
	for i, b := range blobs {
		if i == 0 || !Joins(run.blobs[0].Place, blobs[i-1].Place, b.Place, size) {
			run, size = &aheadRun{first: place[b], done: make(chan struct{})}, 0
			runs = append(runs, run)
		}
		b.run = run
		run.blobs = append(run.blobs, b)
		run.first = min(run.first, place[b])
		size += b.Place.Size()
	}
	slices.SortFunc(runs, func(a, b *aheadRun) int { return cmp.Compare(a.first, b.first) })
	return runs
}

func notIndexed(id syncline.Hash) error {
	return syncline.Errorf(syncline.CodeDamaged,
		"data blob %s is in no index of the repository; synchronize again, or run restic check on it", id.Short())
}

// fetch reads a run. A damaged blob does not delay the others.
func (st *Stream) fetch(r *Reader, run *aheadRun) {
	if r == nil {
		r = st.source.NewReader()
	}
	defer func() { close(run.done); st.readers <- r }()
	wanted := make([]Wanted, len(run.blobs))
	for i, b := range run.blobs {
		wanted[i] = b.Wanted
	}
	told := 0
	err := r.Read(st.ctx, wanted, func(i int, data []byte, err error) error {
		told++
		b := run.blobs[i]
		switch {
		case err != nil:
			b.err = err
		case int64(len(data)) != b.Place.Size():
			b.err = wrongSize(b.Wanted)
		default:
			b.data = append([]byte{}, data...) // not nil, as an empty blob would be
			st.source.Cache.Put(b.ID, b.data)
		}
		return nil
	})
	for _, b := range run.blobs[told:] {
		b.err = err
	}
	run.blobs = nil
}

func wrongSize(w Wanted) error {
	return syncline.Errorf(syncline.CodeDamaged,
		"data blob %s in pack %s is not as long as the index says; run restic repair index on the repository", w.ID.Short(), w.Place.Pack.Short())
}

// Next returns the next blob, or io.EOF after the last one. The bytes are
// read-only.
func (st *Stream) Next() ([]byte, error) {
	// A group may be one blob in thousands of places, which is read already.
	if err := st.ctx.Err(); err != nil {
		return nil, err
	}
	for st.current == nil || st.next == len(st.current.blobs) {
		if st.current != nil {
			st.window.Release(st.current.weight)
			st.current = nil
		}
		g, ok := <-st.order
		if !ok {
			if err := st.ctx.Err(); err != nil {
				return nil, err
			}
			return nil, io.EOF
		}
		st.current, st.next = g, 0
	}
	b := st.current.blobs[st.next]
	if b.run != nil {
		select {
		case <-b.run.done:
		case <-st.ctx.Done():
			return nil, st.ctx.Err()
		}
	}
	if b.err != nil {
		return nil, b.err
	}
	st.current.blobs[st.next] = nil
	st.next++
	return b.data, nil
}

// Close stops the reads and waits for them.
func (st *Stream) Close() {
	st.cancel()
	st.wg.Wait()
}
