package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"

	"syncline.dev/syncline"
)

// The blocks that a node holds in memory and near it are those of one history of the
// database. A database that was restored from a backup, or whose standby took over
// without the last commits, goes on from an earlier state and writes other blocks
// under the same numbers. Such a change ends every connection. So the node asks who
// the database is on each new one. The answer changes with the cluster, with the
// timeline that a restore to a moment or a promotion begins, and with the table that
// a restored dump makes anew.
const selectIdentity = `SELECT concat_ws(' ', (pg_control_system()).system_identifier,
	left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), 'syncline.catalog_values'::regclass::oid)`

const metKey = "syncline catalog met"

// meet asks who the database is, on a connection that is new. A database that does
// not say it has no copies near the node.
func (l *link) meet(ctx context.Context, conn *pgxpool.Conn) error {
	pg := conn.Conn().PgConn()
	met, _ := pg.CustomData()[metKey].(map[*learned]bool)
	if met[l.learned] {
		return nil
	}
	identity := ""
	_, err := l.exchange(ctx, conn, []statement{{sql: selectIdentity}}, func(_ int, row [][]byte) error {
		identity = string(row[0])
		return nil
	})
	if err != nil && (pg.IsClosed() || !errors.As(translate(ctx, err), new(*answered))) {
		return err
	}
	if met == nil {
		met = make(map[*learned]bool)
		pg.CustomData()[metKey] = met
	}
	met[l.learned] = true
	l.met.Lock()
	defer l.met.Unlock()
	if identity == "" || identity == l.identity {
		return nil
	}
	l.identity = identity
	l.history.Add(1) // before Bind, so that no reader of the other history keeps a copy behind it
	if l.near != nil {
		l.near.Bind(identity)
	}
	return nil
}

// changed fails once the database is another one than when the catalog was opened.
func (c *Container) changed() error {
	if c.history.Load() == c.since {
		return nil
	}
	return syncline.WrapError(syncline.CodeUnavailable, errGone, "the database was restored or another server has taken over; try again")
}
