package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

func (s suite) atomic(t *testing.T) {
	box := s.box(t)
	update(t, box, func(w catalog.Writer) error { return putNumbers(w, 1, 1, 2) })
	err := write(t.Context(), box, func(w catalog.Writer) error {
		err := errors.Join(putNumbers(w, 1, 3), w.Put(1, 1, []byte("lost")),
			w.Delete(1, 2, 2), w.Put(2, 0, noise(12<<20, 3)))
		if err != nil {
			return err
		}
		return errStop
	})
	if !errors.Is(err, errStop) {
		t.Fatalf("the update ended with %v, want the callback's own error", err)
	}
	view(t, box, func(r catalog.Reader) error {
		return errors.Join(wantNumbers(r, 1, 0, 1, 2), want(r, 2, 0, nil))
	})
	update(t, box, func(w catalog.Writer) error { return wantNumbers(w, 1, 0, 1, 2) })
}

func (s suite) panicking(t *testing.T) {
	box := s.box(t)
	for range 20 { // more than there may be connections
		attempt(func() {
			_ = write(context.Background(), box, func(w catalog.Writer) error {
				check(t, putNumbers(w, 1, 1))
				panic(errStop)
			})
		})
		attempt(func() {
			_ = box.View(context.Background(), func(catalog.Reader) error { panic(errStop) })
		})
	}
	update(t, box, func(w catalog.Writer) error { return wantNumbers(w, 1, 0) })
}

func attempt(fn func()) {
	defer func() { _ = recover() }()
	fn()
}

func (s suite) isolation(t *testing.T) {
	box := s.box(t)
	update(t, box, func(w catalog.Writer) error { return putNumbers(w, 1, 1, 2) })
	seen, committed, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- box.View(t.Context(), func(r catalog.Reader) error {
			if err := wantNumbers(r, 1, 0, 1, 2); err != nil {
				return err
			}
			seen <- struct{}{}
			<-committed
			err := errors.Join(wantNumbers(r, 1, 0, 1, 2), want(r, 1, 9, nil), want(r, 1, 1, []byte(fmt.Sprint(1, 1))))
			seen <- struct{}{}
			<-committed
			return errors.Join(err, wantNumbers(r, 1, 0, 1, 2), want(r, 2, 0, nil))
		})
	}()
	<-seen
	update(t, box, func(w catalog.Writer) error {
		return errors.Join(w.Delete(1, 2, 2), w.Put(1, 1, []byte("new")), putNumbers(w, 1, 9))
	})
	committed <- struct{}{}
	<-seen
	for i := range 3 { // enough to make a store tidy up behind the view
		update(t, box, func(w catalog.Writer) error { return w.Put(2, uint64(i), noise(9<<20, uint64(i))) })
	}
	view(t, box, func(r catalog.Reader) error {
		return errors.Join(want(r, 1, 1, []byte("new")), want(r, 1, 2, nil), want(r, 2, 2, noise(9<<20, 2)))
	})
	committed <- struct{}{}
	check(t, <-done)
}

