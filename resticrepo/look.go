package resticrepo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// Look is what lies at the place of a repository, as far as names tell. Nothing in it
// needs a password.
type Look struct {
	Snapshots []File // sorted by id
	Indexes   []File // likewise
	Sealed    *Sealed
	// Seal is that of Repository.Seal.
	Seal ID
}

// Sealed is the part of a repository that a password opens: its sealed configuration, and
// the names of its keys.
type Sealed struct {
	config  []byte
	keys    []File // sorted by id
	missing error  // why these are no repository
}

// Open is OpenWithHint without the requests that have shown what is sealed. Where the keys
// do not open it, because it has changed meanwhile or an answer was wrong, Open makes them
// again.
func (s *Sealed) Open(ctx context.Context, st Storage, password, hint string) (*Repository, error) {
	r, err := s.open(ctx, st, password, hint)
	if errors.Is(err, ErrDamaged) && ctx.Err() == nil {
		return OpenWithHint(ctx, st, password, hint)
	}
	return r, err
}

func (s *Sealed) open(ctx context.Context, st Storage, password, hint string) (*Repository, error) {
	if s.missing != nil {
		return nil, s.missing
	}
	key, keyID, err := openKey(ctx, st, hinted(s.keys, hint), password, s.config)
	if errors.Is(err, ErrWrongPassword) {
		key, keyID, err = openOther(ctx, st, s.keys, password, s.config)
	}
	if err != nil {
		return nil, err
	}
	config, err := parseConfig(key, bytes.Clone(s.config))
	if err != nil {
		return nil, err
	}
	return newRepository(st, key, keyID, config, s.seal()), nil
}

func (s *Sealed) seal() seal { return seal{sha256.Sum256(s.config), keysSum(s.keys)} }

// readSealed reads the configuration and lists the keys, both at once. The error is one of
// the storage. That of the configuration comes first, so that the same fault is always told
// in the same way.
func readSealed(ctx context.Context, st Storage) (*Sealed, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &Sealed{}
	var configErr error
	read := make(chan struct{})
	go func() {
		defer close(read)
		s.config, configErr = readFile(ctx, st, "config", 0, MaxConfigSize)
		if configErr != nil && !errors.Is(configErr, ErrNotFound) {
			cancel() // nothing needs the keys
		}
	}()
	keys, err := listFiles(ctx, st, "keys")
	<-read
	if configErr != nil && !errors.Is(configErr, ErrNotFound) {
		return nil, configErr
	}
	if err := present(err); err != nil {
		return nil, err
	}
	s.keys = keys
	s.missing = checkParts(configErr, s.keys)
	return s, nil
}

// LookAt lists snapshots, index files and keys and reads the sealed configuration, all
// at once. It derives no key. Errors are those of Open, but for ErrWrongPassword and
// ErrUnsupportedVersion, and damage inside of a file is not noticed.
//
// If there is a function early, LookAt calls it as soon as it knows what is sealed, while
// it may still be listing.
func LookAt(ctx context.Context, st Storage, early func(*Sealed)) (*Look, error) {
	var look Look
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		look.Snapshots, err = listFiles(ctx, st, "snapshots")
		return present(err)
	})
	g.Go(func() (err error) {
		look.Indexes, err = listFiles(ctx, st, "index")
		return present(err)
	})
	g.Go(func() (err error) {
		look.Sealed, err = readSealed(ctx, st)
		if err == nil && look.Sealed.missing == nil && early != nil {
			early(look.Sealed)
		}
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := look.Sealed.missing; err != nil {
		return nil, err
	}
	look.Seal = look.Sealed.seal().id()
	return &look, nil
}

// present takes a missing folder for an empty one.
func present(err error) error {
	if isNotExist(err) {
		return nil
	}
	return err
}

// checkParts fails when the configuration or the keys are missing. configErr is nil, or
// matches ErrNotFound.
func checkParts(configErr error, keys []File) error {
	switch {
	case configErr != nil && len(keys) == 0:
		return fmt.Errorf("%w: %w", ErrNoRepository, configErr)
	case configErr != nil:
		return &DamageError{Object: "config", Reason: "it is missing", Err: configErr}
	case len(keys) == 0:
		return &DamageError{Object: "keys", Reason: "there is no key file"}
	}
	return nil
}

// seal tells repositories apart, and states of their keys.
type seal struct {
	config [sha256.Size]byte // of the sealed configuration
	keys   [sha256.Size]byte // of the names and sizes of the key files
}

func (s seal) id() ID { return sha256.Sum256(append(s.config[:], s.keys[:]...)) }

// keysSum returns the hash of the names and sizes of key files, sorted by id.
func keysSum(keys []File) [sha256.Size]byte {
	var b []byte
	for _, f := range keys {
		b = append(b, f.ID[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(f.Size)) //nolint:gosec // only compared
	}
	return sha256.Sum256(b)
}

// Seal returns a hash of the sealed configuration and of the names and sizes of the key
// files at the time of Open. It is another one when another repository lies at the
// place, and after a change of the configuration or of the keys. It is no secret.
func (r *Repository) Seal() ID { return r.seal.id() }
