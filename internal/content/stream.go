package content

import (
	"context"
	"io"
	"sync"

	"golang.org/x/sync/semaphore"

	"syncline.dev/syncline"
)

// Stream gives blobs in order, while the next ones are being read. It is for
// one goroutine, and must be closed.
type Stream struct {
	source  *Source
	ctx     context.Context //nolint:containedctx // what Close ends
	cancel  context.CancelFunc
	window  *semaphore.Weighted
	limit   int64
	order   chan *ahead // in the order of the blobs
	places  chan struct{}
	wg      sync.WaitGroup
	current *ahead
	next    int
}

// ahead is a run of blobs that is being read.
type ahead struct {
	run    []Wanted
	weight int64
	done   chan struct{}
	blobs  [][]byte
	err    error // behind blobs
}

// Stream starts reading the blobs with these ids. The slice is not written to
// and must stay as it is.
func (s *Source) Stream(ctx context.Context, ids []syncline.Hash) *Stream {
	st := &Stream{
		source: s, window: semaphore.NewWeighted(s.window()), limit: s.window(),
		order: make(chan *ahead, 2*s.streams()), places: make(chan struct{}, s.streams()),
	}
	st.ctx, st.cancel = context.WithCancel(ctx)
	st.wg.Go(func() {
		defer close(st.order)
		st.plan(ids)
	})
	return st
}

// plan cuts the blobs into runs and starts reading them, as far ahead as the
// window lets it.
func (st *Stream) plan(ids []syncline.Hash) {
	for len(ids) > 0 && st.ctx.Err() == nil {
		a := &ahead{done: make(chan struct{})}
		n := st.take(a, ids)
		ids = ids[n:]
		if st.window.Acquire(st.ctx, a.weight) != nil {
			return
		}
		select {
		case st.order <- a:
		case <-st.ctx.Done():
			return
		}
		if len(a.run) == 0 {
			close(a.done)
			continue
		}
		select {
		case st.places <- struct{}{}:
		case <-st.ctx.Done():
			return
		}
		st.wg.Go(func() {
			defer func() { close(a.done); <-st.places }()
			st.fetch(a)
		})
	}
}

// take gives a the first of ids, as many as are read in one go, and returns
// how many those are. A blob that is in memory is a run of its own.
func (st *Stream) take(a *ahead, ids []syncline.Hash) int {
	var size int64
	for i, id := range ids {
		if data, ok := st.source.Cache.get(id); ok {
			if i == 0 {
				a.blobs, a.weight = [][]byte{data}, min(int64(len(data)), st.limit)
				return 1
			}
			break
		}
		p, ok := st.source.Locator.Locate(id)
		if !ok {
			if i == 0 {
				a.err = notIndexed(id)
				return len(ids)
			}
			break
		}
		if i > 0 && !Joins(a.run[0].Place, a.run[i-1].Place, p, size) {
			break
		}
		a.run = append(a.run, Wanted{id, p})
		size += p.Size()
	}
	a.weight = min(size, st.limit)
	return len(a.run)
}

func notIndexed(id syncline.Hash) error {
	return syncline.Errorf(syncline.CodeDamaged,
		"data blob %s is in no index of the repository; synchronize again, or run restic check on it", id.Short())
}

func (st *Stream) fetch(a *ahead) {
	err := st.source.NewReader().Read(st.ctx, a.run, func(i int, data []byte, err error) error {
		if err != nil {
			return err
		}
		if int64(len(data)) != a.run[i].Place.Size() {
			return wrongSize(a.run[i])
		}
		kept := append([]byte(nil), data...)
		st.source.Cache.put(a.run[i].ID, kept)
		a.blobs = append(a.blobs, kept)
		return nil
	})
	a.err = err
}

func wrongSize(w Wanted) error {
	return syncline.Errorf(syncline.CodeDamaged,
		"data blob %s in pack %s is not as long as the index says; run restic repair index on the repository", w.ID.Short(), w.Place.Pack.Short())
}

// Next returns the next blob, or io.EOF behind the last one. Nobody may write
// to its bytes.
func (st *Stream) Next() ([]byte, error) {
	for {
		if st.current == nil {
			a, ok := <-st.order
			if !ok {
				if err := st.ctx.Err(); err != nil {
					return nil, err
				}
				return nil, io.EOF
			}
			st.current, st.next = a, 0
		}
		a := st.current
		select {
		case <-a.done:
		case <-st.ctx.Done():
			return nil, st.ctx.Err()
		}
		if st.next < len(a.blobs) {
			data := a.blobs[st.next]
			a.blobs[st.next] = nil
			st.next++
			return data, nil
		}
		if a.err != nil {
			return nil, a.err
		}
		st.window.Release(a.weight)
		st.current = nil
	}
}

// Close ends the reading and waits for it.
func (st *Stream) Close() {
	st.cancel()
	st.wg.Wait()
}
