package relational

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"syncline.dev/syncline"
)

// queryOne reads one row; where there is none it returns missing.
func queryOne[T any](ctx context.Context, s *Store, doing string, missing error,
	scan func(Row) (T, error), query string, args ...any,
) (T, error) {
	var none T
	db, err := s.engine.Reader()
	if err != nil {
		return none, err
	}
	v, err := scan(db.QueryRow(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) && missing != nil {
		return none, missing
	}
	if err != nil {
		return none, s.translate(err, doing)
	}
	return v, nil
}

// queryAll reads all rows; the slice is not nil.
func queryAll[T any](ctx context.Context, s *Store, doing string,
	scan func(Row) (T, error), query string, args ...any,
) ([]T, error) {
	db, err := s.engine.Reader()
	if err != nil {
		return nil, err
	}
	all, err := scanAll(ctx, db, scan, query, args...)
	return all, s.translate(err, doing)
}

func scanAll[T any](ctx context.Context, q Querier, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// exec runs one statement that must change a row; where it changes none it
// returns missing.
func exec(ctx context.Context, tx Tx, missing error, query string, args ...any) error {
	n, err := tx.Exec(ctx, query, args...)
	if err != nil {
		return err
	}
	if n == 0 {
		return missing
	}
	return nil
}

func notFound(what string, id any) error {
	return syncline.Errorf(syncline.CodeNotFound, "there is no %s %q", what, id)
}

// nanos is how a time is kept: nanoseconds since 1970 in UTC, NULL for the
// zero time.
func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

// instant scans what nanos made.
type instant struct{ to *time.Time }

// Scan implements sql.Scanner.
func (i instant) Scan(v any) error {
	var n sql.NullInt64
	if err := n.Scan(v); err != nil {
		return err
	}
	*i.to = time.Time{}
	if n.Valid {
		*i.to = time.Unix(0, n.Int64).UTC()
	}
	return nil
}

// nullable is how an id is kept that may be missing: NULL for none.
func nullable(id syncline.ID) any {
	if id == "" {
		return nil
	}
	return string(id)
}
