package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"syncline.dev/syncline/internal/catalog"
	catalogtables "syncline.dev/syncline/internal/catalog/postgres"
	"syncline.dev/syncline/internal/doctor"
	"syncline.dev/syncline/internal/fleet"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/store"
	stores "syncline.dev/syncline/internal/store/postgres"
)

// fleetTime bounds the checks of a fleet's database.
const fleetTime = 30 * time.Second

// fleet looks at the database of a fleet and at its nodes.
func (d *Doctor) fleet(ctx context.Context, url secret.String) (all []doctor.Finding) {
	const check = "database"
	ctx, cancel := context.WithTimeout(ctx, fleetTime)
	defer cancel()
	s, err := stores.OpenAsIs(url.Reveal())
	if err != nil {
		return []doctor.Finding{doctor.Fault(doctor.Failed, check, "", err)}
	}
	state := &fleetState{Store: s}
	told, err := state.look(ctx)
	if err != nil {
		return []doctor.Finding{doctor.Fault(doctor.Failed, check, "", errors.Join(err, s.Close()))}
	}
	all = append(all, told.finding(), told.clock(), told.room())
	version, latest, err := s.Version(ctx)
	switch {
	case err != nil:
		all = append(all, doctor.Fault(doctor.Failed, check, "", err))
	case version == 0:
		all = append(all, doctor.Bad(doctor.Warning, check, "", "it has no tables of Syncline yet", "start the first node, which makes them"))
	case version < latest:
		all = append(all, doctor.Bad(doctor.Warning, check, "", fmt.Sprintf("it is of an older program (schema %d, this program has %d)", version, latest),
			"the start of this program's server brings it up to date; the other checks need that"))
	default:
		if d.attached, err = s.Repositories(ctx); err == nil {
			d.store, d.shared = state, s
			all = append(all, doctor.Good(check, "", "%s, schema %d", countOf(len(d.attached), "repository", "repositories"), version))
			return append(all, d.nodes(ctx)...)
		}
		all = append(all, doctor.Fault(doctor.Failed, check, "", err))
	}
	if err := s.Close(); err != nil {
		all = append(all, doctor.Fault(doctor.Failed, check, "", err))
	}
	return all
}

// fleetState is the state of a fleet, with what only the doctor asks.
type fleetState struct{ *stores.Store }

// SealedSecrets returns all sealed secrets, as that of SQLite does.
func (s *fleetState) SealedSecrets(ctx context.Context) ([]store.SealedSecret, error) {
	const doing = "list the secrets"
	pool := s.Pool()
	rows, err := pool.Query(ctx, `SELECT table_name::text FROM information_schema.columns
		WHERE table_schema = 'syncline' AND column_name = 'sealed' ORDER BY 1`)
	if err != nil {
		return nil, pool.Translate(err, doing)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, pool.Translate(err, doing)
	}
	var all []store.SealedSecret
	for _, table := range tables {
		rows, err := pool.Query(ctx, `SELECT id, sealed FROM `+pgx.Identifier{"syncline", table}.Sanitize()+` WHERE length(sealed) > 0 ORDER BY seq`)
		if err != nil {
			return nil, pool.Translate(err, doing)
		}
		list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (x store.SealedSecret, err error) {
			x.Table = table
			err = r.Scan(&x.ID, &x.Sealed)
			return x, err
		})
		if err != nil {
			return nil, pool.Translate(err, doing)
		}
		all = append(all, list...)
	}
	return all, nil
}

// fleetServer is what a PostgreSQL tells of itself.
type fleetServer struct {
	version           int64
	standby, onlyRead bool
	free, most        int64         // connections
	trip              time.Duration // the middle one of a few
	ahead             time.Duration // how far its clock is ahead of this machine's
}

// trips is how many trips to the database are measured.
const trips = 5

func (s *fleetState) look(ctx context.Context) (told fleetServer, err error) {
	const doing = "look at the database"
	pool := s.Pool()
	var took []time.Duration
	for range trips {
		begun := time.Now()
		rows, err := pool.Query(ctx, `SELECT clock_timestamp(), current_setting('server_version_num')::bigint, pg_is_in_recovery(),
			current_setting('transaction_read_only')::boolean, current_setting('max_connections')::bigint,
			current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint
				- (SELECT coalesce(sum(numbackends), 0) FROM pg_stat_database)::bigint`)
		if err != nil {
			return told, pool.Translate(err, doing)
		}
		var at time.Time
		_, err = pgx.CollectExactlyOneRow(rows, func(r pgx.CollectableRow) (struct{}, error) {
			return struct{}{}, r.Scan(&at, &told.version, &told.standby, &told.onlyRead, &told.most, &told.free)
		})
		if err != nil {
			return told, pool.Translate(err, doing)
		}
		took = append(took, time.Since(begun))
		told.ahead = at.Sub(begun.Add(took[len(took)-1] / 2))
	}
	slices.Sort(took)
	told.trip = took[len(took)/2]
	return told, nil
}

// slowTrip is the time of a trip from which on pages are slow.
const slowTrip = 20 * time.Millisecond

