package run

import (
	"context"
	"errors"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// hold is work of a kind, of a repository.
type hold struct {
	kind       syncline.WorkKind
	repository syncline.ID
}

// Hold stops a repository's work of a kind, waits for its end, and calls change. No
// work of the kind starts for the repository meanwhile, on no node: Start returns
// CodeConflict. Hold reports whether it stopped any work, also where change fails.
func (s *Service) Hold(ctx context.Context, kind syncline.WorkKind, repository syncline.ID, change func(context.Context) error) (stopped bool, err error) {
	ctx, drop, err := s.holdAll(ctx, hold{kind, repository})
	if err != nil {
		return false, err
	}
	defer drop()
	stopped, ended := s.stopKind(hold{kind, repository})
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if h := (hold{kind, repository}); s.held[h] > 1 {
			s.held[h]--
		} else {
			delete(s.held, h)
		}
	}()
	elsewhere, err := s.stopAll(ctx, repository, s.kinds[kind])
	stopped = stopped || elsewhere
	if err == nil {
		err = waitAll(ctx, ended)
	}
	if err == nil {
		err = change(ctx)
	}
	return stopped, err
}

// stopKind lets no work start any more, stops the work that runs here, and returns the
// channels that are closed when it has ended. stopped is false where there is only work that
// has come to its end, and is leaving.
func (s *Service) stopKind(h hold) (stopped bool, ended []chan struct{}) {
	s.starting.Lock()
	defer s.starting.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[h]++
	for _, t := range s.running {
		if t.repository == h.repository && t.kind.Name == h.kind {
			stopped = stopped || !t.over.Load()
			t.cancel(errStopRequested)
			ended = append(ended, t.done)
		}
	}
	return stopped, ended
}

func waitAll(ctx context.Context, ended []chan struct{}) error {
	for _, done := range ended {
		select {
		case <-done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Forget stops a repository's work, waits for its end, has every kind forget the
// repository, and calls remove, which removes the repository itself. No work of the
// repository starts meanwhile, on no node. Where remove fails, the repository can be
// used again, but the kinds have lost what they kept of it.
func (s *Service) Forget(ctx context.Context, repository syncline.ID, remove func(context.Context) error) error {
	ctx, drop, err := s.holdAll(ctx, hold{"", repository})
	if err != nil {
		return err
	}
	defer drop()
	ended, err := s.keepOut(repository)
	if err != nil {
		return err
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.leaving, repository)
	}()
	for _, k := range s.kinds {
		if _, err := s.stopAll(ctx, repository, k); err != nil {
			return err
		}
	}
	if err := waitAll(ctx, ended); err != nil {
		return err
	}
	for _, k := range s.kinds {
		if k.Forget == nil {
			continue
		}
		if err := k.Forget(ctx, repository); err != nil {
			return err
		}
	}
	return remove(ctx)
}

// keepOut lets no work of a repository start any more, stops the work that runs here,
// and returns the channels that are closed when it has ended.
func (s *Service) keepOut(repository syncline.ID) (ended []chan struct{}, err error) {
	s.starting.Lock()
	defer s.starting.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving[repository] {
		return nil, store.ErrLeaving
	}
	s.leaving[repository] = true
	for _, t := range s.running {
		if t.repository != repository {
			continue
		}
		t.cancel(errStopRequested)
		select {
		case <-t.removed: // closed by an earlier removal that failed
		default:
			close(t.removed)
		}
		ended = append(ended, t.done)
	}
	return ended, nil
}

// stopAll stops a repository's work of a kind on whichever node it is, and waits for
// its end. It reports whether there was any. A node that is alone stops its own work.
func (s *Service) stopAll(ctx context.Context, repository syncline.ID, k *kind) (stopped bool, err error) {
	if s.Lease == 0 {
		return false, nil
	}
	unended, err := s.Unended(ctx, k.Name)
	if err != nil {
		return false, err
	}
	for _, w := range unended {
		if w.RepositoryID != repository {
			continue
		}
		stopped = true
		if err := s.stopOne(ctx, w); err != nil && syncline.CodeOf(err) != syncline.CodeNotFound {
			return stopped, err
		}
	}
	return stopped, nil
}

func (s *Service) stopOne(ctx context.Context, w store.Work) error {
	if err := s.Stop(ctx, w.Kind, w.ID); err != nil {
		return err
	}
	_, err := s.Wait(ctx, w.Kind, w.ID)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// errHoldLost ends a change whose hold this node could not go on with.
var errHoldLost = syncline.Errorf(syncline.CodeUnavailable, "the database could not be reached for a while, so that work of the repository may have started meanwhile; try again")

// holds are the holds of this node that the store knows.
type holds struct {
	mu  sync.Mutex
	all map[syncline.ID]*held
}

// held is one of them.
type held struct {
	store.Hold
	expiry *time.Timer // ends the change with the hold
}

// holdAll keeps work out on all nodes until drop is called. The context that it returns
// ends when the hold is lost, and the store and the catalogs take a write with it only
// while the hold lasts.
func (s *Service) holdAll(ctx context.Context, h hold) (_ context.Context, drop func(), err error) {
	if s.Lease == 0 {
		return ctx, func() {}, nil
	}
	since, kept := time.Now(), store.Hold{ID: s.NewID(), RepositoryID: h.repository, Kind: h.kind}
	if err := s.Store.HoldWork(ctx, kept, s.Lease); err != nil {
		return ctx, nil, err
	}
	outside := ctx
	ctx, cancel := context.WithCancelCause(store.WithHold(ctx, kept))
	expiry := time.AfterFunc(s.untilExpiry(since), func() { cancel(errHoldLost) })
	f := &s.fleet.holds
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = make(map[syncline.ID]*held)
	}
	f.all[kept.ID] = &held{kept, expiry}
	return ctx, func() {
		f.mu.Lock()
		delete(f.all, kept.ID)
		f.mu.Unlock()
		expiry.Stop()
		cancel(nil)
		ctx, done := context.WithTimeout(context.WithoutCancel(outside), storeTimeout)
		defer done()
		if err := s.Store.DropHold(ctx, kept.ID); err != nil {
			s.Logger.Warn("cannot let work of a repository start again; it can when the hold is over", "repository", kept.RepositoryID, "error", err)
		}
	}, nil
}

// renewHolds goes on with the holds of this node.
func (s *Service) renewHolds(ctx context.Context) {
	f := &s.fleet.holds
	f.mu.Lock()
	all := make([]*held, 0, len(f.all))
	for _, h := range f.all {
		all = append(all, h)
	}
	f.mu.Unlock()
	for _, h := range all {
		since := time.Now()
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		err := s.Store.RenewHold(ctx, h.ID, s.Lease)
		cancel()
		f.mu.Lock()
		dropped := f.all[h.ID] == nil
		switch {
		case err == nil && !dropped:
			h.expiry.Reset(s.untilExpiry(since))
		case err == nil:
			defer s.dropLate(h)
		case !dropped && !errors.Is(err, context.Canceled): // its change ends with it
			s.Logger.Warn("cannot go on to keep work of a repository out", "repository", h.RepositoryID, "error", err)
		}
		f.mu.Unlock()
	}
}

// dropLate ends a hold that was renewed while it was dropped.
func (s *Service) dropLate(h *held) {
	ctx, cancel := context.WithTimeout(s.fleet.ctx, storeTimeout)
	defer cancel()
	_ = s.Store.DropHold(ctx, h.ID) // or it is over soon
}
