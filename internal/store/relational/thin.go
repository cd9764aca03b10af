package relational

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// The bounds of what one transaction removes: other calls wait for its end.
const (
	removeRows = 1000 // items of logs
	removeWork = 200
)

// Thin implements store.Works.
func (s *Store) Thin(ctx context.Context, keep store.Keep) (more bool, err error) {
	if !keep.PerRepository {
		return s.thin(ctx, keep, `kind = ?`, string(keep.Kind))
	}
	db, err := s.engine.Reader()
	if err != nil {
		return false, err
	}
	repositories, err := scanAll(ctx, db, scanNumber, `SELECT seq FROM repositories`)
	if err != nil {
		return false, s.translate(err, "list repositories")
	}
	for _, r := range repositories {
		removed, err := s.thin(ctx, keep, `kind = ? AND repository_seq = ?`, string(keep.Kind), r)
		if err != nil {
			return false, err
		}
		more = more || removed
	}
	return more, nil
}

// thin removes old work among the work that match selects: work beyond the number to
// keep, and work from before the time to keep. It begins with the oldest, and reports
// whether it removed any.
func (s *Store) thin(ctx context.Context, keep store.Keep, match string, args ...any) (removed bool, err error) {
	db, err := s.engine.Reader()
	if err != nil {
		return false, err
	}
	first := int64(math.MinInt64) // the oldest that stays by number
	if keep.Newest > 0 {
		err = db.QueryRow(ctx, `SELECT seq FROM work WHERE `+match+` ORDER BY seq DESC LIMIT 1 OFFSET ?`,
			append(args[:len(args):len(args)], keep.Newest-1)...).Scan(&first)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return false, s.translate(err, "look for old work")
		}
	}
	old := int64(math.MinInt64)
	if !keep.Since.IsZero() {
		old = keep.Since.UnixNano()
	}
	// The latest stays, however old it is: a repository is shown with it.
	all := append(args[:len(args):len(args)], removeWork, first, old)
	seqs, err := scanAll(ctx, db, scanNumber, `SELECT seq FROM (SELECT seq, state, created_at FROM work WHERE `+match+` ORDER BY seq LIMIT ?) AS first
		WHERE NOT (`+unended+`) AND (seq < ? OR coalesce(created_at, 0) < ?)
		AND seq < (SELECT max(seq) FROM work WHERE `+match+`) ORDER BY seq`, append(all, args...)...)
	if err != nil || len(seqs) == 0 {
		return false, s.translate(err, "look for old work")
	}
	return true, s.update(ctx, Write{Doing: "remove old work"}, func(ctx context.Context, tx Tx) error {
		return remove(ctx, tx, seqs)
	})
}

// remove removes work with its logs, in order, until it has removed enough for one
// transaction. A long log loses its last items first, so that the pages of the rest stay.
func remove(ctx context.Context, tx Tx, seqs []int64) error {
	budget := int64(removeRows)
	for _, seq := range seqs {
		n, err := tx.Exec(ctx, `DELETE FROM work_log WHERE work_seq = ? AND seq IN
			(SELECT seq FROM work_log WHERE work_seq = ? ORDER BY seq DESC LIMIT ?)`, seq, seq, budget)
		if err != nil {
			return err
		}
		if budget -= n; budget <= 0 {
			return nil // there may be more of this log
		}
		if _, err := tx.Exec(ctx, `DELETE FROM work WHERE seq = ?`, seq); err != nil {
			return err
		}
	}
	return nil
}

// selectOldest goes by kind, as the index does, so that no step of many sorts all that is
// left.
const selectOldest = `SELECT w.seq FROM work w JOIN repositories r ON r.seq = w.repository_seq
	WHERE r.id = ? ORDER BY w.kind, w.seq LIMIT ?`

// empty removes a repository's work, a part at a time.
func (s *Store) empty(ctx context.Context, repository syncline.ID) error {
	for {
		db, err := s.engine.Reader()
		if err != nil {
			return err
		}
		seqs, err := scanAll(ctx, db, scanNumber, selectOldest, string(repository), removeWork)
		if err != nil || len(seqs) == 0 {
			return s.translate(err, "list the work of a repository")
		}
		err = s.update(ctx, Write{Doing: "empty a repository"}, func(ctx context.Context, tx Tx) error {
			return remove(ctx, tx, seqs)
		})
		if err != nil {
			return err
		}
	}
}

func scanNumber(r Row) (n int64, err error) {
	err = r.Scan(&n)
	return n, err
}
