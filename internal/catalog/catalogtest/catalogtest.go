// Package catalogtest has the suite that every catalog.Container passes, and a
// container in memory for tests. It knows nothing of what a catalog puts into
// its values.
package catalogtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// Run tests containers. open opens the container at place, a path in a
// directory of the test's own, and creates it when it is not there; opening
// the same place again, after Close, gives the same container.
func Run(t *testing.T, open func(t *testing.T, place string) catalog.Container) {
	t.Helper()
	s := suite{open}
	for name, test := range map[string]func(*testing.T){
		"GetPutDelete":    s.getPutDelete,
		"EmptyValues":     s.emptyValues,
		"Scan":            s.scan,
		"ScanStops":       s.scanStops,
		"Delete ranges":   s.deleteRanges,
		"LargeValues":     s.largeValues,
		"OwnWrites":       s.ownWrites,
		"GetMany":         s.getMany,
		"Head":            s.head,
		"TwoWriters":      s.twoWriters,
		"Final":           s.finalValues,
		"Renew":           s.renew,
		"RenewFails":      s.renewFails,
		"Lost":            s.lostConnection,
		"Claims":          s.claims,
		"Owned slices":    s.ownedSlices,
		"Atomic":          s.atomic,
		"Panic":           s.panicking,
		"Isolation":       s.isolation,
		"ManyViews":       s.manyViews,
		"UpdatesQueue":    s.updatesQueue,
		"Reopen":          s.reopen,
		"Canceled":        s.canceled,
		"CanceledMidway":  s.canceledMidway,
		"WaitingCanceled": s.waitingCanceled,
		"Size":            s.size,
		"CloseWaits":      s.closeWaits,
		"Closed":          s.closed,
	} {
		t.Run(name, test)
	}
}

type suite struct {
	open func(t *testing.T, place string) catalog.Container
}

// box opens a new container that is closed with the test.
func (s suite) box(t *testing.T) catalog.Container {
	t.Helper()
	box := s.open(t, filepath.Join(t.TempDir(), "box"))
	t.Cleanup(func() { check(t, box.Close()) })
	return box
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code syncline.Code) {
	t.Helper()
	if syncline.CodeOf(err) != code {
		t.Fatalf("error %v has code %q, want %q", err, syncline.CodeOf(err), code)
	}
}

func update(t *testing.T, box catalog.Container, fn func(catalog.Writer) error) {
	t.Helper()
	check(t, write(t.Context(), box, fn))
}

// heads counts the heads that write sets: no two are equal.
var heads atomic.Int64

func newHead() catalog.Head { return catalog.Head(fmt.Sprint("head ", heads.Add(1))) }

// headOf returns the head that a container has.
func headOf(box catalog.Container) (head catalog.Head, err error) {
	err = box.View(context.Background(), func(r catalog.Reader) error {
		head = r.Head()
		return nil
	})
	return head, err
}

// Meddle runs fn in an update that continues the head of box, whatever that is,
// behind the back of a catalog.
func Meddle(ctx context.Context, box catalog.Container, fn func(catalog.Writer) error) error {
	head, err := headOf(box)
	if err != nil {
		return err
	}
	return box.Update(ctx, head, fn)
}

// write runs fn in an update that continues the container's head and sets
// another one.
func write(ctx context.Context, box catalog.Container, fn func(catalog.Writer) error) error {
	return Meddle(ctx, box, func(w catalog.Writer) error {
		if err := fn(w); err != nil {
			return err
		}
		return w.SetHead(newHead())
	})
}

func view(t *testing.T, box catalog.Container, fn func(catalog.Reader) error) {
	t.Helper()
	check(t, box.View(t.Context(), fn))
}

// want fails unless the value is there and equal; nil means none.
func want(r catalog.Reader, kind catalog.Kind, no uint64, value []byte) error {
	got, err := r.Get(kind, no)
	if err != nil {
		return err
	}
	if (got == nil) != (value == nil) || !bytes.Equal(got, value) {
		return fmt.Errorf("value %d of kind %d is %s, want %s", no, kind, clip(got), clip(value))
	}
	return nil
}

func clip(b []byte) string {
	switch {
	case b == nil:
		return "none"
	case len(b) > 32:
		return fmt.Sprintf("%q… (%d bytes)", b[:32], len(b))
	}
	return fmt.Sprintf("%q", b)
}

// numbers returns what a scan from first on gives; every value must be the
// number's text.
func numbers(r catalog.Reader, kind catalog.Kind, first uint64) (out []uint64, err error) {
	err = r.Scan(kind, first, func(no uint64, value []byte) error {
		if string(value) != fmt.Sprint(kind, no) {
			return fmt.Errorf("scan gives %s for value %d of kind %d", clip(value), no, kind)
		}
		out = append(out, no)
		return nil
	})
	return out, err
}

