package server

import (
	"context"
	"errors"
	"path/filepath"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	catalogtables "syncline.dev/syncline/internal/catalog/postgres"
	catalogfiles "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/fleet"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/relational"
	stores "syncline.dev/syncline/internal/store/sqlite"
)

// Migration carries an installation from SQLite in a data directory to PostgreSQL, or
// back. The catalogs go first and the state last, in one transaction: a migration that is
// cut short leaves an empty state, and the next one begins anew. The source stays as it
// is.
type Migration struct {
	Settings Settings // Data, SecretKeyFile, and the database
	Back     bool     // from PostgreSQL to SQLite
}

// Migrated is what a migration has carried.
type Migrated struct {
	Data         string
	Rows         int64
	Repositories int
	Catalogs     int
	Left         []string // the repositories whose catalog a session has to build anew
}

// migrationSide is one of the two databases.
type migrationSide struct {
	store store.Store
	state *relational.Store
	dir   catalog.Directory
}

// Run migrates.
func (m *Migration) Run(ctx context.Context) (done Migrated, err error) {
	url, err := m.Settings.databaseURL()
	if err != nil {
		return done, err
	}
	if url.IsEmpty() {
		return done, invalid("no database is named; name it with --database, --database-file or SYNCLINE_DATABASE")
	}
	if done.Data, err = m.Settings.dataDir(); err != nil {
		return done, err
	}
	keepPrivate()
	if !m.Back {
		if _, err := existingData(done.Data); err != nil {
			return done, err
		}
	}
	l, err := lock(done.Data)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, l.Unlock()) }()
	shared, err := openPostgres(ctx, url, secret.String{}, leastConnections, 0, nil)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, shared.Close()) }()
	if err := refuseLiving(ctx, shared); err != nil {
		return done, err
	}
	file := filepath.Join(done.Data, databaseFile)
	made := !exists(file)
	local, err := stores.Open(ctx, file)
	if err != nil {
		return done, err
	}
	defer func() {
		err = errors.Join(err, local.Close())
		if err != nil && made { // a server would begin with it
			err = errors.Join(err, removeFile(file))
		}
	}()
	tables := catalogtables.OpenDirectory(shared.Pool().Conns(), catalogtables.Options{})
	defer tables.Close()
	files, err := catalogfiles.OpenDir(filepath.Join(done.Data, "catalogs"), nil)
	if err != nil {
		return done, err
	}
	defer files.Close()
	from, to := migrationSide{local, local.Store, files}, migrationSide{shared, shared.Store.Store, tables}
	if m.Back {
		from, to = to, from
	}
	return m.carry(ctx, from, to, done)
}

// refuseLiving fails while a node uses the database.
func refuseLiving(ctx context.Context, shared *postgresDatabase) error {
	list, err := shared.Nodes(ctx)
	for i := range list {
		if n := &list[i]; !n.Stopped && n.Silence < fleet.Alive {
			return syncline.Errorf(syncline.CodeConflict, "the node %s (%s) uses the database; stop all nodes, and migrate half a minute later", n.HostName, n.Address)
		}
	}
	return err
}

// carry copies the catalogs and then the state.
func (m *Migration) carry(ctx context.Context, from, to migrationSide, done Migrated) (Migrated, error) {
	check, err := m.key(ctx, from.store, done.Data)
	if err != nil {
		return done, err
	}
	// A state that is there is told before long work, and again at the end.
	if there, err := to.store.Repositories(ctx); err != nil || len(there) > 0 {
		if err == nil {
			err = syncline.Errorf(syncline.CodeConflict, "the target has a state already (%s); choose an empty one", countOf(len(there), "repository", "repositories"))
		}
		return done, err
	}
	list, err := from.store.Repositories(ctx)
	if err != nil {
		return done, err
	}
	done.Repositories = len(list)
	if err := to.dir.Sweep(ctx, nil); err != nil { // of a migration that was cut short
		return done, err
	}
	for i := range list {
		carried, err := carryCatalog(ctx, &list[i], from.dir, to.dir)
		switch {
		case err != nil:
			return done, err
		case carried:
			done.Catalogs++
		case list[i].Catalog.Catalog != "":
			done.Left = append(done.Left, list[i].Name)
		}
	}
	if done.Rows, err = relational.Carry(ctx, from.state, to.state, check); err != nil {
		return done, err
	}
	a, err := from.store.InstallationID(ctx)
	if err != nil {
		return done, err
	}
	if b, err := to.store.InstallationID(ctx); err != nil || a != b {
		return done, errors.Join(err, syncline.Errorf(syncline.CodeInternal, "the state was carried, and the target has another installation"))
	}
	return done, nil
}

// carryCatalog copies a catalog, and compares what the copy says with the original. A
// catalog that is missing or damaged is not carried.
func carryCatalog(ctx context.Context, r *syncline.Repository, from, to catalog.Directory) (carried bool, err error) {
	if damaged, err := from.Damaged(ctx, r.ID); err != nil || damaged {
		return false, err
	}
	err = from.Read(ctx, r.ID, func(original *catalog.Catalog) error {
		return to.Use(ctx, r.ID, func(c *catalog.Catalog) error { return c.CopyFrom(ctx, original) })
	})
	if catalog.Unusable(err) {
		return false, to.Delete(ctx, r.ID)
	}
	if err != nil {
		return false, err
	}
	var said [2]readState
	for i, dir := range []catalog.Directory{from, to} {
		err := dir.Read(ctx, r.ID, func(c *catalog.Catalog) (err error) {
			said[i], err = readOpen(ctx, c)
			said[i].size = 0 // which differs
			return err
		})
		if err != nil {
			return false, err
		}
	}
	if said[0] != said[1] {
		return false, syncline.Errorf(syncline.CodeInternal, "the copy of the catalog of %q differs from the original", r.Name)
	}
	return true, nil
}

// key opens the key of the installation and returns the value by which the nodes of a
// fleet compare theirs, nil for SQLite.
func (m *Migration) key(ctx context.Context, from store.Store, data string) ([]byte, error) {
	box, err := keyIn(m.Settings.SecretKeyFile)(data, false)
	if err != nil {
		return nil, err
	}
	installation, err := from.InstallationID(ctx)
	if err != nil {
		return nil, err
	}
	if !m.Back {
		return box.Seal([]byte("syncline"), keyContext(installation)), nil
	}
	kept, err := from.KeyCheck(ctx, nil)
	if err == nil && kept != nil {
		err = checkKey(box, kept, installation)
	}
	return nil, err
}
