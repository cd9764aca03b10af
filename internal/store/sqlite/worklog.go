package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"syncline.dev/syncline"
)

// AppendLog implements store.Works.
func (s *Store) AppendLog(ctx context.Context, work syncline.ID, epoch int64, items ...syncline.LogItem) error {
	return s.update(ctx, "append to a log", func(ctx context.Context, conn *sql.Conn) error {
		if s.spent {
			return errSpent
		}
		var seq, last, current int64
		err := conn.QueryRowContext(ctx, `SELECT seq, (SELECT coalesce(max(l.seq), 0) FROM work_log l
			WHERE l.work_seq = work.seq), epoch FROM work WHERE id = ?`, string(work)).Scan(&seq, &last, &current)
		if errors.Is(err, sql.ErrNoRows) {
			return noWork("", work)
		}
		if err != nil {
			return err
		}
		if current != epoch {
			return errTaken
		}
		for i, item := range items {
			_, err := conn.ExecContext(ctx,
				`INSERT INTO work_log (work_seq, seq, time, level, message) VALUES (?, ?, ?, ?, ?)`,
				seq, last+int64(i)+1, nanos(item.Time), string(item.Level), item.Message)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Log implements store.Works. Items are numbered from 1 on without a gap, so a page is
// a step into the key. A negative limit or offset is CodeInvalid.
func (s *Store) Log(ctx context.Context, kind syncline.WorkKind, work syncline.ID, limit, offset int) ([]syncline.LogItem, int, error) {
	const doing = "read a log"
	if err := checkPage(limit, offset); err != nil {
		return nil, 0, err
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
	err = tx.QueryRowContext(ctx, `SELECT seq, (SELECT coalesce(max(l.seq), 0) FROM work_log l WHERE l.work_seq = w.seq)
		FROM work w WHERE id = ? AND kind = ?`, string(work), string(kind)).Scan(&seq, &total)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, noWork(kind, work)
	}
	if err != nil {
		return nil, 0, s.translate(err, doing)
	}
	items, err := scanAll(ctx, tx, scanLogItem, `SELECT seq, time, level, message FROM work_log
		WHERE work_seq = ? AND seq > ? ORDER BY seq LIMIT ?`, seq, offset, limit)
	return items, total, s.translate(err, doing)
}

func scanLogItem(r row) (v syncline.LogItem, err error) {
	err = r.Scan(&v.Seq, instant{&v.Time}, &v.Level, &v.Message)
	return v, err
}
