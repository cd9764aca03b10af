package restore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/content"
)

// group is restored together: files, further names of files, and folders that
// are complete after it.
type group struct {
	tasks  []*task
	blobs  int
	links  []*task
	closed []*folder // a folder after those below it
}

// A group is large enough to collect the blobs of a pack, and small enough for
// its memory.
const (
	groupTasks = 16 << 10
	groupBlobs = 256 << 10
)

func (g *group) full() bool {
	return len(g.tasks)+len(g.links)+len(g.closed) >= groupTasks || g.blobs >= groupBlobs
}

// linkKey is equal for the names of one file.
type linkKey struct {
	device, inode, size uint64
	content             string
}

// add puts a file into the group.
func (r *run) add(t *task) {
	if t.entry.Links > 1 {
		key := linkOf(t.entry)
		if t.first = r.links[key]; t.first != nil {
			r.group.links = append(r.group.links, t)
			return
		}
		r.links[key] = t
	}
	r.group.tasks = append(r.group.tasks, t)
	r.group.blobs += len(t.entry.Content)
}

// flush restores the group and begins a new one.
func (r *run) flush() error {
	g := r.group
	r.group = group{}
	needs, err := r.prepareAll(g.tasks)
	if err == nil {
		err = r.fetch(plan(needs))
	}
	if err != nil {
		return errors.Join(err, r.shutAll(g.tasks))
	}
	if r.Verify {
		if err := r.each(g.tasks, func(t *task, buf *bytes.Buffer) error {
			if t.broken || t.skipped {
				return nil
			}
			return r.settle(t.path, r.verify(t, buf))
		}); err != nil {
			return err
		}
	}
	for _, t := range g.tasks {
		t.entry.Content = nil // a task that hard links keep needs no content
	}
	for _, t := range g.links {
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		if err := r.settle(t.path, r.link(t)); err != nil {
			return err
		}
	}
	for _, f := range g.closed {
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		r.plain(f.path, f.entry)
		err := r.handles.in(f, func(h *handle) error { return h.apply(f.entry, f.fresh, r.Attributes) })
		if err == nil {
			r.count(func(x *Result) { x.Folders++ })
		}
		if err := r.settle(f.path, err); err != nil {
			return err
		}
	}
	r.tell()
	return nil
}

// shutAll abandons the open files of a run that ends early.
func (r *run) shutAll(tasks []*task) (err error) {
	for _, t := range tasks {
		if t.f != nil {
			err = errors.Join(err, r.shut(t))
		}
		if t.left > 0 && !t.broken {
			err = errors.Join(err, r.drop(t))
		}
	}
	return err
}

// each calls fn for every task, on all cores. An error of fn ends it.
func (r *run) each(tasks []*task, fn func(*task, *bytes.Buffer) error) error {
	work, ctx := errgroup.WithContext(r.ctx)
	const chunk = 64
	work.SetLimit(runtime.GOMAXPROCS(0))
	for some := range slices.Chunk(tasks, chunk) {
		work.Go(func() error {
			var buf bytes.Buffer
			for _, t := range some {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err := fn(t, &buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return work.Wait()
}

// prepareAll returns the blobs that the files need.
func (r *run) prepareAll(tasks []*task) ([]need, error) {
	var mu sync.Mutex
	var all []need
	err := r.each(tasks, func(t *task, buf *bytes.Buffer) error {
		needs, err := r.prepare(t, buf)
		if err != nil {
			return r.abandon(t, err)
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, needs...)
		return nil
	})
	return all, err
}

// wanted is a blob and all places that need it.
type wanted struct {
	content.Wanted
	by []need
}

// plan sorts the needs by the places of their blobs, takes each blob once, and
// cuts the list into runs of one read each.
func plan(needs []need) (runs [][]wanted) {
	slices.SortFunc(needs, func(a, b need) int {
		return cmp.Or(
			bytes.Compare(a.place.Pack[:], b.place.Pack[:]),
			cmp.Compare(a.place.Offset, b.place.Offset),
			bytes.Compare(a.id[:], b.id[:]),
		)
	})
	var run []wanted
	var size int64
	for i := 0; i < len(needs); {
		j := i + 1
		for j < len(needs) && needs[j].id == needs[i].id {
			j++
		}
		next := wanted{content.Wanted{ID: needs[i].id, Place: needs[i].place}, needs[i:j]}
		if len(run) > 0 && !content.Joins(run[0].Place, run[len(run)-1].Place, next.Place, size) {
			runs = append(runs, run)
			run, size = nil, 0
		}
		run = append(run, next)
		size += next.Place.Size()
		i = j
	}
	if len(run) > 0 {
		runs = append(runs, run)
	}
	return runs
}

// fetch reads the runs on several streams and writes their blobs.
func (r *run) fetch(runs [][]wanted) error {
	work, ctx := errgroup.WithContext(r.ctx)
	queue := make(chan []wanted)
	work.Go(func() error {
		defer close(queue)
		for _, x := range runs {
			select {
			case queue <- x:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	streams := r.source.Streams
	if streams == 0 {
		streams = runtime.GOMAXPROCS(0)
	}
	for range min(streams, len(runs)) {
		reader := r.source.NewReader()
		work.Go(func() error {
			for x := range queue {
				if err := r.readRun(ctx, reader, x); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return work.Wait()
}

func (r *run) readRun(ctx context.Context, reader *content.Reader, run []wanted) error {
	blobs := make([]content.Wanted, len(run))
	for i := range run {
		blobs[i] = run[i].Wanted
	}
	defer r.tell()
	return reader.Read(ctx, blobs, func(i int, data []byte, err error) error {
		if err == nil && int64(len(data)) != blobs[i].Place.Size() {
			err = syncline.Errorf(syncline.CodeDamaged, "data blob %s is not as long as the index says; run restic repair index on the repository", blobs[i].ID.Short())
		}
		for _, n := range run[i].by {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			var fatal error
			if err == nil {
				fatal = r.write(n.task, data, n.offset)
			} else {
				n.task.mu.Lock()
				fatal = r.abandon(n.task, err)
				n.task.mu.Unlock()
			}
			if fatal != nil {
				return fatal
			}
		}
		return nil
	})
}

// isFirst reports whether the existing item is the task's file.
func (t *task) isFirst(there info) bool { return there.id.is(t.id) }

// link makes a further name of a file.
func (r *run) link(t *task) error {
	if t.first.broken || t.first.skipped && r.Overwrite != syncline.OverwriteNever && r.Overwrite != syncline.OverwriteIfNewer {
		return syncline.Errorf(syncline.CodeDamaged, "it is another name of %s, which could not be restored", t.first.path)
	}
	return r.handles.in(t.first.dir, func(from *handle) error {
		return r.handles.in(t.dir, func(to *handle) error {
			there, err := to.stat(t.entry.Name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
			case err != nil:
				return err
			case r.keeps(there, t.entry):
				r.count(func(x *Result) { x.Skipped++; x.Done += int64(t.entry.Size) })
				return nil
			default:
				if same, err := from.stat(t.first.entry.Name); err == nil && there.links > 1 && same.id.is(there.id) {
					r.count(func(x *Result) { x.Files++; x.Unchanged++; x.Done += int64(t.entry.Size) })
					return nil
				}
				if err := r.clear(to, t.entry.Name, t.path, there); err != nil {
					return err
				}
			}
			if err := to.link(from, t.first.entry.Name, t.entry.Name, t.first.isFirst); err != nil {
				return err
			}
			r.count(func(x *Result) { x.Files++; x.Done += int64(t.entry.Size) })
			return nil
		})
	})
}
