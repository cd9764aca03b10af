package server

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/statefile"
	stores "syncline.dev/syncline/internal/store/sqlite"
)

// StateBackup says how a copy of the state is made.
type StateBackup struct {
	Data          string // "" for the default one
	SecretKeyFile string // "" for the key in Data
	// Passphrase returns what seals the copy, with the key in it. Nil leaves the key
	// out and the copy open.
	Passphrase func() (string, error)
	// To is the file. Without a name, the copy goes to Out. Force replaces a file.
	To    string
	Out   io.Writer
	Force bool
	// Version is the program's.
	Version string
}

// Run makes the copy, whether a server runs or not. A copy that fails leaves no file.
// It returns what the copy holds.
func (b *StateBackup) Run(ctx context.Context) (m statefile.Manifest, err error) {
	keepPrivate()
	if b.Data, err = existingData(b.Data); err != nil {
		return m, err
	}
	if err := b.checkTarget(); err != nil {
		return m, err
	}
	var passphrase secret.String
	if b.Passphrase != nil {
		text, err := b.Passphrase()
		if err != nil {
			return m, err
		}
		passphrase = secret.NewString(text)
	}
	folder, err := os.MkdirTemp(b.scratch(), ".syncline-state-*")
	if err != nil {
		return m, b.cannotWrite(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	m, parts, err := b.collect(ctx, folder)
	if err != nil {
		return m, err
	}
	if b.To == "" {
		return b.write(ctx, b.Out, m, passphrase, parts)
	}
	// The folder has mode 0700, and its file system is that of the target.
	made := filepath.Join(folder, "made")
	f, err := os.OpenFile(made, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return m, b.cannotWrite(err)
	}
	m, err = b.write(ctx, f, m, passphrase, parts)
	if err == nil {
		err = b.cannotWrite(f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return m, err
	}
	return m, b.name(made)
}

// adviceDump says how the state of a fleet is kept.
const adviceDump = "to copy a fleet's state, run pg_dump --schema=syncline on that database, and keep a copy of secret.key elsewhere"

// RefuseFleet is the error where a setting names the database of a fleet, whose state no
// command here copies. origin is where the setting stands, and way what to do for a server
// on SQLite.
func RefuseFleet(origin, way string) error {
	return syncline.Errorf(syncline.CodeUnsupported, "%s names the database of a fleet: its state is in PostgreSQL, which has tools of its own for copies; "+adviceDump+
		"; psql brings the copy back into an empty database; for a server on SQLite, %s", origin, way)
}

// existingData returns the data directory of a server that has been started once.
func existingData(path string) (_ string, err error) {
	if path == "" {
		if path, err = DefaultDataDir(); err != nil {
			return "", err
		}
	}
	if _, err := os.Stat(filepath.Join(path, databaseFile)); err != nil {
		if exists(filepath.Join(path, fleetFile)) {
			return "", syncline.WrapError(syncline.CodeNotFound, err, "the data directory %s has no state: it belongs to a node of a fleet, whose state is in the database of --database; "+adviceDump, path)
		}
		return "", syncline.WrapError(syncline.CodeNotFound, err, "there is no server's data in %s; name the directory with --data, or start the server once", path)
	}
	return path, nil
}

// scratch is the folder for the parts of the copy; "" for the system's.
func (b *StateBackup) scratch() string {
	if b.To == "" {
		return ""
	}
	return filepath.Dir(b.To)
}

func (b *StateBackup) cannotWrite(err error) error {
	if err == nil {
		return nil
	}
	folder := b.scratch()
	if folder == "" {
		folder = os.TempDir()
	}
	return syncline.WrapError(syncline.CodeUnavailable, err, "the copy cannot be written in %s; check that the folder exists, its rights and its free space", folder)
}

// checkTarget refuses a file that exists, unless it is to be replaced.
func (b *StateBackup) checkTarget() error {
	if b.To == "" {
		return nil
	}
	info, err := os.Lstat(b.To)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return b.cannotWrite(err)
	case !info.Mode().IsRegular():
		return invalid("%s exists and is no regular file; choose another name", b.To)
	case !b.Force:
		return syncline.Errorf(syncline.CodeConflict, "%s exists; choose another name, or replace it with --force", b.To)
	}
	// Force replaces older copies, and no file that a server uses.
	for _, used := range []string{
		filepath.Join(b.Data, databaseFile), filepath.Join(b.Data, databaseFile+"-wal"), filepath.Join(b.Data, databaseFile+"-shm"),
		filepath.Join(b.Data, keyFile), filepath.Join(b.Data, certificateFile), b.SecretKeyFile,
	} {
		if other, err := os.Stat(used); err == nil && os.SameFile(info, other) {
			return invalid("%s is a file of the server itself; choose another name", b.To)
		}
	}
	return nil
}

// collect puts the parts into a folder, and returns where they are. The key stays where
// it is: no other file than a sealed one gets it.
func (b *StateBackup) collect(ctx context.Context, folder string) (m statefile.Manifest, parts []statefile.Source, err error) {
	path := filepath.Join(b.Data, databaseFile)
	m = statefile.Manifest{Created: time.Now().UTC(), Program: b.Version}
	if m.Incomplete, err = stores.Incomplete(path); err != nil {
		return m, nil, err
	}
	store, err := stores.OpenReadOnly(ctx, path)
	if err != nil {
		return m, nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	copied := filepath.Join(folder, statefile.Database)
	if err := store.CopyTo(ctx, copied); err != nil {
		return m, nil, err
	}
	if m.ID, m.Schema, err = lookAt(ctx, copied); err != nil { // the copy, and not what came after it
		return m, nil, err
	}
	parts = []statefile.Source{{Name: statefile.Database, Path: copied}}
	certificate := filepath.Join(folder, statefile.Certificate)
	has, err := copyPart(filepath.Join(b.Data, certificateFile), certificate)
	if err != nil {
		return m, nil, err
	}
	if has {
		parts = append(parts, statefile.Source{Name: statefile.Certificate, Path: certificate})
	}
	if b.Passphrase == nil {
		return m, parts, nil
	}
	if _, err := keyIn(b.SecretKeyFile)(b.Data, false); err != nil {
		return m, nil, err
	}
	key := b.SecretKeyFile
	if key == "" {
		key = filepath.Join(b.Data, keyFile)
	}
	return m, append(parts, statefile.Source{Name: statefile.Key, Path: key}), nil
}

// lookAt returns the installation of a database and the version of its schema.
func lookAt(ctx context.Context, path string) (id syncline.ID, schema int64, err error) {
	store, err := stores.OpenReadOnly(ctx, path)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	schema, _ = store.Version()
	id, err = store.InstallationID(ctx)
	return id, schema, err
}

// copyPart copies a small file, and reports whether there is one.
func copyPart(from, to string) (bool, error) {
	content, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		return false, syncline.WrapError(syncline.CodeUnavailable, err, "%s cannot be copied; check its rights and the free space", from)
	}
	return true, nil
}

func (b *StateBackup) write(ctx context.Context, w io.Writer, m statefile.Manifest, passphrase secret.String, parts []statefile.Source) (statefile.Manifest, error) {
	if b.Passphrase == nil {
		return statefile.Write(ctx, w, m, parts...)
	}
	sealed, err := statefile.Seal(w, passphrase)
	if err != nil {
		return m, err
	}
	if m, err = statefile.Write(ctx, sealed, m, parts...); err != nil {
		return m, err
	}
	return m, b.cannotWrite(sealed.Close())
}

// name gives a finished file its name, over another one only with Force.
func (b *StateBackup) name(made string) error {
	if b.Force {
		return b.cannotWrite(errors.Join(os.Rename(made, b.To), syncFolder(filepath.Dir(b.To))))
	}
	err := os.Link(made, b.To) // fails if there is such a file
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// Some file systems have no second names.
		if err = b.checkTarget(); err == nil {
			err = os.Rename(made, b.To)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return b.checkTarget()
	}
	return b.cannotWrite(errors.Join(err, syncFolder(filepath.Dir(b.To))))
}
