package pgpool

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// txMark is what tells a transaction from all others: its number, and the timeline and the
// recovery of the server that gave it.
type txMark struct{ id, timeline, recovery string }

const (
	timeline = `left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)`
	// recovery is another text after each crash, as the recovery from it sets all counters
	// back (the manual of PostgreSQL, "The Cumulative Statistics System"). Who sets back
	// these counters by hand makes it another one, too, which only costs what was known.
	recovery = `coalesce(extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())::text, '')`

	// Numbering is an SQL text that is another one where the server may give a transaction's
	// number to another transaction: after a standby has taken over, which begins a new
	// timeline, and after a crash, which forgets the numbers of transactions that have left
	// nothing on disk.
	Numbering = timeline + ` || ' ' || ` + recovery
)

func (m *txMark) scan(rows pgx.Rows) error {
	values := rows.RawValues() // as text; the rest of the row says nothing
	if len(values) < 3 {
		return errors.New("a transaction began without its number")
	}
	m.id, m.timeline, m.recovery = string(values[0]), string(values[1]), string(values[2])
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
		var status *string
		var now txMark
		rows, err := p.query(ctx, `SELECT pg_xact_status($1::xid8), `+timeline+`, `+recovery, []any{m.id})
		if err == nil {
			rows.cancel = func() {} // the loop has the context
			if rows.Next() {
				err = rows.Scan(&status, &now.timeline, &now.recovery)
			}
			rows.Close()
			err = errors.Join(err, rows.Err())
		}
		switch {
		case err != nil && !IsLost(err), p.wires.isGivenUp(), err == nil && (status == nil || now.timeline != m.timeline):
			return open
		case err == nil && *status == "aborted": // also where another one was given the number: this one was lost
			return errUndone
		case err == nil && now.recovery != m.recovery:
			return open
		case err == nil && *status == "committed":
			return nil
		}
		select { // it is not decided, or the server is away
		case <-pause.C:
		case <-ctx.Done():
			return open
		}
	}
}
