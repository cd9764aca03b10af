package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/statefile"
	stores "syncline.dev/syncline/internal/store/sqlite"
)

// The files of a data directory that a copy of the state restores.
const (
	databaseFile    = "syncline.db"
	keyFile         = "secret.key"
	certificateFile = "tls/tls.pem"
)

// restoringFolder holds the parts of a copy until all are checked. It lies in the data
// directory, so that a part reaches its place by a rename.
const restoringFolder = "restoring"

// StateRestore brings a copy of the state back. Nothing but the folder restoringFolder
// changes before the whole copy is checked. The database gets its name last: a start
// refuses a directory with a key and without a database, and a second try goes on from
// there.
type StateRestore struct {
	Data          string // "" for the default one
	From          io.Reader
	Passphrase    func() (string, error) // of a sealed copy
	SecretKeyFile string                 // where the key is, "" for Data
	NewKey        bool                   // makes a key if there is none
}

// KeyState says how the stored passwords open after a restore.
type KeyState string

// Where the key is after a restore.
const (
	KeyRestored KeyState = "restored" // it was in the copy
	KeyInPlace  KeyState = "in place" // it was there before
	KeyMissing  KeyState = "missing"
	KeyNew      KeyState = "new"
)

// StateRestored is the outcome of a restore.
type StateRestored struct {
	statefile.Manifest
	Data     string
	Key      KeyState
	Secrets  int // stored passwords and other secrets
	Lost     int // secrets that do not open with the key
	Catalogs int // that lie in the data directory
}

