package server

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/auth"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/store"
)

// DataDir is an opened data directory:
//
//	syncline.db       the server's own state
//	syncline.db-wal   the newest changes, while it is open
//	syncline.db-incomplete  says that changes are missing, until somebody removes it
//	ballast           room that is given up when the disk is full
//	secret.key        seals the repositories' passwords, unless a file elsewhere holds the key
//	catalogs/         a file per repository, unless --catalogs names another folder
//	tls/              the self-signed certificate
//	node              the id of this node
//	fleet             says that the state is in the database of a fleet
//	lock              held by the server that runs
//	initial-password  the administrator's first password, where no terminal showed it
//	restoring/        the parts of a copy of the state, while they are checked
//	setup             marks an unfinished setup of the directory
type DataDir struct {
	path     string
	store    store.Store
	database database // that has the store
	box      *secret.Box
	Auth     *auth.Service
}

// makeDataDir makes a data directory unless it exists, and makes sure that only
// this user can write to it.
func makeDataDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "cannot create the data directory %s; choose another one with --data", path)
	}
	if err := checkPrivate("data directory", path); err != nil {
		return err
	}
	return checkFiles(path)
}

// openKey opens the key that seals secrets.
type openKey func(path string, isNew bool) (*secret.Box, error)

// keyIn opens the key in a data directory, or makes it in a new one. If given names a
// file elsewhere, that file must hold the key.
func keyIn(given string) openKey {
	return func(path string, isNew bool) (*secret.Box, error) {
		kept := filepath.Join(path, keyFile)
		if given == "" {
			return secret.OpenKeyFile(kept, isNew)
		}
		box, err := secret.OpenGivenKeyFile(given, kept)
		if err != nil {
			return nil, syncline.WrapError(syncline.CodeOf(err), err, "--secret-key-file: %s", syncline.MessageOf(err))
		}
		return box, nil
	}
}

// withoutKey is for commands that neither seal nor open a secret.
func withoutKey(string, bool) (*secret.Box, error) { return nil, nil } //nolint:nilnil // no box is what it is for

// openDataDir opens or sets up a data directory.
func openDataDir(ctx context.Context, path string, key openKey, logger *slog.Logger) (*DataDir, error) {
	if err := makeDataDir(path); err != nil {
		return nil, err
	}
	isNew, err := beginSetup(path, filepath.Join(path, databaseFile))
	if err != nil {
		return nil, err
	}
	box, err := key(path, isNew)
	if err != nil {
		return nil, err
	}
	base, err := openSQLite(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := endSetup(path); err != nil {
		return nil, errors.Join(err, base.Close())
	}
	return newDataDir(path, base, box, logger), nil
}

// newDataDir logs what is wrong with the database.
func newDataDir(path string, base database, box *secret.Box, logger *slog.Logger) *DataDir {
	options := auth.Options{Logger: logger}
	if box != nil { // without it nobody signs in
		options.Attempts = base.attempts(box.Digest)
	}
	d := &DataDir{path: path, store: base, database: base, box: box, Auth: auth.New(base, options)}
	for _, w := range d.Warnings() {
		if logger != nil {
			logger.Warn(w)
		}
	}
	return d
}

// Warnings returns what is wrong with the database, and what to do, a sentence each.
func (d *DataDir) Warnings() []string { return d.database.warnings() }

const (
	lockFile = "lock"
	// lockTime is how long a start waits for the lock.
	lockTime = 500 * time.Millisecond
)

// lock makes sure that one server uses the data directory.
func lock(path string) (*flock.Flock, error) {
	if err := makeDataDir(path); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(path, lockFile), flock.SetPermissions(0o600))
	// The doctor holds the lock for a moment.
	ctx, cancel := context.WithTimeout(context.Background(), lockTime)
	defer cancel()
	ok, err := l.TryLockContext(ctx, lockTime/10)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, syncline.WrapError(syncline.CodeUnavailable, err, "cannot write to the data directory %s; check its rights and the free space", path)
	}
	if !ok {
		return nil, syncline.Errorf(syncline.CodeConflict, "another server uses the data directory %s; stop it or choose another one with --data", path)
	}
	return l, nil
}

