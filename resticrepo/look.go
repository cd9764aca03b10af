package resticrepo

import (
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
	// Seal is that of Repository.Seal.
	Seal ID
}

// LookAt lists snapshots, index files and keys and reads the sealed configuration, all
// at once. It derives no key. Errors are those of Open, but for ErrWrongPassword and
// ErrUnsupportedVersion, and damage inside of a file is not noticed.
func LookAt(ctx context.Context, st Storage) (*Look, error) {
	var look Look
	var sealed []byte
	var keys []File
	var configErr error
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
		keys, err = listFiles(ctx, st, "keys")
		return present(err)
	})
	g.Go(func() error {
		if sealed, configErr = readFile(ctx, st, "config", 0, MaxConfigSize); errors.Is(configErr, ErrNotFound) {
			return nil
		}
		return configErr
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := checkParts(configErr, keys); err != nil {
		return nil, err
	}
	look.Seal = seal{sha256.Sum256(sealed), keysSum(keys)}.id()
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
