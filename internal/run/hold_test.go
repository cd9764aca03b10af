package run_test

import (
	"context"
	"errors"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
)

// Hold stops the work of one repository, keeps new work out during the change, and lets
// it in again.
func TestHold(t *testing.T) {
	h := newHost(t)
	s := h.open()
	start := func(id syncline.ID) (store.Work, error) {
		return s.Start(t.Context(), store.Work{Work: syncline.Work{Kind: kindName, RepositoryID: id}})
	}
	first, err := start(repositoryID)
	if err != nil {
		t.Fatal(err)
	}
	<-h.begun
	other, err := start(otherID)
	if err != nil {
		t.Fatal(err)
	}
	runs := <-h.begun
	failure := errors.New("not changed")
	stopped, err := s.Hold(t.Context(), kindName, repositoryID, func(ctx context.Context) error {
		if w, err := s.Get(ctx, kindName, first.ID); err != nil || w.State != syncline.WorkStopped {
			t.Errorf("during the change the work is %v, %v", w.State, err)
		}
		if _, err := start(repositoryID); syncline.CodeOf(err) != syncline.CodeConflict {
			t.Errorf("work began during the change: %v", err)
		}
		// A second change may come meanwhile, and its end lets no work in yet.
		if _, err := s.Hold(ctx, kindName, repositoryID, func(context.Context) error { return nil }); err != nil {
			t.Error(err)
		}
		if _, err := start(repositoryID); syncline.CodeOf(err) != syncline.CodeConflict {
			t.Errorf("work began during the first change: %v", err)
		}
		return failure
	})
	if !stopped || !errors.Is(err, failure) {
		t.Errorf("got %v, %v", stopped, err)
	}
	again, err := start(repositoryID)
	if err != nil {
		t.Fatal(err)
	}
	(<-h.begun).end <- run.Outcome{}
	if w, err := s.Wait(t.Context(), kindName, again.ID); err != nil || w.State != syncline.WorkSucceeded {
		t.Errorf("after the change: %v, %v", w.State, err)
	}
	if stopped, err := s.Hold(t.Context(), kindName, repositoryID, func(context.Context) error { return nil }); stopped || err != nil {
		t.Errorf("nothing ran: %v, %v", stopped, err)
	}
	if w, err := s.Get(t.Context(), kindName, other.ID); err != nil || w.State.Ended() {
		t.Errorf("the other repository's work: %v, %v", w.State, err)
	}
	runs.end <- run.Outcome{}
}

// Work that has come to its end, and has not left the node, is not stopped by a change.
func TestHoldAtTheEnd(t *testing.T) {
	h := newHost(t)
	ending, leave := make(chan struct{}), make(chan struct{})
	h.alter = func(k *run.Kind) {
		k.Ended = func(syncline.Work) { close(ending); <-leave }
	}
	s := h.open()
	start := func() (store.Work, error) {
		return s.Start(t.Context(), store.Work{Work: syncline.Work{Kind: kindName, RepositoryID: repositoryID}})
	}
	w, err := start()
	if err != nil {
		t.Fatal(err)
	}
	(<-h.begun).end <- run.Outcome{}
	<-ending
	result := make(chan error, 1)
	go func() {
		stopped, err := s.Hold(t.Context(), kindName, repositoryID, func(context.Context) error { return nil })
		if stopped {
			err = errors.Join(err, errors.New("it has stopped the work"))
		}
		result <- err
	}()
	for err == nil { // until the change keeps work out
		_, err = start()
	}
	if syncline.CodeOf(err) != syncline.CodeConflict {
		t.Error(err)
	}
	close(leave)
	if err := <-result; err != nil {
		t.Error(err)
	}
	if w, err = s.Wait(t.Context(), kindName, w.ID); err != nil || w.State != syncline.WorkSucceeded {
		t.Errorf("the work is %v, %v", w.State, err)
	}
}