func putNumbers(w catalog.Writer, kind catalog.Kind, nos ...uint64) error {
	for _, no := range nos {
		if err := w.Put(kind, no, []byte(fmt.Sprint(kind, no))); err != nil {
			return err
		}
	}
	return nil
}

func wantNumbers(r catalog.Reader, kind catalog.Kind, first uint64, nos ...uint64) error {
	got, err := numbers(r, kind, first)
	if err != nil {
		return err
	}
	if fmt.Sprint(got) != fmt.Sprint(nos) {
		return fmt.Errorf("scan of kind %d from %d gives %v, want %v", kind, first, got, nos)
	}
	return nil
}

func (s suite) getPutDelete(t *testing.T) {
	box := s.box(t)
	places := []struct {
		kind catalog.Kind
		no   uint64
	}{{1, catalog.MaxNumber}, {1, 0}, {1, 1}, {12, 1 << 32}, {255 >> 2, catalog.MaxNumber}}
	for _, p := range places {
		view(t, box, func(r catalog.Reader) error { return want(r, p.kind, p.no, nil) })
		for _, value := range []string{"first", "second, longer", "3"} {
			update(t, box, func(w catalog.Writer) error { return w.Put(p.kind, p.no, []byte(value)) })
			view(t, box, func(r catalog.Reader) error { return want(r, p.kind, p.no, []byte(value)) })
		}
	}
	for i, p := range places {
		update(t, box, func(w catalog.Writer) error { return w.Delete(p.kind, p.no, p.no) })
		view(t, box, func(r catalog.Reader) error {
			for j, q := range places {
				value := []byte("3")
				if j <= i {
					value = nil
				}
				if err := want(r, q.kind, q.no, value); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func (s suite) emptyValues(t *testing.T) {
	box := s.box(t)
	update(t, box, func(w catalog.Writer) error {
		return errors.Join(w.Put(1, 1, []byte{}), w.Put(1, 2, nil), w.Put(1, 4, []byte("x")))
	})
	view(t, box, func(r catalog.Reader) error {
		seen := 0
		err := r.Scan(1, 0, func(no uint64, value []byte) error {
			seen++
			if (no == 4) != (len(value) == 1) {
				return fmt.Errorf("scan gives %s for %d", clip(value), no)
			}
			return nil
		})
		if err == nil && seen != 3 {
			err = fmt.Errorf("scan gives %d values, want 3", seen)
		}
		return errors.Join(err, want(r, 1, 1, []byte{}), want(r, 1, 2, []byte{}), want(r, 1, 3, nil))
	})
}

func (s suite) scan(t *testing.T) {
	box := s.box(t)
	const top = catalog.MaxNumber
	update(t, box, func(w catalog.Writer) error {
		return errors.Join(
			putNumbers(w, 2, top, 7, 0, 1<<32, top-1, 255, 256),
			putNumbers(w, 1, 5, top), putNumbers(w, 3, 0, 9))
	})
	view(t, box, func(r catalog.Reader) error {
		return errors.Join(
			wantNumbers(r, 2, 0, 0, 7, 255, 256, 1<<32, top-1, top),
			wantNumbers(r, 2, 1, 7, 255, 256, 1<<32, top-1, top),
			wantNumbers(r, 2, 256, 256, 1<<32, top-1, top),
			wantNumbers(r, 2, top, top),
			wantNumbers(r, 1, 6, top),
			wantNumbers(r, 3, 10),
			wantNumbers(r, 4, 0))
	})
}

var errStop = errors.New("enough")

func (s suite) scanStops(t *testing.T) {
	box := s.box(t)
	update(t, box, func(w catalog.Writer) error { return putNumbers(w, 1, 1, 2, 3) })
	calls := 0
	err := box.View(t.Context(), func(r catalog.Reader) error {
		return r.Scan(1, 0, func(no uint64, _ []byte) error {
			calls++
			if no == 2 {
				return errStop
			}
			return nil
		})
	})
	if !errors.Is(err, errStop) || calls != 2 {
		t.Fatalf("the scan made %d calls and ended with %v, want 2 and the callback's own error", calls, err)
	}
	view(t, box, func(r catalog.Reader) error { return wantNumbers(r, 1, 0, 1, 2, 3) })
}

func (s suite) deleteRanges(t *testing.T) {
	box := s.box(t)
	const top = catalog.MaxNumber
	for _, c := range []struct {
		first, last uint64
		left        []uint64
	}{
		{2, 5, []uint64{0, 1, 6, top}},
		{0, 0, []uint64{1, 2, 3, 5, 6, top}},
		{4, 4, []uint64{0, 1, 2, 3, 5, 6, top}},
		{7, top - 1, []uint64{0, 1, 2, 3, 5, 6, top}},
		{6, top, []uint64{0, 1, 2, 3, 5}},
		{0, top, nil},
	} {
		update(t, box, func(w catalog.Writer) error {
			return errors.Join(
				putNumbers(w, 5, 0, 1, 2, 3, 5, 6, top), putNumbers(w, 4, 3, top), putNumbers(w, 6, 0, 3),
				w.Delete(5, c.first, c.last))
		})
		view(t, box, func(r catalog.Reader) error {
			return errors.Join(wantNumbers(r, 5, 0, c.left...),
				wantNumbers(r, 4, 0, 3, top), wantNumbers(r, 6, 0, 0, 3))
		})
	}
}

// noise returns n bytes that do not repeat soon.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n+8)
	for i := 0; i < n; i += 8 {
		seed = seed*6364136223846793005 + 1442695040888963407
		binary.LittleEndian.PutUint64(b[i:], seed^seed>>29)
	}
	return b[:n]
}

func (s suite) largeValues(t *testing.T) {
	place := filepath.Join(t.TempDir(), "box")
	box := s.open(t, place)
	sizes := []int{4090, 4096, 8192, 65537, 1<<20 + 1, 20 << 20}
	read := func(r catalog.Reader) error {
		for i, n := range sizes {
			if err := want(r, 1, uint64(i), noise(n, uint64(n))); err != nil {
				return err
			}
		}
		return nil
	}
	update(t, box, func(w catalog.Writer) error {
		for i, n := range sizes {
			if err := w.Put(1, uint64(i), noise(n, uint64(n))); err != nil {
				return err
			}
		}
		return read(w)
	})
	view(t, box, read)
	check(t, box.Close())
	box = s.open(t, place)
	view(t, box, read)
	check(t, box.Close())
}

func (s suite) ownedSlices(t *testing.T) {
	box := s.box(t)
	value := []byte("value")
	update(t, box, func(w catalog.Writer) error {
		if err := w.Put(1, 1, value); err != nil {
			return err
		}
		copy(value, "XXXXX") // the caller's again once Put has returned
		return nil
	})
	var kept []byte
	view(t, box, func(r catalog.Reader) (err error) {
		if kept, err = r.Get(1, 1); err != nil {
			return err
		}
		copy(kept, "mine!")
		return want(r, 1, 1, []byte("value"))
	})
	view(t, box, func(r catalog.Reader) error { return want(r, 1, 1, []byte("value")) })
	update(t, box, func(w catalog.Writer) error { return w.Put(1, 1, []byte("other")) })
	if string(kept) != "mine!" {
		t.Fatalf("the slice became %q after its transaction", kept)
	}
}

func (s suite) ownWrites(t *testing.T) {
	box := s.box(t)
	update(t, box, func(w catalog.Writer) error { return putNumbers(w, 1, 1, 2, 3) })
	update(t, box, func(w catalog.Writer) error {
		return errors.Join(
			w.Delete(1, 2, 2), putNumbers(w, 1, 9), w.Put(1, 3, []byte("new")), w.Put(1, 3, []byte(fmt.Sprint(1, 3))),
			want(w, 1, 2, nil), wantNumbers(w, 1, 0, 1, 3, 9),
			putNumbers(w, 1, 2), wantNumbers(w, 1, 2, 2, 3, 9))
	})
	view(t, box, func(r catalog.Reader) error { return wantNumbers(r, 1, 0, 1, 2, 3, 9) })
}

func (s suite) reopen(t *testing.T) {
	place := filepath.Join(t.TempDir(), "box")
	for round := range uint64(4) {
		box := s.open(t, place)
		view(t, box, func(r catalog.Reader) error {
			for no := range round {
				if err := want(r, 1, no, noise(int(10+no), no)); err != nil {
					return err
				}
			}
			return want(r, 1, round, nil)
		})
		update(t, box, func(w catalog.Writer) error { return w.Put(1, round, noise(int(10+round), round)) })
		check(t, box.Close())
	}
}

func (s suite) size(t *testing.T) {
	box := s.box(t)
	update(t, box, func(w catalog.Writer) error { return w.Put(1, 1, noise(1<<20, 1)) })
	n, err := box.Size(t.Context())
	check(t, err)
	if n < 1<<20 || n > 8<<20 {
		t.Fatalf("the size is %d after 1 MiB was put in", n)
	}
}

func (s suite) closed(t *testing.T) {
	box := s.open(t, filepath.Join(t.TempDir(), "box"))
	check(t, box.Close())
	err := box.View(t.Context(), func(catalog.Reader) error { return nil })
	wantCode(t, err, syncline.CodeUnavailable)
	err = box.Update(context.Background(), "", func(catalog.Writer) error { return nil })
	wantCode(t, err, syncline.CodeUnavailable)
}
