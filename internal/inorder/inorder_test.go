package inorder_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"syncline.dev/syncline/internal/inorder"
)

func number(buf []byte, part int) ([]byte, error) { return fmt.Appendln(buf, part), nil }

func plain(f inorder.Format[int]) func() inorder.Format[int] {
	return func() inorder.Format[int] { return f }
}

func count(n int) func(func(int) error) error {
	return func(give func(int) error) error {
		for i := range n {
			if err := give(i); err != nil {
				return err
			}
		}
		return nil
	}
}

func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i)
	}
	return b.String()
}

func TestOrder(t *testing.T) {
	for _, n := range []int{0, 1, 5, 5000} {
		var out bytes.Buffer
		uneven := func(buf []byte, part int) ([]byte, error) {
			for range part % 7 {
				runtime.Gosched()
			}
			return number(buf, part)
		}
		if err := inorder.Write(t.Context(), &out, plain(uneven), count(n)); err != nil || out.String() != lines(n) {
			t.Errorf("%d parts: %d bytes, %v", n, out.Len(), err)
		}
	}
}

// TestFailures has each side fail in turn. All parts before the failure of the producer
// are written, and nothing behind any failure.
func TestFailures(t *testing.T) {
	broken := errors.New("broken")
	t.Run("producer", func(t *testing.T) {
		var out bytes.Buffer
		err := inorder.Write(t.Context(), &out, plain(number), func(give func(int) error) error {
			return errors.Join(count(100)(give), broken)
		})
		if !errors.Is(err, broken) || out.String() != lines(100) {
			t.Errorf("%v, %d bytes", err, out.Len())
		}
	})
	t.Run("format", func(t *testing.T) {
		var out bytes.Buffer
		err := inorder.Write(t.Context(), &out, plain(func(buf []byte, part int) ([]byte, error) {
			if part == 50 {
				return nil, broken
			}
			return number(buf, part)
		}), count(1<<40))
		if !errors.Is(err, broken) || out.String() != lines(50) {
			t.Errorf("%v, %q", err, out.String())
		}
	})
	t.Run("writer", func(t *testing.T) {
		err := inorder.Write(t.Context(), &limited{left: 20, err: broken}, plain(number), count(1<<40))
		if !errors.Is(err, broken) {
			t.Error(err)
		}
	})
	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		err := inorder.Write(ctx, new(bytes.Buffer), plain(number), func(give func(int) error) error {
			for ; ; n++ {
				if n == 30 {
					cancel()
				}
				if err := give(n); err != nil {
					return err
				}
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

type limited struct {
	left int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left--; l.left < 0 {
		return 0, l.err
	}
	return len(p), nil
}

// TestBound counts the parts that are on their way.
func TestBound(t *testing.T) {
	var given, written atomic.Int64
	most := int64(0)
	err := inorder.Write(t.Context(), counting{&written}, plain(number), func(give func(int) error) error {
		for i := range 1000 {
			if err := give(i); err != nil {
				return err
			}
			most = max(most, given.Add(1)-written.Load())
		}
		return nil
	})
	// The part whose writing ends counts as on its way.
	if bound := int64(2*runtime.GOMAXPROCS(0) + 1); err != nil || written.Load() != 1000 || most > bound {
		t.Errorf("%d parts on their way, more than %d; %d written (%v)", most, bound, written.Load(), err)
	}
}

type counting struct{ n *atomic.Int64 }

func (c counting) Write(p []byte) (int, error) {
	c.n.Add(1)
	return len(p), nil
}
