package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// history is a table of what runs, and that of its log.
type history struct{ table, log, key string }

var (
	ofSessions = history{"sessions", "session_log", "session_seq"}
	ofJobs     = history{"restore_jobs", "restore_log", "job_seq"}
)

// logPage returns one page of a log, and how many items there are. They are numbered
// from 1 on without a gap, so a page is a step into the key.
func (s *Store) logPage(ctx context.Context, h history, missing error, id syncline.ID, limit, offset int) ([]syncline.LogItem, int, error) {
	const doing = "read a log"
	if limit < 0 || offset < 0 {
		return nil, 0, syncline.Errorf(syncline.CodeInvalid, "limit and offset must not be negative")
	}
	db, err := s.reader()
	if err != nil {
		return nil, 0, err
	}
	tx, err := db.BeginTx(ctx, nil) // page and count of one moment
	if err != nil {
		return nil, 0, s.translate(err, doing)
	}
	defer tx.Rollback() // it only read
	var seq int64
	var total int
	err = tx.QueryRowContext(ctx, `SELECT seq, (SELECT coalesce(max(l.seq), 0) FROM `+h.log+` l WHERE l.`+h.key+` = t.seq)
		FROM `+h.table+` t WHERE id = ?`, string(id)).Scan(&seq, &total)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, missing
	}
	if err != nil {
		return nil, 0, s.translate(err, doing)
	}
	items, err := scanAll(ctx, tx, scanLogItem, `SELECT seq, time, level, message FROM `+h.log+`
		WHERE `+h.key+` = ? AND seq > ? ORDER BY seq LIMIT ?`, seq, offset, limit)
	return items, total, s.translate(err, doing)
}

// What one transaction removes at most: others wait so long for it.
const (
	removeRows = 1000 // of logs
	removeRuns = 200  // sessions or jobs
)

// Thin implements store.Histories.
func (s *Store) Thin(ctx context.Context, keep store.Keep) (more bool, err error) {
	var repositories []int64
	db, err := s.reader()
	if err != nil {
		return false, err
	}
	repositories, err = scanAll(ctx, db, scanNumber, `SELECT seq FROM repositories`)
	if err != nil {
		return false, s.translate(err, "list repositories")
	}
	for _, r := range repositories {
		// The latest one is what the repository is shown with.
		gone, err := s.thin(ctx, ofSessions, max(keep.Sessions, 1), keep.Sessions == 0, keep, `repository_seq = ?`, r)
		if err != nil {
			return false, err
		}
		more = more || gone
	}
	gone, err := s.thin(ctx, ofJobs, keep.Jobs, keep.Jobs == 0, keep, `?`, 1)
	return more || gone, err
}

// thin removes the oldest runs of those that match, beyond the newest so many or
// before the time to keep from, and reports whether it removed any.
func (s *Store) thin(ctx context.Context, h history, newest int, all bool, keep store.Keep, match string, arg int64) (removed bool, err error) {
	db, err := s.reader()
	if err != nil {
		return false, err
	}
	first := int64(math.MinInt64) // of those that are kept by number
	if !all {
		err = db.QueryRowContext(ctx, `SELECT seq FROM `+h.table+` WHERE `+match+` ORDER BY seq DESC LIMIT 1 OFFSET ?`, arg, newest-1).Scan(&first)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return false, s.translate(err, "look for what is old")
		}
	}
	old := int64(math.MinInt64)
	if !keep.Since.IsZero() {
		old = keep.Since.UnixNano()
	}
	// The latest of a repository stays, however old it is.
	seqs, err := scanAll(ctx, db, scanNumber, `SELECT seq FROM (SELECT seq, state, created_at FROM `+h.table+` WHERE `+match+` ORDER BY seq LIMIT ?)
		WHERE NOT (`+unended+`) AND (seq < ? OR coalesce(created_at, 0) < ?)
		AND seq < (SELECT max(seq) FROM `+h.table+` WHERE `+match+`) ORDER BY seq`, arg, removeRuns, first, old, arg)
	if err != nil || len(seqs) == 0 {
		return false, s.translate(err, "look for what is old")
	}
	return true, s.update(ctx, "remove what is old", func(ctx context.Context, conn *sql.Conn) error {
		return removeRunsOf(ctx, conn, h, seqs)
	})
}

// removeRunsOf removes runs with their logs, in order, until it has removed enough
// for one transaction.
func removeRunsOf(ctx context.Context, conn *sql.Conn, h history, seqs []int64) error {
	budget := int64(removeRows)
	for _, seq := range seqs {
		result, err := conn.ExecContext(ctx, `DELETE FROM `+h.log+` WHERE `+h.key+` = ? AND seq IN
			(SELECT seq FROM `+h.log+` WHERE `+h.key+` = ? ORDER BY seq LIMIT ?)`, seq, seq, budget)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if budget -= n; budget <= 0 {
			return nil // there may be more of this log
		}
		if _, err := conn.ExecContext(ctx, `DELETE FROM `+h.table+` WHERE seq = ?`, seq); err != nil {
			return err
		}
	}
	return nil
}

// empty removes a repository's runs, a part at a time.
func (s *Store) empty(ctx context.Context, h history, repository syncline.ID) error {
	for {
		db, err := s.reader()
		if err != nil {
			return err
		}
		seqs, err := scanAll(ctx, db, scanNumber, `SELECT t.seq FROM `+h.table+` t JOIN repositories r ON r.seq = t.repository_seq
			WHERE r.id = ? ORDER BY t.seq LIMIT ?`, string(repository), removeRuns)
		if err != nil || len(seqs) == 0 {
			return s.translate(err, "list what a repository has")
		}
		err = s.update(ctx, "empty a repository", func(ctx context.Context, conn *sql.Conn) error {
			return removeRunsOf(ctx, conn, h, seqs)
		})
		if err != nil {
			return err
		}
	}
}

func scanNumber(r row) (n int64, err error) {
	err = r.Scan(&n)
	return n, err
}
