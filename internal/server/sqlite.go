package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"syncline.dev/syncline"
	catalogfiles "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/diskspace"
	"syncline.dev/syncline/internal/metrics"
	"syncline.dev/syncline/internal/store"
	stores "syncline.dev/syncline/internal/store/sqlite"
)

// sqliteDatabase is SQLite in the data directory: a file for the state, and one for
// each catalog.
type sqliteDatabase struct {
	*stores.Store
	data     string      // the data directory
	opened   os.FileInfo // the file of the state as it was opened
	catalogs string      // the folder of the catalogs, once they are open
}

var _ database = (*sqliteDatabase)(nil)

// openSQLite opens the state in a data directory, or makes it.
func openSQLite(ctx context.Context, data string) (*sqliteDatabase, error) {
	file := filepath.Join(data, databaseFile)
	s, err := stores.OpenWith(ctx, file, diskspace.NewBallast(filepath.Join(data, "ballast")))
	if err != nil {
		return nil, err
	}
	opened, err := os.Stat(file)
	if err != nil {
		return nil, errors.Join(cannotUse(err, data), s.Close())
	}
	return &sqliteDatabase{Store: s, data: data, opened: opened}, nil
}

// openCatalogs implements database. Each catalog is a file of the folder.
func (d *sqliteDatabase) openCatalogs(ctx context.Context, o *Options, damaged func(syncline.ID)) (catalogs, error) {
	folder, unlock, err := catalogFolder(ctx, d, d.data, o.Catalogs)
	if err != nil {
		return catalogs{}, err
	}
	dir, err := catalogfiles.OpenDir(folder, damaged)
	if err != nil {
		return catalogs{}, errors.Join(err, unlock())
	}
	dir.Room = roomFor(folder, o.reserve)
	d.catalogs = dir.Path()
	release := func() error { dir.Close(); return unlock() }
	attached, err := d.Repositories(ctx)
	if err == nil {
		err = dir.Sweep(ctx, idsOf(attached))
	}
	if err != nil {
		return catalogs{}, errors.Join(err, release())
	}
	return catalogs{dir, d.catalogs, release}, nil
}

// look implements database. It fails when the folder of the catalogs cannot be read, or
// when another file has taken the database's place: the open one is then lost at the
// end.
func (d *sqliteDatabase) look(context.Context) error {
	file := filepath.Join(d.data, databaseFile)
	info, err := os.Stat(file)
	if err == nil && !os.SameFile(info, d.opened) {
		err = fmt.Errorf("%s is another file than the one that is open", file)
	}
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the file of the database is gone, or another one lies in its place")
	}
	folder, err := os.Open(d.catalogs)
	if err == nil {
		_, err = folder.Readdirnames(1)
		folder.Close()
	}
	if err != nil && !errors.Is(err, io.EOF) { // that is an empty folder
		return syncline.WrapError(syncline.CodeUnavailable, err, "the folder of the catalogs cannot be read")
	}
	return nil
}

// outdated implements database. The lock of the data directory keeps other programs out.
func (d *sqliteDatabase) outdated(context.Context) error { return nil }

// alone implements database. The lock of the data directory sees to it.
func (d *sqliteDatabase) alone() bool { return true }

// attempts implements database.
func (d *sqliteDatabase) attempts(func(string) [32]byte) store.Attempts { return nil }

// answerer implements database.
func (d *sqliteDatabase) answerer() string { return "the disk of the database or of the catalogs" }

// use implements database.
func (d *sqliteDatabase) use() func() metrics.DatabaseUse { return nil }

// warnings implements database.
func (d *sqliteDatabase) warnings() []string {
	if d.Incomplete() {
		return []string{MsgIncomplete}
	}
	return nil
}

// MsgIncomplete says that the database may lack changes, and what to do.
const MsgIncomplete = stores.MsgIncomplete
