package relational

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// openToWork returns the number of a repository that no hold keeps w from. No hold comes
// until the transaction ends.
func (s *Store) openToWork(ctx context.Context, tx Tx, w store.Work) (seq int64, err error) {
	err = tx.QueryRow(ctx, `SELECT seq FROM repositories WHERE id = ?`+s.dialect.LockRow, string(w.RepositoryID)).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, notFound("repository", w.RepositoryID)
	}
	if err != nil {
		return 0, err
	}
	kind := ""
	err = tx.QueryRow(ctx, `SELECT kind FROM work_holds WHERE repository_seq = ? AND kind IN ('', ?) AND until > `+s.dialect.Now+`
		ORDER BY kind LIMIT 1`, seq, string(w.Kind)).Scan(&kind)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return seq, nil
	case err != nil:
		return 0, err
	case kind == "":
		return 0, store.ErrLeaving
	}
	return 0, store.ErrHeld
}

// HoldWork implements store.Works. Holds of the repository that are over go.
func (s *Store) HoldWork(ctx context.Context, h store.Hold, length time.Duration) error {
	return s.update(ctx, Write{Doing: "keep work out", Repeatable: true}, func(ctx context.Context, tx Tx) error {
		var seq int64
		err := tx.QueryRow(ctx, `SELECT seq FROM repositories WHERE id = ?`+s.dialect.LockRow, string(h.RepositoryID)).Scan(&seq)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("repository", h.RepositoryID)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM work_holds WHERE repository_seq = ? AND id <> ? AND until <= `+s.dialect.Now, seq, string(h.ID)); err != nil {
			return err
		}
		if h.Kind == "" {
			var other bool
			err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM work_holds WHERE repository_seq = ? AND kind = '' AND id <> ?)`, seq, string(h.ID)).Scan(&other)
			if err != nil {
				return err
			}
			if other {
				return store.ErrLeaving
			}
		}
		_, err = tx.Exec(ctx, `INSERT INTO work_holds (id, repository_seq, kind, until) VALUES (?, ?, ?, `+s.dialect.Now+` + ?)
			ON CONFLICT (id) DO UPDATE SET until = excluded.until`, string(h.ID), seq, string(h.Kind), int64(length))
		return err
	})
}

// RenewHold implements store.Works. It locks no repository, whose row a long write may
// have.
func (s *Store) RenewHold(ctx context.Context, id syncline.ID, length time.Duration) error {
	return s.update(ctx, Write{Doing: "go on to keep work out", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		return exec(ctx, tx, store.ErrHoldOver, `UPDATE work_holds SET until = `+s.dialect.Now+` + ? WHERE id = ? AND until > `+s.dialect.Now, int64(length), string(id))
	})
}

// hasHold fails where the hold of a write is over. Until the write ends nobody adds work
// of the repository, because its row is locked, and nobody takes any, because the rows of
// the work are. So it does not matter when the hold ends meanwhile.
func (s *Store) hasHold(ctx context.Context, tx Tx, h store.Hold) error {
	var repository int64
	err := tx.QueryRow(ctx, `SELECT seq FROM repositories WHERE id = ?`+s.dialect.LockRow, string(h.RepositoryID)).Scan(&repository)
	if errors.Is(err, sql.ErrNoRows) {
		return notFound("repository", h.RepositoryID)
	}
	if err != nil {
		return err
	}
	if _, err := scanAll(ctx, tx, scanNumber, `SELECT seq FROM work WHERE repository_seq = ? AND (kind = ? OR ? = '') AND `+unended+s.dialect.KeepRow,
		repository, string(h.Kind), string(h.Kind)); err != nil {
		return err
	}
	var there int
	err = tx.QueryRow(ctx, `SELECT 1 FROM work_holds WHERE id = ? AND repository_seq = ? AND until > `+s.dialect.Now, string(h.ID), repository).Scan(&there)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrHoldOver
	}
	return err
}

// DropHold implements store.Works.
func (s *Store) DropHold(ctx context.Context, id syncline.ID) error {
	return s.update(ctx, Write{Doing: "let work in", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM work_holds WHERE id = ?`, string(id))
		return err
	})
}
