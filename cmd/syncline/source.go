package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

// source opens attached repositories for sessions. It keeps what deriving a
// key gave, so that a session with nothing new costs two listings.
type source struct {
	keys   store.Keys
	sealer sealer

	mu     sync.Mutex
	opened map[syncline.ID]openedRepository
}

// openedRepository is a repository that was opened, and with what.
type openedRepository struct {
	with [32]byte // digest of place and password
	repo *resticrepo.Repository
}

// maxLocalRead bounds a read of a pack on a local disk, so that the workers
// share out the last packs.
const maxLocalRead = 4 << 20

// Open implements syncer.Source.
func (s *source) Open(ctx context.Context, r syncline.Repository, log func(syncline.LogLevel, string)) (syncer.Params, error) {
	sealed, err := s.keys.SealedPassword(ctx, r.EncryptionKeyID)
	if err != nil {
		return syncer.Params{}, err
	}
	password, err := s.sealer.Open(r.EncryptionKeyID, sealed)
	if err != nil {
		return syncer.Params{}, err
	}
	place, err := local.Open(r.Path)
	if err != nil {
		return syncer.Params{}, err
	}
	counter := storage.NewCounter(place)
	st := storage.NewRetry(counter, storage.RetryOptions{OnEvent: func(e storage.Event) {
		log(syncline.LogWarning, fmt.Sprintf("%s of %s failed and is tried again: %s", e.Kind, e.Name, syncline.MessageOf(e.Err)))
	}})
	with := sha256.Sum256(fmt.Appendf(nil, "%d %s %s", len(r.Path), r.Path, password))
	repo, err := s.repository(ctx, r.ID, with, st, string(password))
	if err != nil {
		return syncer.Params{}, errors.Join(err, place.Close())
	}
	return syncer.Params{Repository: repo, Counter: counter, MaxRead: maxLocalRead, Close: place.Close}, nil
}

func (s *source) repository(ctx context.Context, id syncline.ID, with [32]byte, st storage.Storage, password string) (*resticrepo.Repository, error) {
	s.mu.Lock()
	kept, ok := s.opened[id]
	s.mu.Unlock()
	if ok && kept.with == with {
		return kept.repo.With(st), nil
	}
	repo, err := resticrepo.Open(ctx, st, password)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened == nil {
		s.opened = make(map[syncline.ID]openedRepository)
	}
	s.opened[id] = openedRepository{with, repo}
	return repo, nil
}

// Forget implements syncer.Source.
func (s *source) Forget(id syncline.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.opened, id)
}

// check opens the repository in a local folder and drops it again.
func check(ctx context.Context, path, password string) error {
	st, err := local.Open(path)
	if err != nil {
		return syncer.Translate(err)
	}
	_, err = resticrepo.Open(ctx, st, password)
	return syncer.Translate(errors.Join(err, st.Close()))
}

// sealer seals the repositories' passwords, each bound to its key's id.
type sealer struct{ box *secret.Box }

func (s sealer) Seal(id syncline.ID, plain []byte) ([]byte, error) {
	return s.box.Seal(plain, string(id)), nil
}

func (s sealer) Open(id syncline.ID, sealed []byte) ([]byte, error) {
	return s.box.Open(sealed, string(id))
}
