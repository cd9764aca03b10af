package postgres

import (
	"context"
	"errors"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// PostgreSQL takes five times as long for a view when it parses and plans the
// statements of each. So a connection keeps the frequent ones prepared. It
// prepares them after their first use, when nobody waits for the connection.
//
// A pooler that gives each transaction another connection has to know prepared
// statements (pgbouncer does from 1.21 on). With
// default_query_exec_mode=exec in the URL of the database nothing is prepared. A
// pooler that does not know them is noticed by the first error.

// frequent are the statements that are prepared.
var frequent = numbered(beginView, beginUpdate, selectCatalog, lockCatalog, getValue, getValues, putValues+putOnly, putValues+putHead, "COMMIT")

// numbered gives each statement a name.
func numbered(list ...string) map[string]string {
	names := make(map[string]string, len(list))
	for i, sql := range list {
		names[sql] = "syncline_catalog_" + strconv.Itoa(i)
	}
	return names
}

// known are the statements of one connection.
type known map[string]*preparable

// preparable is a statement that is prepared, or is to be.
type preparable struct {
	prepared *pgconn.StatementDescription
	oids     []uint32
}

const knownKey = "syncline catalog"

// known returns the statements of a connection, nil where none are prepared.
func (l *link) known(pg *pgconn.PgConn) known {
	if l.unprepared.Load() {
		return nil
	}
	k, ok := pg.CustomData()[knownKey].(known)
	if !ok {
		k = make(known, len(frequent))
		pg.CustomData()[knownKey] = k
	}
	return k
}

// find returns a statement if it is prepared, and notes that it is wanted.
func (k known) find(s statement) *pgconn.StatementDescription {
	if k == nil || frequent[s.sql] == "" {
		return nil
	}
	p := k[s.sql]
	if p == nil {
		p = new(preparable)
		for _, param := range s.params {
			p.oids = append(p.oids, param.oid)
		}
		k[s.sql] = p
	}
	return p.prepared
}

func (k known) wanted() bool {
	for _, p := range k {
		if p.prepared == nil {
			return true
		}
	}
	return false
}

// prepare prepares what is wanted. A connection on which that fails is closed.
func (k known) prepare(ctx context.Context, pg *pgconn.PgConn) {
	for sql, p := range k {
		if p.prepared != nil || pg.IsClosed() {
			continue
		}
		var err error
		if p.prepared, err = pg.Prepare(ctx, frequent[sql], sql, p.oids); err != nil {
			_ = pg.Close(ctx)
		}
	}
}

// notPrepared closes a connection whose prepared statements are not what they
// were: a pooler has given it another connection, or a table has changed.
func (l *link) notPrepared(pg *pgconn.PgConn, err error) {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return
	}
	switch answer.Code {
	case "26000", "42P05": // there is no such statement; there is one already
		l.unprepared.Store(true)
	case "0A000": // the plan does not fit any more
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishTime)
	defer cancel()
	_ = pg.Close(ctx)
}
