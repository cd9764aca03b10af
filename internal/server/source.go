package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/metrics"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/resticrepo"
)

// source opens attached repositories for sessions. It keeps the derived keys, so
// that a session with nothing new costs two listings and the configuration. The
// configuration shows whether the repository is still the same.
type source struct {
	store  sourceStore
	sealer sealer
	places *place.Opener
	slow   slow
	// opened is told of each storage that is opened, and returns what is to be called at
	// its end.
	opened func(repository syncline.ID, c metrics.Counter) (closed func())
	// beside says that other nodes look at the repositories, too. They see changed keys,
	// and tell nobody.
	beside bool
	// here fails for a folder that only another node has.
	here func(ctx context.Context, r syncline.Repository) error

	mu   sync.Mutex
	kept map[syncline.ID]keptRepository
}

// sourceStore holds the places of repositories with their secrets.
type sourceStore interface {
	store.Keys
	store.Accounts
	store.ObjectStorages
}

// keptRepository is a repository with its derived key.
type keptRepository struct {
	with [32]byte // digest of the place and the password
	repo *resticrepo.Repository
}

// maxKept bounds the repositories whose keys are kept. Another node may have removed some
// of them.
const maxKept = 1000

// Open implements syncer.Source.
func (s *source) Open(ctx context.Context, r syncline.Repository, log func(syncline.LogLevel, string)) (place.Opened, error) {
	sealed, err := s.store.SealedPassword(ctx, r.EncryptionKeyID)
	if err != nil {
		return place.Opened{}, err
	}
	password, err := s.sealer.Open(r.EncryptionKeyID, sealed)
	if err != nil {
		return place.Opened{}, err
	}
	at, err := s.place(ctx, r)
	if err != nil {
		return place.Opened{}, err
	}
	st, opened, err := s.places.Reach(ctx, at, func(e storage.Event) {
		log(syncline.LogWarning, e.String())
	})
	if err != nil {
		return place.Opened{}, err
	}
	st = s.watched(r.ID, st, &opened)
	name := at.Key()
	with := sha256.Sum256(fmt.Appendf(nil, "%d %s %s", len(name), name, password))
	if opened.Repository, err = s.repository(ctx, r.ID, with, st, string(password)); err != nil {
		return place.Opened{}, errors.Join(at.Describe(err), opened.Close())
	}
	return opened, nil
}

// look returns the storage of a repository for a check, which needs no password.
func (s *source) look(ctx context.Context, r syncline.Repository) (storage.Storage, place.Opened, error) {
	at, err := s.place(ctx, r)
	if err != nil {
		return nil, place.Opened{}, err
	}
	st, opened, err := s.places.ReachForLook(ctx, at)
	if err != nil {
		return nil, place.Opened{}, err
	}
	return s.watched(r.ID, st, &opened), opened, nil
}

// watched counts the requests to a storage, and bounds its speed.
func (s *source) watched(id syncline.ID, st storage.Storage, opened *place.Opened) storage.Storage {
	s.count(id, opened)
	return s.slow.wrap(id, st)
}

// count has the requests to an opened storage counted, from the first one on.
func (s *source) count(id syncline.ID, opened *place.Opened) {
	if s.opened == nil {
		return
	}
	closed, release := s.opened(id, opened.Counter), opened.Close
	opened.Close = func() error {
		defer closed()
		return release()
	}
}

// place returns the place of a repository.
func (s *source) place(ctx context.Context, r syncline.Repository) (place.Place, error) {
	if s.here != nil {
		if err := s.here(ctx, r); err != nil {
			return place.Place{}, err
		}
	}
	if r.ObjectStorageID == "" {
		return place.Place{Path: r.Path}, nil
	}
	at := place.Place{}
	var err error
	if at.Storage, err = s.store.ObjectStorage(ctx, r.ObjectStorageID); err != nil {
		return at, err
	}
	if at.Access.Account, err = s.store.Account(ctx, at.Storage.AccountID); err != nil {
		return at, err
	}
	sealed, err := s.store.SealedSecret(ctx, at.Storage.AccountID)
	if err != nil {
		return at, err
	}
	plain, err := s.sealer.Open(at.Storage.AccountID, sealed)
	if err != nil {
		return at, err
	}
	at.Access, err = s.places.Kinds.Access(at.Access.Account, plain)
	return at, err
}

func (s *source) repository(ctx context.Context, id syncline.ID, with [32]byte, st storage.Storage, password string) (*resticrepo.Repository, error) {
	s.mu.Lock()
	last, ok := s.kept[id]
	s.mu.Unlock()
	if ok && last.with == with && s.beside {
		var err error
		if ok, err = last.repo.HasKeys(ctx, st); err != nil {
			return nil, err
		}
	}
	if ok && last.with == with {
		repo, err := last.repo.Reopen(ctx, st)
		if !errors.Is(err, resticrepo.ErrAnotherRepository) && !errors.Is(err, resticrepo.ErrNotFound) {
			return repo, err
		}
	}
	repo, err := resticrepo.Open(ctx, st, password)
	if err != nil {
		return nil, err
	}
	s.keep(id, keptRepository{with, repo})
	return repo, nil
}

// keep keeps the keys of a repository, in the place of another one where there are many.
func (s *source) keep(id syncline.ID, r keptRepository) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = make(map[syncline.ID]keptRepository)
	}
	for other := range s.kept {
		if len(s.kept) < maxKept || s.kept[id].repo != nil {
			break
		}
		delete(s.kept, other)
	}
	s.kept[id] = r
}

// reader returns the function that opens attached repositories for their contents.
func (s *source) reader(repositories store.Repositories, log *slog.Logger) func(context.Context, syncline.ID) (place.Opened, error) {
	return func(ctx context.Context, id syncline.ID) (place.Opened, error) {
		r, err := repositories.Repository(ctx, id)
		if err != nil {
			return place.Opened{}, err
		}
		opened, err := s.Open(ctx, r, func(_ syncline.LogLevel, message string) { log.Warn(message, "repository", id) })
		if err != nil {
			return place.Opened{}, place.Translate(err)
		}
		return opened, nil
	}
}

// Remembered returns the repositories whose keys are kept.
func (s *source) Remembered() []syncline.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.kept))
}

// Forget implements syncer.Source.
func (s *source) Forget(id syncline.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, id)
}

// sealer seals repositories' passwords and accounts' secrets, each bound to
// the id of its record.
type sealer struct{ box *secret.Box }

func (s sealer) Seal(id syncline.ID, plain []byte) ([]byte, error) {
	return s.box.Seal(plain, string(id)), nil
}

func (s sealer) Open(id syncline.ID, sealed []byte) ([]byte, error) {
	return s.box.Open(sealed, string(id))
}
