package relational

import (
	"context"
	"database/sql"
	"errors"

	"syncline.dev/syncline"
)

// AppendLog implements store.Works.
func (s *Store) AppendLog(ctx context.Context, work syncline.ID, epoch int64, items ...syncline.LogItem) error {
	return s.update(ctx, Write{Doing: "append to a log", Log: true}, func(ctx context.Context, tx Tx) error {
		var seq, current int64
		err := tx.QueryRow(ctx, `SELECT seq, epoch FROM work WHERE id = ?`+s.dialect.LockRow, string(work)).Scan(&seq, &current)
		if errors.Is(err, sql.ErrNoRows) {
			return noWork("", work)
		}
		if err != nil {
			return err
		}
		if current != epoch {
			return errTaken
		}
		return tx.ExecEach(ctx, `INSERT INTO work_log (work_seq, seq, time, level, message)
			VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM work_log WHERE work_seq = ?1), ?2, ?3, ?4)`,
			len(items), func(i int) []any {
				return []any{seq, nanos(items[i].Time), string(items[i].Level), items[i].Message}
			})
	})
}

// Log implements store.Works. Items are numbered from 1 on without a gap, so a page is
// a step into the key. A negative limit or offset is CodeInvalid.
func (s *Store) Log(ctx context.Context, kind syncline.WorkKind, work syncline.ID, limit, offset int) (items []syncline.LogItem, total int, err error) {
	if err := checkPage(limit, offset); err != nil {
		return nil, 0, err
	}
	err = s.engine.View(ctx, "read a log", func(ctx context.Context, q Querier) error { // page and count of one moment
		var seq int64
		err := q.QueryRow(ctx, `SELECT seq, (SELECT coalesce(max(l.seq), 0) FROM work_log l WHERE l.work_seq = w.seq)
			FROM work w WHERE id = ? AND kind = ?`, string(work), string(kind)).Scan(&seq, &total)
		if errors.Is(err, sql.ErrNoRows) {
			return noWork(kind, work)
		}
		if err != nil {
			return err
		}
		items, err = scanAll(ctx, q, scanLogItem, `SELECT seq, time, level, message FROM work_log
			WHERE work_seq = ? AND seq > ? ORDER BY seq LIMIT ?`, seq, offset, limit)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return items, total, nil
}

func scanLogItem(r Row) (v syncline.LogItem, err error) {
	err = r.Scan(&v.Seq, instant{&v.Time}, &v.Level, &v.Message)
	return v, err
}
