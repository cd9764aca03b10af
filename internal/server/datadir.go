package server

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	catalogs "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/diskspace"
)

// setupFile is there while a data directory is set up. A key without a database is
// half a new installation beside it, and the rest of a lost one otherwise.
const setupFile = "setup"

// beginSetup reports whether the data directory at path is to be set up anew. A
// directory whose database is gone, though there is a key or a catalog, is refused:
// a new database would have the catalogs swept away, and the key replaced by
// nothing that opens the old passwords.
func beginSetup(path, database string) (isNew bool, err error) {
	switch info, err := os.Stat(database); {
	case err == nil && info.Size() > 0:
		return false, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, cannotUse(err, path)
	}
	if _, err := os.Stat(filepath.Join(path, setupFile)); err == nil {
		return true, nil // the last start ended half-way
	}
	left, err := leftOf(path)
	if err != nil {
		return false, cannotUse(err, path)
	}
	if left != "" {
		return false, syncline.Errorf(syncline.CodeConflict,
			"the data directory %s holds %s, but its database syncline.db is missing or empty; put a backup of syncline.db back, or choose another directory with --data; to begin anew in this one, move secret.key and the folder catalogs away first",
			path, left)
	}
	if err := os.WriteFile(filepath.Join(path, setupFile), nil, 0o600); err != nil {
		return false, cannotUse(err, path)
	}
	return true, nil
}

// endSetup says that the data directory is whole.
func endSetup(path string) error {
	if err := os.Remove(filepath.Join(path, setupFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cannotUse(err, path)
	}
	return nil
}

// leftOf names what an installation has left at path, "" for nothing.
func leftOf(path string) (string, error) {
	if _, err := os.Stat(filepath.Join(path, "secret.key")); err == nil {
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

// WithDataDir runs fn with the data directory of a server that was started there
// before; "" is for the default one.
func WithDataDir(ctx context.Context, path string, fn func(*DataDir) error) (err error) {
	if path == "" {
		if path, err = DefaultDataDir(); err != nil {
			return err
		}
	}
	if _, err := os.Stat(path + "/syncline.db"); err != nil {
		return syncline.WrapError(syncline.CodeNotFound, err, "there is no server's data in %s; name the directory with --data, or start the server once", path)
	}
	keepPrivate()
	d, err := openDataDir(ctx, path, nil)
	if err != nil {
		return err
	}
	return errors.Join(fn(d), d.store.Close())
}

func idsOf(list []syncline.Repository) []syncline.ID {
	ids := make([]syncline.ID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}

// openCatalogs opens the folder for catalogs, and removes those of repositories
// that are not attached. release closes it.
func (s *Server) openCatalogs(ctx context.Context, o Options) (dir *catalogs.Dir, release func() error, err error) {
	folder, unlock, err := s.catalogFolder(ctx, o.Catalogs)
	if err != nil {
		return nil, nil, err
	}
	dir, err = catalogs.OpenDir(folder, func(id syncline.ID) {
		o.Logger.Error("catalog is damaged; the next session builds it anew", "repository", id)
		if err := s.store.SetOutOfSync(context.WithoutCancel(ctx), id, true); err != nil {
			o.Logger.Error("cannot mark a repository as out of sync", "repository", id, "error", err)
		}
	})
	if err != nil {
		return nil, nil, errors.Join(err, unlock())
	}
	dir.Room = roomFor(folder, o.CatalogReserve)
	release = func() error {
		dir.Close()
		return unlock()
	}
	attached, err := s.store.Repositories(ctx)
	if err == nil {
		err = dir.Sweep(ctx, idsOf(attached))
	}
	if err != nil {
		return nil, nil, errors.Join(err, release())
	}
	return dir, release, nil
}

// catalogFolder returns the folder for catalogs, which is this server's alone until
// release is called.
func (s *Server) catalogFolder(ctx context.Context, elsewhere string) (folder string, release func() error, err error) {
	if elsewhere == "" {
		return filepath.Join(s.path, "catalogs"), func() error { return nil }, nil
	}
	id, err := s.store.InstallationID(ctx)
	if err != nil {
		return "", nil, err
	}
	if folder, err = filepath.Abs(elsewhere); err != nil {
		return "", nil, syncline.WrapError(syncline.CodeInvalid, err, "--catalogs: %q is no usable path", elsewhere)
	}
	if err := claimCatalogs(folder, id); err != nil {
		return "", nil, err
	}
	l := flock.New(filepath.Join(folder, "lock"), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return "", nil, syncline.WrapError(syncline.CodeUnavailable, err, "cannot write to the folder for catalogs %s; check its rights and the free space", folder)
	}
	if !ok {
		return "", nil, syncline.Errorf(syncline.CodeConflict, "another server uses the folder for catalogs %s; stop it or choose another one with --catalogs", folder)
	}
	return folder, l.Unlock, nil
}

// claimCatalogs makes sure that the folder at path holds the catalogs of this
// installation and no other one's, which would be swept away as unknown.
func claimCatalogs(path string, installation syncline.ID) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "cannot create the folder for catalogs %s; choose another one with --catalogs", path)
	}
	if err := checkPrivate("folder for catalogs", path); err != nil {
		return err
	}
	file := filepath.Join(path, "installation")
	held, err := os.ReadFile(file)
	switch owner := strings.TrimSpace(string(held)); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return syncline.WrapError(syncline.CodeUnavailable, err, "cannot read the folder for catalogs %s; check its rights", path)
	case owner == string(installation):
		return nil
	case owner != "":
		return syncline.Errorf(syncline.CodeConflict,
			"the folder %s holds the catalogs of another installation (%.40q); choose another folder with --catalogs, or remove what is in this one: catalogs are built anew from the repositories", path, owner)
	}
	if err := os.WriteFile(file, []byte(string(installation)+"\n"), 0o600); err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "cannot write to the folder for catalogs %s; check its rights and the free space", path)
	}
	return nil
}

// roomFor returns what fails while the disk that holds the folder for catalogs has
// no more than its reserve left.
func roomFor(folder string, keep int64) func() error {
	reserve := diskspace.Reserve{Folder: folder, Keep: keep}
	return func() error {
		free, keep, ok := reserve.Left()
		if !ok || free >= keep {
			return nil
		}
		return syncline.WrapError(syncline.CodeUnavailable, catalog.ErrNoRoom,
			"the disk that holds the catalogs has %s free, and %s of it are kept free; make room, or put the catalogs on another disk with serve --catalogs, then synchronize again",
			diskspace.Size(free), diskspace.Size(keep))
	}
}
