// Package immutable looks once a day at the storage of each repository: until when files are
// kept from removal, which lie in an archive, and what the credentials may do. It knows
// neither storages nor the API. A look that fails is nobody's alarm; its reason is kept.
package immutable

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const (
	// Every is the longest time from one look to the next, and spread how much shorter it
	// is for some repositories.
	Every  = 24 * time.Hour
	spread = 2 * time.Hour
	// Again is the time after which a look that failed, or never ended, is tried again.
	Again = time.Hour
	// MaxWaiting bounds the repositories that wait for a look. The next check of one without
	// room asks again.
	MaxWaiting = 1000
	// atOnce bounds the looks of this node.
	atOnce = 2
)

// Records keeps the looks. The contract of the methods is that of store.Immutabilities.
type Records interface {
	Immutability(ctx context.Context, repository syncline.ID) (syncline.Immutability, error)
	ClaimLook(ctx context.Context, c store.LookClaim) (bool, error)
	PutImmutability(ctx context.Context, c store.LookClaim, found syncline.Immutability) error
	DropImmutability(ctx context.Context, repository syncline.ID) error
}

// Service looks at storages after checks and sessions. One node of a fleet does so.
type Service struct {
	Repositories interface {
		Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error)
	}
	Records Records
	// Look looks at the storage of a repository, for a bounded time. It gives the fields that
	// the storage tells.
	Look   func(ctx context.Context, r syncline.Repository) (syncline.Immutability, error)
	Logger *slog.Logger
	Now    func() time.Time

	mu      sync.Mutex
	waiting []wish
	news    chan struct{} // holds one signal
}

// wish is a repository that waits for a look. anew forgets the last one.
type wish struct {
	repository syncline.ID
	anew       bool
}

// Checked tells that a check of a repository has ended.
func (s *Service) Checked(c syncline.Check) {
	if c.Result != syncline.CheckFailed {
		s.ask(wish{repository: c.RepositoryID})
	}
}

// SessionEnded tells that a session has ended.
func (s *Service) SessionEnded(w syncline.Work) {
	if w.State == syncline.WorkSucceeded {
		s.ask(wish{repository: w.RepositoryID})
	}
}

// Anew forgets what is known of a repository's storage, and has it looked at.
func (s *Service) Anew(repository syncline.ID) { s.ask(wish{repository, true}) }

func (s *Service) ask(w wish) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.waiting {
		if s.waiting[i].repository == w.repository {
			s.waiting[i].anew = s.waiting[i].anew || w.anew
			return
		}
	}
	if len(s.waiting) < MaxWaiting {
		s.waiting = append(s.waiting, w)
		s.wake()
	}
}

// wake sends the signal. The caller holds mu.
func (s *Service) wake() {
	select {
	case s.signal() <- struct{}{}:
	default:
	}
}

// signal returns the channel of the signal. The caller holds mu.
func (s *Service) signal() chan struct{} {
	if s.news == nil {
		s.news = make(chan struct{}, 1)
	}
	return s.news
}

// next takes the first wish, and wakes another worker where more wait.
func (s *Service) next() (w wish, ok bool, news chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return wish{}, false, s.signal()
	}
	w = s.waiting[0]
	s.waiting = s.waiting[1:]
	if len(s.waiting) > 0 {
		s.wake()
	}
	return w, true, s.signal()
}

// Run looks until ctx ends.
func (s *Service) Run(ctx context.Context) {
	var workers errgroup.Group
	for range atOnce {
		workers.Go(func() error {
			s.work(ctx)
			return nil
		})
	}
	_ = workers.Wait() // no worker fails
}

func (s *Service) work(ctx context.Context) {
	for ctx.Err() == nil {
		w, ok, news := s.next()
		if ok {
			if _, err := s.RunOnce(ctx, w.repository, w.anew); err != nil && ctx.Err() == nil && syncline.CodeOf(err) != syncline.CodeNotFound {
				s.Logger.Debug("cannot look at the storage of a repository; tried after its next check", "repository", w.repository, "error", err)
			}
			continue
		}
		select {
		case <-news:
		case <-ctx.Done():
		}
	}
}

// RunOnce looks at the storage of a repository if a look is due, and reports whether it did.
// Repositories in folders have none. Its errors are those of the records.
func (s *Service) RunOnce(ctx context.Context, repository syncline.ID, anew bool) (looked bool, err error) {
	r, err := s.Repositories.Repository(ctx, repository)
	if err != nil {
		return false, err
	}
	if anew {
		if err := s.Records.DropImmutability(ctx, r.ID); err != nil {
			return false, err
		}
	}
	if r.ObjectStorageID == "" {
		return false, nil
	}
	last, err := s.Records.Immutability(ctx, r.ID)
	if err != nil {
		return false, err
	}
	now := s.Now()
	c := store.LookClaim{Repository: r.ID, ObjectStorage: r.ObjectStorageID, At: now, Before: now.Add(-interval(r.ID)), Lapsed: now.Add(-Again)}
	if last.Error == "" && last.ObjectStorageID == r.ObjectStorageID && last.At.After(c.Before) && !last.At.After(now) {
		return false, nil
	}
	if looked, err = s.Records.ClaimLook(ctx, c); err != nil || !looked {
		return false, err
	}
	found, err := s.Look(ctx, r)
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	if err != nil {
		found = syncline.Immutability{Error: syncline.MessageOf(err), Rights: syncline.RightsUnknown}
	}
	found.RepositoryID, found.ObjectStorageID, found.At = r.ID, r.ObjectStorageID, s.Now()
	return true, s.Records.PutImmutability(ctx, c, found)
}

// interval is the time between two looks at a repository. It differs from one to another,
// so that looks that began together part.
func interval(id syncline.ID) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(id))
	return Every - time.Duration(h.Sum64()%uint64(spread))
}
