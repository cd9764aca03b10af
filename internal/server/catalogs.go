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
	"syncline.dev/syncline/internal/diskspace"
	"syncline.dev/syncline/internal/store"
)

// catalogFolder returns the folder for catalogs, and locks one outside of the data
// directory until release is called. instance is the installation that has it.
func catalogFolder(ctx context.Context, instance store.Instance, data, elsewhere string) (folder string, release func() error, err error) {
	if elsewhere == "" {
		return filepath.Join(data, "catalogs"), func() error { return nil }, nil
	}
	id, err := instance.InstallationID(ctx)
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

// claimCatalogs makes sure that the folder at path belongs to this installation.
// The catalogs of another one would be removed as unknown.
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

// roomFor returns a check that fails while the disk of the folder for catalogs has
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

func idsOf(list []syncline.Repository) []syncline.ID {
	ids := make([]syncline.ID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}
