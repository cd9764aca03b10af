package relational

import (
	"context"
	"math"
	"strings"
	"time"

	"syncline.dev/syncline/internal/store"
)

// takeable is the work of a kind that a node may take.
func (s *Store) takeable(t store.Taking) (where string, args []any) {
	where, args = `w.kind = ? AND w.`+unended+` AND (w.owner = '' OR w.lease_until <= `+s.dialect.Now, []any{string(t.Kind)}
	if t.Again {
		where, args = where+` OR w.owner = ?`, append(args, t.Owner)
	}
	if where += `) AND (w.stop_requested`; !t.Stopping {
		where += ` OR w.node IN ('', ?) AND NOT EXISTS (SELECT 1 FROM work_holds h
			WHERE h.repository_seq = w.repository_seq AND h.kind IN ('', w.kind) AND h.until > ` + s.dialect.Now + `)`
		args = append(args, t.Owner)
	}
	if where += `)`; t.ID != "" {
		where, args = where+` AND w.id = ?`, append(args, string(t.ID))
	}
	return where, args
}

// TakeWork implements store.Works.
func (s *Store) TakeWork(ctx context.Context, t store.Taking) (taken []store.Taken, err error) {
	db, err := s.engine.Reader()
	if err != nil {
		return nil, err
	}
	where, args := s.takeable(t)
	var some bool // most of the time there is nothing, and a read is cheaper
	if err := db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM work w WHERE `+where+`)`, args...).Scan(&some); err != nil {
		return nil, s.translate(err, "look for work")
	}
	if !some {
		return []store.Taken{}, nil
	}
	err = s.update(ctx, Write{Doing: "take work"}, func(ctx context.Context, tx Tx) (err error) {
		limit, err := s.takeLimit(ctx, tx, t)
		if err != nil {
			return err
		}
		found, err := scanAll(ctx, tx, scanOwned, `SELECT w.seq, w.owner FROM work w WHERE `+where+`
			ORDER BY w.stop_requested DESC, w.urgent DESC, w.seq LIMIT ?`+s.dialect.SkipLocked, append(args[:len(args):len(args)], limit)...)
		if err != nil {
			return err
		}
		taken, err = s.own(ctx, tx, t, found)
		return err
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// takeLimit is how much a node may take.
func (s *Store) takeLimit(ctx context.Context, tx Tx, t store.Taking) (int, error) {
	limit := t.Limit
	if limit == 0 {
		limit = math.MaxInt32
	}
	if t.Running == 0 || t.Stopping {
		return limit, nil
	}
	if err := s.exclude(ctx, tx, "taking the kind "+string(t.Kind)); err != nil {
		return 0, err
	}
	query, args := `SELECT count(*) FROM work WHERE kind = ? AND `+unended+` AND owner <> '' AND (lease_until IS NULL OR lease_until > `+s.dialect.Now+`)`, []any{string(t.Kind)}
	if t.Again {
		query, args = query+` AND owner <> ?`, append(args, t.Owner)
	}
	var held int
	err := tx.QueryRow(ctx, query, args...).Scan(&held)
	return min(limit, max(t.Running-held, 0)), err
}

type owned struct {
	seq   int64
	owner string
}

func scanOwned(r Row) (v owned, err error) {
	err = r.Scan(&v.seq, &v.owner)
	return v, err
}

// takeAtOnce bounds how much work one statement names.
const takeAtOnce = 200

// own gives what was found to the node, and returns it in the same order.
func (s *Store) own(ctx context.Context, tx Tx, t store.Taking, found []owned) ([]store.Taken, error) {
	taken := make([]store.Taken, 0, len(found))
	for len(found) > 0 {
		part := found[:min(len(found), takeAtOnce)]
		found = found[len(part):]
		seqs := make([]any, len(part))
		for i, f := range part {
			seqs[i] = f.seq
		}
		places := `(?` + strings.Repeat(`, ?`, len(part)-1) + `)`
		until, args := `NULL`, []any{t.Owner}
		if t.Length != 0 {
			until, args = s.dialect.Now+` + ?`, append(args, int64(t.Length))
		}
		if _, err := tx.Exec(ctx, `UPDATE work SET owner = ?, lease_until = `+until+`, epoch = epoch + 1 WHERE seq IN `+places, append(args, seqs...)...); err != nil {
			return nil, err
		}
		work, err := scanAll(ctx, tx, scanNumbered, `SELECT w.seq, `+workColumns+` FROM work w JOIN repositories r ON r.seq = w.repository_seq WHERE w.seq IN `+places, seqs...)
		if err != nil {
			return nil, err
		}
		bySeq := make(map[int64]store.Work, len(work))
		for _, w := range work {
			bySeq[w.seq] = w.Work
		}
		for _, f := range part {
			taken = append(taken, store.Taken{Work: bySeq[f.seq], From: f.owner})
		}
	}
	return taken, nil
}

type numbered struct {
	seq int64
	store.Work
}

// scanNumbered reads a number before work.
func scanNumbered(r Row) (v numbered, err error) {
	v.Work, err = scanWork(after{r, &v.seq})
	return v, err
}

// after scans one value before the others.
type after struct {
	Row
	first any
}

// Scan implements Row.
func (a after) Scan(dest ...any) error { return a.Row.Scan(append([]any{a.first}, dest...)...) }

// these matches work that somebody holds. Each statement names so many.
func these(owner string, held []store.Held) (where string, args []any) {
	args = []any{owner}
	for _, h := range held {
		args = append(args, string(h.ID), h.Epoch)
	}
	return `owner = ? AND ` + unended + ` AND (id = ? AND epoch = ?` + strings.Repeat(` OR id = ? AND epoch = ?`, len(held)-1) + `)`, args
}

// RenewWork implements store.Works.
func (s *Store) RenewWork(ctx context.Context, owner string, length time.Duration, held []store.Held) (renewed []store.Renewed, err error) {
	renewed = make([]store.Renewed, 0, len(held))
	for len(held) > 0 {
		part := held[:min(len(held), takeAtOnce)]
		held = held[len(part):]
		where, args := these(owner, part)
		var some []store.Renewed
		err := s.update(ctx, Write{Doing: "renew leases", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) (err error) {
			some, err = scanAll(ctx, tx, scanRenewed, `UPDATE work SET lease_until = `+s.dialect.Now+` + ? WHERE `+where+`
				RETURNING id, epoch, stop_requested`, append([]any{int64(length)}, args...)...)
			return err
		})
		if err != nil {
			return nil, err
		}
		renewed = append(renewed, some...)
	}
	return renewed, nil
}

func scanRenewed(r Row) (v store.Renewed, err error) {
	err = r.Scan(&v.ID, &v.Epoch, &v.StopRequested)
	return v, err
}

// ReturnWork implements store.Works.
func (s *Store) ReturnWork(ctx context.Context, owner string, held []store.Held) error {
	for len(held) > 0 {
		part := held[:min(len(held), takeAtOnce)]
		held = held[len(part):]
		where, args := these(owner, part)
		err := s.update(ctx, Write{Doing: "give work back", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
			_, err := tx.Exec(ctx, `UPDATE work SET owner = '', lease_until = NULL, epoch = epoch + 1 WHERE `+where, args...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