func (s fleetServer) finding() doctor.Finding {
	const check = "database"
	version := fmt.Sprintf("PostgreSQL %d.%d", s.version/10000, s.version%10000)
	trip := s.trip.Round(10 * time.Microsecond).String()
	switch {
	case s.version < 150000:
		return doctor.Bad(doctor.Failed, check, "", version+" is too old", "use PostgreSQL 15 or a later one")
	case s.standby, s.onlyRead:
		return doctor.Bad(doctor.Failed, check, "", version+" answers, and takes no changes: it is a standby or set to read only",
			"name the primary, or all servers with target_session_attrs=read-write")
	case s.trip > slowTrip:
		return doctor.Bad(doctor.Warning, check, "", fmt.Sprintf("%s takes changes; a trip to it takes %s, which makes every page slow", version, trip),
			"put node and database near to one another")
	}
	return doctor.Good(check, "", "%s takes changes, a trip to it takes %s", version, trip)
}

// clock compares the clocks. The database's alone counts for leases.
func (s fleetServer) clock() doctor.Finding {
	const check, subject = "clock", "database"
	if difference, far := doctor.Clock(time.Now().Add(s.ahead), time.Now()); far {
		return doctor.Bad(doctor.Warning, check, subject, "the database's clock differs from this machine's by "+difference.String(), "set both, for example with NTP")
	}
	return doctor.Good(check, subject, "agrees with this machine's")
}

// room tells how many connections are left.
func (s fleetServer) room() doctor.Finding {
	const check, subject = "database", "connections"
	message := fmt.Sprintf("%d of %d are left", max(s.free, 0), s.most)
	if s.free < leastConnections {
		return doctor.Bad(doctor.Warning, check, subject, message, "raise max_connections of PostgreSQL, or lower --database-connections of the nodes")
	}
	return doctor.Good(check, subject, "%s", message)
}

// fleetCatalogs reads the catalogs in the database of a fleet.
func (d *Doctor) fleetCatalogs(ctx context.Context) (all []doctor.Finding) {
	dir := catalogtables.OpenDirectory(d.shared.Pool().Conns(), catalogtables.Options{})
	defer dir.Close()
	for i := range d.attached {
		r := &d.attached[i]
		var c readState
		err := dir.Read(ctx, r.ID, func(open *catalog.Catalog) (err error) {
			c, err = readOpen(ctx, open)
			return err
		})
		if errors.Is(err, catalog.ErrMissing) {
			all = append(all, missingCatalog(r))
			continue
		}
		all = append(all, judgeCatalog(r, c, err))
	}
	return all
}

// nodeDirectory looks at the data directory of a node. there is false if it has none.
func (d *Doctor) nodeDirectory() (all []doctor.Finding, there bool) {
	const check = "directory"
	var err error
	if d.node, err = readNodeFile(filepath.Join(d.data, nodeFile)); err != nil {
		return []doctor.Finding{doctor.Fault(doctor.Failed, check, d.data, err)}, true
	}
	if d.node == "" {
		return []doctor.Finding{doctor.Bad(doctor.Failed, check, d.data, "there is no node's data in it", "name the directory with --data, or start the node once")}, false
	}
	if err = refuseSQLite(d.data); err == nil {
		err = checkPrivate("data directory", d.data)
	}
	if err == nil {
		err = checkFiles(d.data)
	}
	if err != nil {
		return []doctor.Finding{doctor.Fault(doctor.Failed, check, d.data, err)}, true
	}
	return []doctor.Finding{doctor.Good(check, d.data, "only the node's user can write to it")}, true
}

// fleetKey compares the node's key with the fleet's.
func (d *Doctor) fleetKey(ctx context.Context) doctor.Finding {
	installation, err := d.store.InstallationID(ctx)
	var kept []byte
	if err == nil {
		kept, err = d.store.KeyCheck(ctx, nil)
	}
	if err == nil && kept != nil {
		err = checkKey(d.box, kept, installation)
	}
	if err != nil {
		return doctor.Fault(doctor.Failed, "key", "fleet", err)
	}
	return doctor.Good("key", "fleet", "this node has the key of its fleet")
}

// nodes looks at the nodes of the fleet.
func (d *Doctor) nodes(ctx context.Context) (all []doctor.Finding) {
	const check = "node"
	list, err := d.shared.Nodes(ctx)
	if err != nil {
		return []doctor.Finding{doctor.Fault(doctor.Failed, check, "", err)}
	}
	versions := make(map[string]bool)
	for i := range list {
		n := &list[i]
		alive := !n.Stopped && n.Silence < fleet.Alive
		if alive {
			versions[n.Version] = true
		}
		subject := n.HostName + " (" + n.Address + ")"
		silence := n.Silence.Round(time.Second).String()
		switch {
		case alive && n.Maintenance:
			all = append(all, doctor.Bad(doctor.Warning, check, subject, "version "+n.Version+", in maintenance mode: it takes no work", "end the maintenance mode when its work is done"))
		case alive:
			all = append(all, doctor.Good(check, subject, "version %s, last sign of life %s ago", n.Version, silence))
		case n.Stopped:
			all = append(all, doctor.Bad(doctor.Warning, check, subject, "it was stopped "+silence+" ago", "start its server, or remove the node if it does not come back"))
		default:
			all = append(all, doctor.Bad(doctor.Failed, check, subject, "it has given no sign of life for "+silence, "start its server and look at its log, or remove the node if it does not come back"))
		}
	}
	if len(versions) > 1 {
		all = append(all, doctor.Bad(doctor.Warning, check, "", fmt.Sprintf("the nodes that run have %d versions", len(versions)), "bring all of them up to date"))
	}
	return all
}
