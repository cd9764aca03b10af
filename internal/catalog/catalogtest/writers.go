package catalogtest

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

func (s suite) getMany(t *testing.T) {
	box := s.box(t)
	many := func(r catalog.Reader) error {
		values, err := r.GetMany(3, 7, 1, 9, 7, catalog.MaxNumber)
		if err == nil && fmt.Sprintf("%q", values) != `["3 7" "3 1" "" "3 7" ""]` {
			err = fmt.Errorf("GetMany gives %q", values)
		}
		if err == nil && (values[2] != nil || values[4] == nil) {
			err = fmt.Errorf("GetMany tells a missing value from an empty one: %v, %v", values[2] == nil, values[4] != nil)
		}
		none, noneErr := r.GetMany(3)
		if noneErr == nil && len(none) != 0 {
			noneErr = fmt.Errorf("GetMany of nothing gives %d values", len(none))
		}
		return errors.Join(err, noneErr)
	}
	update(t, box, func(w catalog.Writer) error {
		return errors.Join(putNumbers(w, 3, 1, 7), putNumbers(w, 2, 9), w.Put(3, catalog.MaxNumber, nil), many(w))
	})
	view(t, box, many)
}

// head shows that the head is there from the first answer, belongs to the
// state that a view reads, and lasts.
func (s suite) head(t *testing.T) {
	place := filepath.Join(t.TempDir(), "box")
	box := s.open(t, place)
	wantHead := func(head catalog.Head) {
		t.Helper()
		if got, err := headOf(box); err != nil || got != head {
			t.Fatalf("the head is %q (%v), want %q", got, err, head)
		}
	}
	wantHead("")
	const first, second = catalog.Head("first\x00\xff"), catalog.Head("second")
	check(t, box.Update(t.Context(), "", func(w catalog.Writer) error {
		if w.Head() != "" {
			return fmt.Errorf("an update of an empty container has the head %q", w.Head())
		}
		return errors.Join(putNumbers(w, 1, 1), w.SetHead(first))
	}))
	wantHead(first)
	inside, leave, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- box.View(t.Context(), func(r catalog.Reader) error {
			close(inside)
			<-leave
			if r.Head() != first {
				return fmt.Errorf("a view that began before a write has the head %q", r.Head())
			}
			return want(r, 1, 1, []byte("1 1"))
		})
	}()
	<-inside
	check(t, box.Update(t.Context(), first, func(w catalog.Writer) error {
		err := errors.Join(w.SetHead(second), w.Put(1, 1, []byte("new")))
		if err == nil && w.Head() != second {
			err = fmt.Errorf("a writer that has set the head %q has %q", second, w.Head())
		}
		return err
	}))
	close(leave)
	check(t, <-done)
	err := box.Update(t.Context(), second, func(w catalog.Writer) error {
		return errors.Join(w.SetHead("lost"), errStop)
	})
	if !errors.Is(err, errStop) {
		t.Fatalf("the update ended with %v, want the callback's own error", err)
	}
	check(t, box.Close())
	box = s.open(t, place)
	wantHead(second)
	check(t, box.Close())
}

// twoWriters has two writers continue the same head. Both have read it before
// either of them writes.
func (s suite) twoWriters(t *testing.T) {
	box := s.box(t)
	update(t, box, func(w catalog.Writer) error { return putNumbers(w, 1, 1) })
	old, err := headOf(box)
	check(t, err)
	newest := newHead()
	check(t, box.Update(t.Context(), old, func(w catalog.Writer) error {
		return errors.Join(putNumbers(w, 1, 2), w.SetHead(newest))
	}))
	for _, expected := range []catalog.Head{old, "", "never seen", newest + "x", newest[:len(newest)-1]} {
		ran := false
		err := box.Update(t.Context(), expected, func(w catalog.Writer) error {
			ran = true
			return errors.Join(putNumbers(w, 1, 3), w.SetHead(newHead()))
		})
		wantCode(t, err, syncline.CodeConflict)
		if !errors.Is(err, catalog.ErrConflict) || ran {
			t.Fatalf("a writer that continues %q gets %v, and ran: %v", expected, err, ran)
		}
	}
	view(t, box, func(r catalog.Reader) error { return wantNumbers(r, 1, 0, 1, 2) })
	check(t, box.Update(t.Context(), newest, func(w catalog.Writer) error {
		return errors.Join(putNumbers(w, 1, 3), w.SetHead(newHead()))
	}))
	view(t, box, func(r catalog.Reader) error { return wantNumbers(r, 1, 0, 1, 2, 3) })
}

// finalValues are read like all others.
func (s suite) finalValues(t *testing.T) {
	place := filepath.Join(t.TempDir(), "box")
	box := s.open(t, place)
	read := func(r catalog.Reader) error {
		return errors.Join(wantNumbers(r, 1, 0, 1, 2, 3), want(r, 1, 2, []byte("1 2")))
	}
	update(t, box, func(w catalog.Writer) error {
		return errors.Join(putNumbers(w, 1, 1, 3), w.PutFinal(1, 2, []byte("1 2")), read(w))
	})
	view(t, box, read)
	check(t, box.Close())
	box = s.open(t, place)
	view(t, box, read)
	check(t, box.Close())
}

