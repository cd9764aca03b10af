//go:build !windows

package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// meter counts what a database does. It asks through another database, so that it does not
// count itself.
type meter struct {
	tb       testing.TB
	pool     *pgxpool.Pool // of the other database
	database string
}

// counts is what a database has done.
type counts struct {
	statements, transactions, wal        int64
	sent                                 int64 // rows, to the nodes
	returned, inserted, updated, deleted int64 // rows
}

func (c counts) minus(d counts) counts {
	return counts{
		c.statements - d.statements, c.transactions - d.transactions, c.wal - d.wal,
		c.sent - d.sent, c.returned - d.returned, c.inserted - d.inserted, c.updated - d.updated, c.deleted - d.deleted,
	}
}

const countQuery = `SELECT
	(SELECT coalesce(sum(s.calls), 0)::bigint FROM pg_stat_statements AS s WHERE s.dbid = d.datid),
	(SELECT coalesce(sum(s.rows), 0)::bigint FROM pg_stat_statements AS s WHERE s.dbid = d.datid AND s.query ~* '^\s*(select|with)'),
	d.xact_commit + d.xact_rollback, (pg_current_wal_insert_lsn() - '0/0')::bigint,
	d.tup_returned, d.tup_inserted, d.tup_updated, d.tup_deleted
FROM pg_stat_database AS d WHERE d.datname = $1`

func (m *meter) read() (c counts) {
	m.tb.Helper()
	row := m.pool.QueryRow(context.Background(), countQuery, m.database)
	check(m.tb, row.Scan(&c.statements, &c.sent, &c.transactions, &c.wal, &c.returned, &c.inserted, &c.updated, &c.deleted))
	return c
}

// span is a time in which the meter counts second by second.
type span struct {
	counts
	length  time.Duration
	seconds []int64 // statements in each
}

// during counts while fn runs. The database's own figures are up to a second late, so the
// meter waits for them at both ends.
func (m *meter) during(fn func()) (s span) {
	m.tb.Helper()
	m.settle()
	before, began := m.read(), time.Now()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fn()
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for last, at := before.statements, began; ; {
		select {
		case now := <-tick.C:
			c := m.read().statements
			// A tick that comes late covers more than a second.
			s.seconds = append(s.seconds, int64(float64(c-last)/now.Sub(at).Seconds()))
			last, at = c, now
			continue
		case <-ended:
		}
		break
	}
	s.length = time.Since(began)
	m.settle()
	s.counts = m.read().minus(before)
	return s
}

func (*meter) settle() {
	pause(1500 * time.Millisecond)
}

// peak is the most statements in a second, in means.
func (s span) peak() float64 {
	return float64(slices.Max(s.seconds)) * s.length.Seconds() / float64(max(s.statements, 1))
}

// row is a line of the table: what one of count pieces took.
func (s span) row(name string, count float64) string {
	per := func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/count) }
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %s | %.2f |\n", name,
		per(s.statements), per(s.transactions), per(s.sent), per(s.returned), per(s.inserted+s.updated+s.deleted), per(s.deleted), per(s.wal/1000), s.peak())
}

const tableHead = "| | statements | transactions | rows sent | rows read | rows written | of them deleted | kB of WAL | busiest second / mean |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"

// top lists the statements that read most rows or are called most, since the last call.
func (m *meter) top(by string) string {
	m.tb.Helper()
	rows, err := m.pool.Query(context.Background(), `SELECT s.calls, s.rows, s.shared_blks_hit + s.shared_blks_read, s.total_exec_time, left(regexp_replace(s.query, '\s+', ' ', 'g'), 110)
		FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid WHERE d.datname = $1 ORDER BY `+by+` DESC LIMIT 14`, m.database)
	check(m.tb, err)
	var t strings.Builder
	fmt.Fprintf(&t, "by %s: calls, rows, pages, ms\n", by)
	for rows.Next() {
		var calls, count, pages int64
		var ms float64
		var query string
		check(m.tb, rows.Scan(&calls, &count, &pages, &ms, &query))
		fmt.Fprintf(&t, "%8d %9d %10d %8.0f  %s\n", calls, count, pages, ms, query)
	}
	check(m.tb, rows.Err())
	return t.String()
}

// forget begins the lists of top anew.
func (m *meter) forget() {
	m.tb.Helper()
	_, err := m.pool.Exec(context.Background(), "SELECT pg_stat_statements_reset()")
	check(m.tb, err)
}

// scans lists the tables whose rows were read one after the other.
func (m *meter) scans(url string) string {
	m.tb.Helper()
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, url)
	check(m.tb, err)
	defer pool.Close()
	rows, err := pool.Query(ctx, `SELECT relname, seq_scan, seq_tup_read, idx_scan, n_live_tup, n_dead_tup, pg_total_relation_size(relid)
		FROM pg_stat_user_tables ORDER BY seq_tup_read DESC LIMIT 14`)
	check(m.tb, err)
	var t strings.Builder
	t.WriteString("table: scans, rows of them, index scans, live, dead, bytes\n")
	for rows.Next() {
		var name string
		var n [6]*int64
		check(m.tb, rows.Scan(&name, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5]))
		t.WriteString(name)
		for _, v := range n {
			if v == nil {
				v = new(int64)
			}
			fmt.Fprintf(&t, " %d", *v)
		}
		t.WriteByte('\n')
	}
	check(m.tb, rows.Err())
	return t.String()
}