// DefaultDataDir is syncline in the XDG data directory.
func DefaultDataDir() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "syncline"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", syncline.WrapError(syncline.CodeInvalid, err, "there is no home directory to keep data in; name one with --data")
	}
	return filepath.Join(home, ".local", "share", "syncline"), nil
}

// setupFile marks a data directory whose setup has not finished. A key without a
// database belongs to an unfinished setup if the file exists, and to a lost
// installation otherwise.
const setupFile = "setup"

// beginSetup reports whether the data directory at path is a new one. It refuses a
// directory with a key or a catalog and without a database: a start with a new
// database would remove the catalogs, and the passwords would be lost.
func beginSetup(path, database string) (isNew bool, err error) {
	switch info, err := os.Stat(database); {
	case err == nil && info.Size() > 0:
		return false, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, cannotUse(err, path)
	}
	if _, err := os.Stat(filepath.Join(path, setupFile)); err == nil {
		return true, nil // an earlier setup has not finished
	}
	if exists(filepath.Join(path, fleetFile)) {
		return false, syncline.Errorf(syncline.CodeConflict,
			"the data directory %s belongs to a node of a fleet; name the fleet's database with --database, --database-file or SYNCLINE_DATABASE, or choose another directory with --data", path)
	}
	left, err := leftOf(path)
	if err != nil {
		return false, cannotUse(err, path)
	}
	if left != "" {
		return false, syncline.Errorf(syncline.CodeConflict,
			"the data directory %s holds %s, but its database syncline.db is missing or empty; run syncline restore-state with a copy of backup-state, or put a backup of syncline.db back, or choose another directory with --data; to begin anew in this one, move secret.key and the folder catalogs away first",
			path, left)
	}
	if err := os.WriteFile(filepath.Join(path, setupFile), nil, 0o600); err != nil {
		return false, cannotUse(err, path)
	}
	return true, nil
}

// endSetup marks the data directory as complete.
func endSetup(path string) error {
	if err := os.Remove(filepath.Join(path, setupFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cannotUse(err, path)
	}
	return nil
}

// leftOf names the rest of an installation at path, "" for none.
func leftOf(path string) (string, error) {
	if _, err := os.Stat(filepath.Join(path, keyFile)); err == nil {
		return "the key of an installation", nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	entries, err := os.ReadDir(filepath.Join(path, "catalogs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".catalog") {
			return "catalogs of an installation", nil
		}
	}
	return "", nil
}

func cannotUse(err error, path string) error {
	return syncline.WrapError(syncline.CodeUnavailable, err, "cannot use the data directory %s; check its rights and the free space, or choose another one with --data", path)
}

// WithDataDir runs fn with the state of an installation: that of an existing data
// directory, or that in PostgreSQL where the settings name a database. It needs no key:
// fn neither seals nor opens a secret.
func WithDataDir(ctx context.Context, chosen Settings, fn func(*DataDir) error) (err error) {
	url, err := chosen.databaseURL()
	if err != nil {
		return err
	}
	keepPrivate()
	var d *DataDir
	if url.IsEmpty() {
		d, err = openExisting(ctx, chosen.Data)
	} else {
		d, err = openFleet(ctx, url)
	}
	if err != nil {
		return err
	}
	return errors.Join(fn(d), d.store.Close())
}

// openExisting opens an existing data directory without its key; "" is the default one.
func openExisting(ctx context.Context, path string) (*DataDir, error) {
	path, err := existingData(path)
	if err != nil {
		return nil, err
	}
	return openDataDir(ctx, path, withoutKey, nil)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cannotUse(err, filepath.Dir(path))
	}
	return nil
}
