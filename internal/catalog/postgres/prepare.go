package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// PostgreSQL takes five times as long for a view when it parses and plans the
// statements of each. So a connection keeps the frequent ones prepared. It
// prepares them after their first use, when nobody waits for the connection.
//
// A pooler that gives each transaction another connection of the server has to know
// prepared statements (pgbouncer does from 1.21 on). Behind one that does not, a
// statement is missing, or there already. The first such error ends preparing. The
// name of a statement is the hash of its text, so no other statement answers.

// frequent are the statements that are prepared.
var frequent = named(beginView, nextView, beginUpdate, selectCatalog, lockCatalog, getValue, getValues, putValues+putOnly, putValues+putHead, "COMMIT")

// named gives each statement a name.
func named(list ...string) map[string]string {
	names := make(map[string]string, len(list))
	for _, sql := range list {
		sum := sha256.Sum256([]byte(sql))
		names[sql] = "syncline_" + hex.EncodeToString(sum[:16])
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

// prepare prepares what is wanted on a connection.
func (l *link) prepare(ctx context.Context, pg *pgconn.PgConn) {
	for sql, p := range l.known(pg) {
		if p.prepared != nil || pg.IsClosed() {
			continue
		}
		var err error
		if p.prepared, err = pg.Prepare(ctx, frequent[sql], sql, p.oids); err != nil {
			l.judge(pg, err)
		}
	}
}

// judge closes a connection that is of no use after an error: its prepared
// statements are not what they were, because a pooler has given it another
// connection or a table has changed, or its server is none to write to.
func (l *link) judge(pg *pgconn.PgConn, err error) {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return
	}
	switch answer.Code {
	case "26000", "42P05": // there is no such statement; there is one already
		l.unprepared.Store(true)
	case "0A000": // the plan does not fit any more
	case "25006": // a standby
		l.pool.Reset()
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishTime)
	defer cancel()
	_ = pg.Close(ctx)
}
