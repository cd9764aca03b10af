package sqlite

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/dirtest"
	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/store"
)

// The year: every check of every repository is a session with a log, the most that
// there can be. The server keeps the newest thousand of each repository.
const (
	yearChecks = 96 // a day, of each repository
	yearLog    = 3  // items of a log
	yearKept   = 1000
)

// yearDays is how long the year is. After eleven days the bound of the history is
// reached, and every further day is like the one before; the figures in
// docs/benchmarks.md are of 365.
var yearDays = flag.Int("days", 16, "the days of TestYearOfHistory, 14 at least")

var yearRepositories = flag.Int("repositories", 10, "the repositories of TestYearOfHistory; 40 for figures")

// yearRounds is how often the year asks its questions.
var yearRounds = flag.Int("rounds", 3, "how often TestYearOfHistory asks each question; 200 for figures")

// year is a database that lives through days.
type year struct {
	t     *testing.T
	path  string
	store *Store
	days  int
	begin time.Time
}

func newYear(t *testing.T) *year {
	y := &year{t: t, path: filepath.Join(dirtest.Quick(t), "s.db"), begin: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	y.open()
	for i := range *yearRepositories {
		r := syncline.Repository{ID: newID(), Name: fmt.Sprint("repository ", i), Path: fmt.Sprint("/r", i), CreatedAt: y.begin}
		if err := y.store.AddRepository(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	return y
}

func (y *year) open() {
	y.t.Helper()
	var err error
	if y.store, err = Open(y.t.Context(), y.path); err != nil {
		y.t.Fatal(err)
	}
	if _, err := y.store.write.Exec(`PRAGMA synchronous = OFF`); err != nil { // the year is short
		y.t.Fatal(err)
	}
}

// live adds the sessions of days, and removes what is not kept at the end of each.
func (y *year) live(days int) {
	y.t.Helper()
	ctx := y.t.Context()
	for range days {
		at := y.begin.Add(time.Duration(y.days) * 24 * time.Hour)
		_, err := y.store.write.ExecContext(ctx, `
			WITH RECURSIVE tick (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM tick WHERE n < ?1 - 1)
			INSERT INTO work (id, kind, alone, repository_seq, state, progress, created_at, started_at, ended_at, result, epoch)
			SELECT lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))),
				'synchronize', 1, r.seq, 'succeeded', 100, ?2 + tick.n * 900000000000, ?2 + tick.n * 900000000000, ?2 + tick.n * 900000000000 + 1000000000,
				'{"snapshotsTotal":1000,"snapshotsAdded":1,"treesAdded":40,"bytesRead":123456}', 1
			FROM tick CROSS JOIN repositories r ORDER BY tick.n, r.seq`, yearChecks, at.UnixNano())
		if err != nil {
			y.t.Fatal(err)
		}
		_, err = y.store.write.ExecContext(ctx, `
			WITH RECURSIVE item (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM item WHERE n < ? - 1)
			INSERT INTO work_log (work_seq, seq, time, level, message)
			SELECT w.seq, item.n, w.created_at, 'Info', 'Synchronized 1 new snapshot of 1000; 40 folders were read from 3 packs'
			FROM work w CROSS JOIN item WHERE w.seq > (SELECT coalesce(max(work_seq), 0) FROM work_log)`, yearLog)
		if err != nil {
			y.t.Fatal(err)
		}
		y.days++
		y.store.writes.Add(1)
		keep := store.Keep{Kind: syncline.WorkSynchronize, Newest: yearKept, PerRepository: true, Since: at.Add(-365 * 24 * time.Hour)}
		for more := true; more; {
			if more, err = y.store.Thin(ctx, keep); err != nil {
				y.t.Fatal(err)
			}
		}
	}
}

// rows returns how many sessions there are, and how many items of logs.
func (y *year) rows() (sessions, items int) {
	y.t.Helper()
	err := y.store.read.QueryRow(`SELECT (SELECT count(*) FROM work), (SELECT count(*) FROM work_log)`).Scan(&sessions, &items)
	if err != nil {
		y.t.Fatal(err)
	}
	return sessions, items
}

// size returns the bytes of the closed database, and opens it again.
func (y *year) size() int64 {
	y.t.Helper()
	if err := y.store.Close(); err != nil {
		y.t.Fatal(err)
	}
	info, err := os.Stat(y.path)
	if err != nil {
		y.t.Fatal(err)
	}
	y.open()
	return info.Size()
}

// measure returns the median times of the questions that a console asks, and of a restart.
func (y *year) measure() map[string]time.Duration {
	y.t.Helper()
	ctx := y.t.Context()
	list, err := y.store.Repositories(ctx)
	if err != nil {
		y.t.Fatal(err)
	}
	one := list[*yearRepositories/2].ID
	page := func(q store.WorkQuery) func() error {
		return func() error { _, err := y.store.WorkPage(ctx, q); return err }
	}
	median := func(fn func() error) time.Duration {
		var all []time.Duration
		for range *yearRounds {
			y.store.writes.Add(1) // nothing is kept
			begun := time.Now()
			if err := fn(); err != nil {
				y.t.Fatal(err)
			}
			all = append(all, time.Since(begun))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return map[string]time.Duration{
		"latest session of each repository": median(func() error { _, err := y.store.LatestWork(ctx, syncline.WorkSynchronize); return err }),
		"list of repositories":              median(func() error { _, err := y.store.Repositories(ctx); return err }),
		"page of a repository's sessions":   median(page(store.WorkQuery{Kind: syncline.WorkSynchronize, RepositoryID: one, Limit: 50})),
		"its page at 600":                   median(page(store.WorkQuery{Kind: syncline.WorkSynchronize, RepositoryID: one, Limit: 50, Offset: 600})),
		"page of all sessions":              median(page(store.WorkQuery{Kind: syncline.WorkSynchronize, Limit: 50})),
		"its page at 20,000":                median(page(store.WorkQuery{Kind: syncline.WorkSynchronize, Limit: 50, Offset: 20_000})),
		"closing and opening the database": median(func() error {
			if err := y.store.Close(); err != nil {
				return err
			}
			y.open()
			return nil
		}),
	}
}

// After a year of checks every quarter of an hour, the database has what its bounds
// allow, and no more than after the first weeks. The log of the test has the times, for
// docs/benchmarks.md.
func TestYearOfHistory(t *testing.T) {
	needtest.Full(t, "minutes")
	y := newYear(t)
	defer func() { y.store.Close() }()
	y.live(7)
	week, weekSize := y.measure(), y.size()
	sessions, items := y.rows()
	if sessions != *yearRepositories*yearChecks*7 || items != sessions*yearLog {
		t.Fatalf("a week has %d sessions and %d items", sessions, items)
	}
	y.live(7) // the bound is reached
	full := y.size()
	y.live(*yearDays - 14)
	got, yearSize := y.measure(), y.size()
	sessions, items = y.rows()
	if y.days != *yearDays || sessions != *yearRepositories*yearKept || items != sessions*yearLog {
		t.Errorf("after %d days there are %d sessions and %d items", y.days, sessions, items)
	}
	if yearSize > full+full/4 {
		t.Errorf("the database has %d bytes after a year, and %d after two weeks", yearSize, full)
	}
	t.Logf("size: week %d, two weeks %d, year %d bytes", weekSize, full, yearSize)
	for what, then := range week {
		t.Logf("%-36s week %10s  year %10s  ratio %.2f", what, then, got[what], float64(got[what])/float64(then))
	}
}
