package server

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog/nearby"
	catalogtables "syncline.dev/syncline/internal/catalog/postgres"
	"syncline.dev/syncline/internal/metrics"
	"syncline.dev/syncline/internal/pgpool"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/store"
	stores "syncline.dev/syncline/internal/store/postgres"
)

// postgresDatabase is the database of a fleet: its nodes share the state and the
// catalogs. A node has one pool of connections for both.
type postgresDatabase struct{ *stores.Store }

var _ database = (*postgresDatabase)(nil)

// The waits for a database that does not answer at the start. A failover to another
// server takes about as long.
const (
	startPatience = time.Minute
	startPause    = 2 * time.Second
)

// openPostgres opens the state in PostgreSQL, and brings its schema up to date. It tries
// for the time patience while the database does not answer.
func openPostgres(ctx context.Context, url, listen secret.String, connections int, patience time.Duration, logger *slog.Logger) (*postgresDatabase, error) {
	d := &postgresDatabase{}
	limits := pgpool.Limits{Default: connections, Least: leastConnections, Most: mostConnections}
	o := stores.Options{ListenURL: listen.Reveal(), Connections: limits, Listening: func(failure error) {
		if failure != nil && logger != nil {
			logger.Warn("other nodes cannot wake this one; it looks for itself every few seconds", "error", failure)
		}
	}}
	err := persist(ctx, patience, startPause, logger, func(ctx context.Context) (err error) {
		d.Store, err = stores.OpenWith(ctx, url.Reveal(), o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// persist calls try again and again for a time, while it fails with CodeUnavailable and
// waiting may help.
func persist(ctx context.Context, patience, pause time.Duration, logger *slog.Logger, try func(context.Context) error) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		err := try(ctx)
		if syncline.CodeOf(err) != syncline.CodeUnavailable || pgpool.Lasts(err) || patience == 0 || ctx.Err() != nil {
			return err
		}
		again := time.NewTimer(pause)
		select {
		case <-again.C:
			if logger != nil {
				logger.Warn("the database cannot be used yet; the start tries again", "error", err)
			}
		case <-late.C:
			again.Stop()
			return syncline.WrapError(syncline.CodeUnavailable, err, "%s; the start gave up after %s", syncline.MessageOf(err), patience)
		case <-ctx.Done():
			again.Stop()
			return syncline.WrapError(syncline.CodeCanceled, ctx.Err(), "the start was canceled")
		}
	}
}

// openCatalogs implements database. The data directory has the node's copies of full
// blocks. The node works without them, too.
func (d *postgresDatabase) openCatalogs(ctx context.Context, o *Options, damaged func(syncline.ID)) (catalogs, error) {
	took := func(t time.Duration) { d.Pool().Times().Took(pgpool.CallCatalog, t) }
	options := catalogtables.Options{OnDamage: damaged, Took: took}
	copies, err := nearby.Open(ctx, filepath.Join(o.Data, "catalog-copies"), copiesBytes, o.Logger)
	if err != nil {
		o.Logger.Warn("the node keeps no copies of catalogs, so pages cost more trips to the database", "error", err)
	} else {
		options.Near = copies
	}
	dir := catalogtables.OpenDirectory(d.Pool().Conns(), options)
	release := func() error {
		dir.Close()
		if copies == nil {
			return nil
		}
		return copies.Close()
	}
	if err := sweepShared(ctx, dir, d.Store); err != nil {
		return catalogs{}, errors.Join(err, release())
	}
	return catalogs{Directory: dir, release: release}, nil
}

// copiesBytes bounds the copies of catalogs that a node keeps.
const copiesBytes = 1 << 30

// sweepShared deletes the catalogs of repositories that are not attached, and what crashes
// have left of others. It lists the catalogs first: another node may attach a repository meanwhile, and make its catalog.
func sweepShared(ctx context.Context, dir *catalogtables.Directory, store *stores.Store) error {
	there, err := dir.Repositories(ctx)
	if err != nil {
		return err
	}
	attached, err := store.Repositories(ctx)
	if err != nil {
		return err
	}
	known := make(map[syncline.ID]bool, len(attached))
	for i := range attached {
		known[attached[i].ID] = true
	}
	for _, id := range there {
		if !known[id] {
			err = errors.Join(err, dir.Delete(ctx, id))
		}
	}
	dir.Tidy()
	return err
}

// look implements database. The catalogs lie beside the state, which has answered. A
// database that can only be read is not enough.
func (d *postgresDatabase) look(ctx context.Context) error {
	const doing = "look at the database"
	rows, err := d.Pool().Query(ctx, `SELECT current_setting('transaction_read_only')::boolean`)
	if err != nil {
		return d.Pool().Translate(err, doing)
	}
	onlyRead, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[bool])
	if err != nil {
		return d.Pool().Translate(err, doing)
	}
	if onlyRead {
		return pgpool.ErrOnlyRead
	}
	return nil
}

// outdated implements database.
func (d *postgresDatabase) outdated(ctx context.Context) error {
	err := d.CheckSchema(ctx)
	if errors.Is(err, stores.ErrNewer) {
		return syncline.WrapError(syncline.CodeConflict, err, "%s", syncline.MessageOf(err))
	}
	return err
}

// alone implements database.
func (d *postgresDatabase) alone() bool { return false }

// attempts implements database.
func (d *postgresDatabase) attempts(digest func(text string) [32]byte) store.Attempts {
	return stores.NewAttempts(d.Store, digest)
}

// answerer implements database.
func (d *postgresDatabase) answerer() string { return "the database" }

// use implements database.
func (d *postgresDatabase) use() func() metrics.DatabaseUse {
	return func() metrics.DatabaseUse {
		s := d.Pool().Conns().Stat()
		var calls []metrics.CallTimes
		for _, c := range d.Pool().Times().All() {
			calls = append(calls, metrics.CallTimes(c))
		}
		return metrics.DatabaseUse{
			Used: int64(s.AcquiredConns()), Idle: int64(s.IdleConns()), Most: int64(s.MaxConns()),
			Acquires: s.AcquireCount(), Waited: s.AcquireDuration(), Calls: calls,
		}
	}
}

// warnings implements database.
func (d *postgresDatabase) warnings() []string { return nil }

// openNode opens the data directory of a node, and the database of its fleet. The
// directory has what belongs to the node alone.
func openNode(ctx context.Context, o *Options) (_ *DataDir, err error) {
	if err := makeDataDir(o.Data); err != nil {
		return nil, err
	}
	if err := refuseSQLite(o.Data); err != nil {
		return nil, err
	}
	base, err := openPostgres(ctx, o.database, o.listen, o.DatabaseConnections, startPatience, o.Logger)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, base.Pool().Stopping)
	box, err := fleetKey(ctx, base, o)
	if err != nil {
		return nil, errors.Join(err, base.Close())
	}
	if err := writeFile(filepath.Join(o.Data, fleetFile), []byte("The state is in the database that --database names.\n")); err != nil {
		return nil, errors.Join(cannotUse(err, o.Data), base.Close())
	}
	return newDataDir(o.Data, base, box, o.Logger), nil
}