// manyViews reads pairs that an update always changes together.
func (s suite) manyViews(t *testing.T) {
	box := s.box(t)
	write := func(round int) error {
		return write(t.Context(), box, func(w catalog.Writer) error {
			value := []byte(fmt.Sprint(round))
			return errors.Join(w.Put(1, 1, value), w.Put(7, catalog.MaxNumber, value))
		})
	}
	check(t, write(0))
	stop := make(chan struct{})
	errs := make([]error, 12)
	var started, ended sync.WaitGroup
	for i := range errs {
		started.Add(1)
		ended.Go(func() {
			for first := true; ; first = false {
				errs[i] = box.View(t.Context(), readPair)
				if first {
					started.Done()
				}
				select {
				case <-stop:
					return
				default:
				}
				if errs[i] != nil {
					return
				}
			}
		})
	}
	started.Wait()
	for round := 1; round <= 60; round++ {
		if err := write(round); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	ended.Wait()
	check(t, errors.Join(errs...))
}

func readPair(r catalog.Reader) error {
	a, err := r.Get(1, 1)
	if err != nil {
		return err
	}
	runtime.Gosched()
	return want(r, 7, catalog.MaxNumber, a)
}

func (s suite) updatesQueue(t *testing.T) {
	box := s.box(t)
	const goroutines, rounds = 6, 15
	errs := make([]error, goroutines)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for range rounds {
				err := catalog.Conflict()
				for errors.Is(err, catalog.ErrConflict) { // until no other one comes first
					err = write(t.Context(), box, func(w catalog.Writer) error {
						v, err := w.Get(1, 0)
						return errors.Join(err, w.Put(1, 0, append(v, 'x')))
					})
				}
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	wg.Wait()
	check(t, errors.Join(errs...))
	view(t, box, func(r catalog.Reader) error {
		v, err := r.Get(1, 0)
		if err == nil && len(v) != goroutines*rounds {
			err = fmt.Errorf("%d of %d updates are there", len(v), goroutines*rounds)
		}
		return err
	})
}

func (s suite) canceled(t *testing.T) {
	box := s.box(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := box.View(ctx, func(r catalog.Reader) error { return want(r, 1, 1, nil) })
	wantCode(t, err, syncline.CodeCanceled)
	err = write(ctx, box, func(w catalog.Writer) error { return putNumbers(w, 1, 1) })
	wantCode(t, err, syncline.CodeCanceled)
	view(t, box, func(r catalog.Reader) error { return wantNumbers(r, 1, 0) })
}

// canceledMidway cancels inside of transactions: what has not committed is not
// there, and the container goes on.
func (s suite) canceledMidway(t *testing.T) {
	box := s.box(t)
	update(t, box, func(w catalog.Writer) error { return putNumbers(w, 1, 1, 2, 3) })
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		err := write(ctx, box, func(w catalog.Writer) error {
			err := putNumbers(w, 1, 4)
			cancel()
			return err
		})
		wantCode(t, err, syncline.CodeCanceled)
		ctx, cancel = context.WithCancel(t.Context())
		err = write(ctx, box, func(w catalog.Writer) error {
			cancel()
			return putNumbers(w, 1, 5)
		})
		wantCode(t, err, syncline.CodeCanceled)
		ctx, cancel = context.WithCancel(t.Context())
		err = write(ctx, box, func(w catalog.Writer) error {
			if err := putNumbers(w, 1, 6); err != nil {
				return err
			}
			cancel()
			<-time.After(time.Millisecond) // until the transaction has ended, mostly
			_, getErr := w.Get(1, 1)
			_, scanErr := numbers(w, 1, 0)
			for _, err := range []error{putNumbers(w, 1, 6), getErr, scanErr, w.Delete(1, 1, 2)} {
				if err != nil { // a store may also be silent until the end
					wantCode(t, err, syncline.CodeCanceled)
				}
			}
			return nil
		})
		wantCode(t, err, syncline.CodeCanceled)
		ctx, cancel = context.WithCancel(t.Context())
		err = box.View(ctx, func(r catalog.Reader) error {
			cancel()
			_, err := numbers(r, 1, 0)
			return err
		})
		wantCode(t, err, syncline.CodeCanceled)
	}
	update(t, box, func(w catalog.Writer) error { return wantNumbers(w, 1, 0, 1, 2, 3) })
}

// waitingCanceled gives up an update that waits behind another.
func (s suite) waitingCanceled(t *testing.T) {
	box := s.box(t)
	inside, leave, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- write(t.Context(), box, func(w catalog.Writer) error {
			close(inside)
			<-leave
			return putNumbers(w, 1, 1)
		})
	}()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error, 1)
	go func() {
		waiting <- write(ctx, box, func(w catalog.Writer) error { return putNumbers(w, 1, 2) })
	}()
	cancel()
	wantCode(t, <-waiting, syncline.CodeCanceled)
	close(leave)
	check(t, <-done)
	view(t, box, func(r catalog.Reader) error { return wantNumbers(r, 1, 0, 1) })
}

func (s suite) closeWaits(t *testing.T) {
	box := s.open(t, filepath.Join(t.TempDir(), "box"))
	update(t, box, func(w catalog.Writer) error { return putNumbers(w, 1, 1) })
	closed := make(chan error, 1)
	view(t, box, func(r catalog.Reader) error {
		go func() { closed <- box.Close() }()
		refused := make(chan struct{})
		go func() { // Close has begun once nothing new is let in
			for box.View(t.Context(), func(catalog.Reader) error { return nil }) == nil {
				runtime.Gosched()
			}
			close(refused)
		}()
		<-refused
		for range 200 {
			if err := wantNumbers(r, 1, 0, 1); err != nil {
				return err
			}
			select {
			case err := <-closed:
				return fmt.Errorf("Close returned (%w) while a view was running", err)
			default:
			}
		}
		return nil
	})
	check(t, <-closed)
}
