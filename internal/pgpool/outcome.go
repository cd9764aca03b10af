package pgpool

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// txMark is what tells a transaction from all others: its number, and the timeline of
// the server. A standby that takes over begins a new timeline, and may give the number to
// another transaction.
type txMark struct{ id, timeline string }

const timeline = `left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)`

func (m *txMark) scan(rows pgx.Rows) error {
	values := rows.RawValues() // as text; the rest of the row says nothing
	if len(values) < 2 {
		return errors.New("a transaction began without its number")
	}
	m.id, m.timeline = string(values[0]), string(values[1])
	return nil
}

const (
	outcomeTime  = 10 * time.Second
	outcomePause = 100 * time.Millisecond
)

// errUndone says that a transaction whose connection broke was undone.
var errUndone = errors.New("the server has undone the transaction")

// outcome asks the server what became of a transaction whose COMMIT had no answer. It
// returns nil where the transaction is durable, a passing error where it was undone, and
// open where the server does not tell.
func (p *Pool) outcome(ctx context.Context, m txMark, open error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outcomeTime)
	defer cancel()
	pause := time.NewTicker(outcomePause)
	defer pause.Stop()
	for {
		var status, now *string
		rows, err := p.query(ctx, `SELECT pg_xact_status($1::xid8), `+timeline, []any{m.id})
		if err == nil {
			rows.cancel = func() {} // the loop has the context
			if rows.Next() {
				err = rows.Scan(&status, &now)
			}
			rows.Close()
			err = errors.Join(err, rows.Err())
		}
		switch {
		case err != nil && !IsLost(err), p.wires.isGivenUp(), err == nil && (status == nil || *now != m.timeline):
			return open
		case err == nil && *status == "committed":
			return nil
		case err == nil && *status == "aborted":
			return errUndone
		}
		select { // it is not decided, or the server is away
		case <-pause.C:
		case <-ctx.Done():
			return open
		}
	}
}
