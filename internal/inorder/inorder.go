// Package inorder formats parts of an output side by side and writes them in their order.
// It knows nothing of what they are.
package inorder

import (
	"context"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Format appends the text of a part to buf.
type Format[P any] func(buf []byte, part P) ([]byte, error)

// keptBuffer is the largest buffer that is used again.
const keptBuffer = 4 << 20

// job is a part on its way: produce makes it, a worker formats it, the writer writes it.
type job[P any] struct {
	part P
	text []byte
	err  error
	done chan struct{} // has a value when text and err are set
}

// Write writes to out what format makes of the parts that produce gives, in their order.
// It has a goroutine for each core, and calls newFormat once for each of them. Two parts
// for each core are on their way at most; give waits meanwhile.
//
// When produce fails, Write still writes the parts before the failure. When format or out
// fails, give fails, and nothing more is written.
func Write[P any](ctx context.Context, out io.Writer, newFormat func() Format[P], produce func(give func(P) error) error) error {
	workers := runtime.GOMAXPROCS(0)
	flow := newFlow[P](2 * workers)
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		format := newFormat()
		group.Go(func() error { flow.format(format); return nil })
	}
	group.Go(func() error { return flow.write(out) })
	produced := produce(func(part P) error { return flow.give(ctx, part) })
	close(flow.work)
	close(flow.order)
	if err := group.Wait(); err != nil {
		return err
	}
	return produced
}

type flow[P any] struct {
	free  chan *job[P] // jobs that are not on their way
	work  chan *job[P] // to the workers
	order chan *job[P] // to the writer
}

func newFlow[P any](jobs int) *flow[P] {
	f := &flow[P]{make(chan *job[P], jobs), make(chan *job[P], jobs), make(chan *job[P], jobs)}
	for range jobs {
		f.free <- &job[P]{done: make(chan struct{}, 1)}
	}
	return f
}

// give puts a part on its way. No channel has fewer places than there are jobs.
func (f *flow[P]) give(ctx context.Context, part P) error {
	select {
	case j := <-f.free:
		j.part = part
		f.order <- j
		f.work <- j
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *flow[P]) format(format Format[P]) {
	var none P
	for j := range f.work {
		j.text, j.err = format(j.text[:0], j.part)
		j.part = none
		j.done <- struct{}{}
	}
}

// write writes the texts up to the first failure.
func (f *flow[P]) write(out io.Writer) error {
	for j := range f.order {
		<-j.done
		if j.err != nil {
			return j.err
		}
		if _, err := out.Write(j.text); err != nil {
			return err
		}
		if cap(j.text) > keptBuffer {
			j.text = nil
		}
		f.free <- j
	}
	return nil
}