// renew begins generations while a view reads the one before.
func (s suite) renew(t *testing.T) {
	place := filepath.Join(t.TempDir(), "box")
	box := s.open(t, place)
	update(t, box, func(w catalog.Writer) error {
		return errors.Join(putNumbers(w, 1, 1, 2), putNumbers(w, 2, 5, catalog.MaxNumber), putNumbers(w, 3, 7),
			w.PutFinal(1, 3, []byte("1 3")), w.PutFinal(2, 6, []byte("2 6")))
	})
	before := func(r catalog.Reader) error {
		return errors.Join(wantNumbers(r, 1, 0, 1, 2, 3), wantNumbers(r, 2, 0, 5, 6, catalog.MaxNumber), wantNumbers(r, 3, 0, 7), want(r, 1, 2, []byte("1 2")))
	}
	after := func(r catalog.Reader) error {
		return errors.Join(wantNumbers(r, 1, 0, 2, 4), wantNumbers(r, 2, 0, 5, 6, catalog.MaxNumber), wantNumbers(r, 3, 0), want(r, 1, 1, nil))
	}
	inside, leave, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- box.View(t.Context(), func(r catalog.Reader) error {
			err := before(r)
			close(inside)
			<-leave
			return errors.Join(err, before(r))
		})
	}()
	<-inside
	update(t, box, func(w catalog.Writer) error {
		old, err := w.Renew(2)
		if err != nil {
			return err
		}
		return errors.Join(wantNumbers(w, 1, 0), before(old), putNumbers(w, 1, 2, 4), before(old), after(w))
	})
	close(leave)
	check(t, <-done)
	view(t, box, after)
	update(t, box, func(w catalog.Writer) error {
		_, err := w.Renew()
		return errors.Join(err, wantNumbers(w, 2, 0), putNumbers(w, 4, 1))
	})
	check(t, box.Close())
	box = s.open(t, place)
	view(t, box, func(r catalog.Reader) error {
		return errors.Join(wantNumbers(r, 1, 0), wantNumbers(r, 2, 0), wantNumbers(r, 4, 0, 1))
	})
	update(t, box, func(w catalog.Writer) error { return putNumbers(w, 1, 1) })
	view(t, box, func(r catalog.Reader) error { return wantNumbers(r, 1, 0, 1) })
	check(t, box.Close())
}

// renewFails ends updates in the middle of a new generation.
func (s suite) renewFails(t *testing.T) {
	box := s.box(t)
	update(t, box, func(w catalog.Writer) error { return errors.Join(putNumbers(w, 1, 1, 2), putNumbers(w, 2, 1)) })
	for range 3 {
		err := write(t.Context(), box, func(w catalog.Writer) error {
			_, err := w.Renew(2)
			return errors.Join(err, putNumbers(w, 1, 9), errStop)
		})
		if !errors.Is(err, errStop) {
			t.Fatalf("the update ended with %v, want the callback's own error", err)
		}
		view(t, box, func(r catalog.Reader) error {
			return errors.Join(wantNumbers(r, 1, 0, 1, 2), wantNumbers(r, 2, 0, 1))
		})
	}
	update(t, box, func(w catalog.Writer) error {
		_, err := w.Renew(1)
		return errors.Join(err, putNumbers(w, 1, 3))
	})
	view(t, box, func(r catalog.Reader) error {
		return errors.Join(wantNumbers(r, 1, 0, 1, 2, 3), wantNumbers(r, 2, 0))
	})
}

// connected is a container whose connections a test can cut.
type connected interface {
	catalog.Container
	// LoseConnections has every view that runs lose its connection.
	LoseConnections()
}

// lostConnection cuts the connection of views. It has nothing to do for
// containers without one.
func (s suite) lostConnection(t *testing.T) {
	box, ok := s.box(t).(connected)
	if !ok {
		t.Skip("the container has no connection to lose")
	}
	update(t, box, func(w catalog.Writer) error { return putNumbers(w, 1, 1, 2, 3) })
	ran := 0
	view(t, box, func(r catalog.Reader) error { // the state is the same: the view goes on
		ran++
		box.LoseConnections()
		return errors.Join(want(r, 1, 1, []byte("1 1")), wantNumbers(r, 1, 2, 2, 3))
	})
	var seen []uint64
	view(t, box, func(r catalog.Reader) error { // in the middle of a scan
		ran++
		return r.Scan(1, 0, func(no uint64, _ []byte) error {
			if seen = append(seen, no); no == 2 {
				box.LoseConnections()
			}
			return nil
		})
	})
	if ran != 2 || fmt.Sprint(seen) != "[1 2 3]" {
		t.Errorf("two views ran %d times, and a scan gave %v", ran, seen)
	}
	view(t, box, func(r catalog.Reader) error { // twice
		box.LoseConnections()
		_, err := r.Get(1, 1)
		box.LoseConnections()
		_, again := r.Get(1, 1)
		return errors.Join(err, again)
	})
	err := box.View(t.Context(), func(r catalog.Reader) error { // the state is another one
		written := make(chan error)
		go func() {
			written <- write(t.Context(), box, func(w catalog.Writer) error { return w.Delete(1, 2, 2) })
		}()
		check(t, <-written)
		box.LoseConnections()
		_, err := r.Get(1, 1)
		return err
	})
	wantCode(t, err, syncline.CodeUnavailable)
	view(t, box, func(r catalog.Reader) error { return wantNumbers(r, 1, 0, 1, 3) })
}