// fleetFile marks the data directory of a node of a fleet. A start without --database
// would begin a new installation in it.
const fleetFile = "fleet"

// refuseSQLite refuses a data directory that has a state of its own, which the node would
// not use.
func refuseSQLite(data string) error {
	if _, err := existingData(data); err != nil {
		return nil //nolint:nilerr // there is none
	}
	return syncline.Errorf(syncline.CodeConflict,
		"the data directory %s has a state in SQLite (syncline.db), which a node of a fleet does not use; carry it to the database with syncline migrate-database and move syncline.db away, or choose another directory with --data", data)
}

// openFleet opens the state of a fleet for a command, which waits for no database.
func openFleet(ctx context.Context, url secret.String) (*DataDir, error) {
	base, err := openPostgres(ctx, url, secret.String{}, leastConnections, 0, nil)
	if err != nil {
		return nil, err
	}
	return newDataDir("", base, nil, nil), nil
}

// keyContext is what the check of the key is sealed for.
func keyContext(installation syncline.ID) string {
	return "the key of the installation " + string(installation)
}

// fleetKey returns the key of a fleet. The first node makes it, unless its operator gives
// it one. Every other node needs the same one.
func fleetKey(ctx context.Context, base *postgresDatabase, o *Options) (*secret.Box, error) {
	installation, err := base.InstallationID(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := base.KeyCheck(ctx, nil)
	if err != nil {
		return nil, err
	}
	made := filepath.Join(o.Data, keyFile)
	isNew := o.SecretKeyFile == "" && !exists(made)
	if isNew && kept != nil {
		return nil, syncline.Errorf(syncline.CodeConflict,
			"this node has no key, and its fleet has one; copy secret.key of another node here and name the copy with --secret-key-file")
	}
	box, err := keyIn(o.SecretKeyFile)(o.Data, isNew)
	if err != nil {
		return nil, err
	}
	if kept == nil {
		kept, err = base.KeyCheck(ctx, box.Seal([]byte("syncline"), keyContext(installation)))
	}
	if err == nil {
		err = checkKey(box, kept, installation)
	}
	if err != nil {
		if isNew && syncline.CodeOf(err) == syncline.CodeConflict { // another node was faster
			err = errors.Join(err, removeFile(made))
		}
		return nil, err
	}
	if isNew {
		o.Logger.Warn("this node has made the key of the fleet; every other node needs a copy of the file, which --secret-key-file names there", "file", made)
	}
	return box, nil
}

// checkKey fails with CodeConflict when a fleet has another key.
func checkKey(box *secret.Box, kept []byte, installation syncline.ID) error {
	if _, err := box.Open(kept, keyContext(installation)); err != nil {
		return syncline.WrapError(syncline.CodeConflict, err,
			"this node has another key than its fleet, and could not open the stored passwords; name a copy of another node's secret.key with --secret-key-file")
	}
	return nil
}