// Run restores the copy.
func (r *StateRestore) Run(ctx context.Context) (done StateRestored, err error) {
	keepPrivate()
	if r.Data == "" {
		if r.Data, err = DefaultDataDir(); err != nil {
			return done, err
		}
	}
	done.Data = r.Data
	_, missing := os.Stat(r.Data)
	l, err := lock(r.Data)
	if err != nil {
		return done, err
	}
	installed := false
	defer func() {
		err = errors.Join(err, l.Unlock())
		if !installed && errors.Is(missing, fs.ErrNotExist) {
			err = errors.Join(err, os.RemoveAll(r.Data)) // it was made here
		}
	}()
	if err := r.refuseState(); err != nil {
		return done, err
	}
	folder := filepath.Join(r.Data, restoringFolder)
	err = os.RemoveAll(folder) // of a restore that was cut short
	if err == nil {
		err = os.Mkdir(folder, 0o700)
	}
	if err != nil {
		return done, cannotUse(err, r.Data)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	archive, _, err := statefile.Open(r.From, func() (secret.String, error) {
		text, err := r.Passphrase()
		return secret.NewString(text), err
	})
	if err == nil {
		done.Manifest, err = statefile.Extract(ctx, archive, folder)
	}
	if err == nil {
		err = r.check(ctx, folder, &done)
	}
	if err != nil {
		return done, err
	}
	err = r.install(folder, &done)
	installed = err == nil
	return done, err
}

// refuseState fails if the data directory has a state.
func (r *StateRestore) refuseState() error {
	for _, name := range []string{databaseFile, databaseFile + "-wal", databaseFile + "-journal"} {
		switch _, err := os.Lstat(filepath.Join(r.Data, name)); {
		case err == nil:
			return syncline.Errorf(syncline.CodeConflict, "the data directory %s has a state (%s); restore into another directory, or move the files syncline.db* away first", r.Data, name)
		case !errors.Is(err, fs.ErrNotExist):
			return cannotUse(err, r.Data)
		}
	}
	return nil
}

// check fails unless the parts of a copy fit together and into the data directory.
func (r *StateRestore) check(ctx context.Context, folder string, done *StateRestored) (err error) {
	path := filepath.Join(folder, statefile.Database)
	marked, err := stores.Incomplete(path)
	if err != nil {
		return err
	}
	store, err := stores.OpenReadOnly(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	found, err := store.Check(ctx)
	if err != nil {
		return err
	}
	id, err := store.InstallationID(ctx)
	if err != nil {
		return err
	}
	schema, _ := store.Version()
	if marked || len(found) > 0 || id != done.ID || schema != done.Schema {
		return syncline.WrapError(syncline.CodeDamaged, fmt.Errorf("incomplete: %v, problems: %q, id %.40q, schema %d", marked, found, id, schema), statefile.MsgDamaged)
	}
	if err := r.checkCertificate(folder, done); err != nil {
		return err
	}
	secrets, err := store.SealedSecrets(ctx)
	if err != nil {
		return err
	}
	done.Secrets = len(secrets)
	box, err := r.findKey(folder, done)
	if err != nil {
		return err
	}
	for _, x := range secrets {
		if box == nil {
			done.Lost++
		} else if _, err := box.Open(x.Sealed, string(x.ID)); err != nil {
			done.Lost++
		}
	}
	if done.Key == KeyInPlace && done.Secrets > 0 && done.Lost == done.Secrets {
		return syncline.Errorf(syncline.CodeConflict, "the key that is in place opens none of the stored passwords, so it belongs to another installation; put the right secret.key there, or move it away")
	}
	done.Catalogs, err = countCatalogs(filepath.Join(r.Data, "catalogs"))
	return err
}

// checkCertificate refuses to replace another certificate.
func (r *StateRestore) checkCertificate(folder string, done *StateRestored) error {
	if !done.Has(statefile.Certificate) {
		return nil
	}
	kept, err := os.ReadFile(filepath.Join(r.Data, certificateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return cannotUse(err, r.Data)
	}
	restored, err := os.ReadFile(filepath.Join(folder, statefile.Certificate))
	if err != nil {
		return cannotUse(err, r.Data)
	}
	if !bytes.Equal(kept, restored) {
		return syncline.Errorf(syncline.CodeConflict, "the data directory %s has another certificate than the copy; move %s away, or restore into another directory", r.Data, certificateFile)
	}
	return nil
}

// findKey returns the box of the key that will be in place, nil for none.
func (r *StateRestore) findKey(folder string, done *StateRestored) (*secret.Box, error) {
	given, kept := r.SecretKeyFile, filepath.Join(r.Data, keyFile)
	if given == "" {
		given = kept
	}
	_, err := os.Stat(given)
	there := err == nil
	switch {
	case err != nil && (r.SecretKeyFile != "" || !errors.Is(err, fs.ErrNotExist)):
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the file %s with the key cannot be read", given)
	case done.Has(statefile.Key):
		done.Key = KeyRestored
		box, err := secret.OpenGivenKeyFile(filepath.Join(folder, statefile.Key), given)
		if there && syncline.CodeOf(err) == syncline.CodeInvalid {
			return nil, syncline.WrapError(syncline.CodeConflict, err, "%s holds another key than the copy; move it away, or restore into another directory", given)
		}
		return box, err
	case there:
		done.Key = KeyInPlace
		return keyIn(r.SecretKeyFile)(r.Data, false)
	case r.NewKey:
		done.Key = KeyNew
	default:
		done.Key = KeyMissing
	}
	return nil, nil //nolint:nilnil // no key
}

func countCatalogs(folder string) (n int, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, syncline.WrapError(syncline.CodeUnavailable, err, "the folder of the catalogs %s cannot be read", folder)
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".catalog" {
			n++
		}
	}
	return n, nil
}

// install moves the parts to their places, the database last. A failure takes back
// what it moved.
func (r *StateRestore) install(folder string, done *StateRestored) (err error) {
	var placed []string
	defer func() {
		if err == nil {
			return
		}
		for _, path := range placed {
			err = errors.Join(err, os.Remove(path))
		}
		err = cannotUse(err, r.Data)
	}()
	place := func(part, name string) error {
		to := filepath.Join(r.Data, name)
		if _, err := os.Lstat(to); err == nil {
			return nil // the same, as check has seen
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(folder, part), to); err != nil {
			return err
		}
		placed = append(placed, to)
		return syncFolder(filepath.Dir(to))
	}
	if done.Has(statefile.Certificate) {
		if err := place(statefile.Certificate, certificateFile); err != nil {
			return err
		}
	}
	switch {
	case done.Key == KeyRestored && r.SecretKeyFile == "":
		if err := place(statefile.Key, keyFile); err != nil {
			return err
		}
	case done.Key == KeyNew:
		if _, err := secret.OpenKeyFile(filepath.Join(r.Data, keyFile), true); err != nil {
			return err
		}
		placed = append(placed, filepath.Join(r.Data, keyFile))
	}
	database := filepath.Join(r.Data, databaseFile)
	if done.Incomplete {
		if err := stores.MarkIncomplete(database); err != nil {
			return err
		}
	} else if err := os.Remove(database + "-incomplete"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return place(statefile.Database, databaseFile)
}

// syncFolder makes new names in a folder survive a power failure.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" { // it has no such call
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
