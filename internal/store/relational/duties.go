package relational

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// takeDuty has ?1 for the name, ?2 for the owner and ?3 for the length in nanoseconds.
// The database's clock is its first epoch, so that a duty that was let go, and is taken
// again, has another one.
func takeDuty(now string) string {
	return `INSERT INTO duties (name, owner, epoch, ends_at) VALUES (?1, ?2, ` + now + `, ` + now + ` + ?3)
		ON CONFLICT (name) DO UPDATE SET epoch = CASE WHEN duties.owner = excluded.owner THEN duties.epoch ELSE duties.epoch + 1 END,
		owner = excluded.owner, ends_at = excluded.ends_at
		WHERE duties.owner = excluded.owner OR duties.ends_at <= ` + now + ` RETURNING epoch`
}

// TakeDuty implements store.Duties.
func (s *Store) TakeDuty(ctx context.Context, name, owner string, length time.Duration) (epoch int64, taken bool, err error) {
	err = s.update(ctx, Write{Doing: "take a duty", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		epoch, taken = 0, false
		err := tx.QueryRow(ctx, takeDuty(s.dialect.Now), name, owner, int64(length)).Scan(&epoch)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		taken = err == nil
		return err
	})
	return epoch, taken && err == nil, err
}

// HeldDuties implements store.Duties.
func (s *Store) HeldDuties(ctx context.Context, prefix string) ([]store.Duty, error) {
	return queryAll(ctx, s, "list duties", func(r Row) (d store.Duty, err error) {
		err = r.Scan(&d.Name, &d.Owner, &d.Epoch)
		return d, err
	}, `SELECT name, owner, epoch FROM duties WHERE substr(name, 1, ?) = ? AND ends_at > `+s.dialect.Now+` ORDER BY name`, len(prefix), prefix)
}

// DropDuty implements store.Duties.
func (s *Store) DropDuty(ctx context.Context, d store.Duty) error {
	return s.update(ctx, Write{Doing: "let a duty go", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM duties WHERE name = ? AND owner = ? AND epoch = ?`, d.Name, d.Owner, d.Epoch)
		return err
	})
}

// DropDuties implements store.Duties.
func (s *Store) DropDuties(ctx context.Context, owner string) error {
	return s.update(ctx, Write{Doing: "let all duties go", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM duties WHERE owner = ? OR ends_at < `+s.dialect.Now+` - ?`, owner, int64(time.Hour))
		return err
	})
}

// hasDuty fails where the duty of a write is another node's by now. The row stays as it
// is until the write ends.
func (s *Store) hasDuty(ctx context.Context, tx Tx, d store.Duty) error {
	var there int
	err := tx.QueryRow(ctx, `SELECT 1 FROM duties WHERE name = ? AND owner = ? AND epoch = ?`+s.dialect.Share, d.Name, d.Owner, d.Epoch).Scan(&there)
	if errors.Is(err, sql.ErrNoRows) {
		return syncline.Errorf(syncline.CodeConflict, "another node has taken over the duty %q from this one", d.Name)
	}
	return err
}
