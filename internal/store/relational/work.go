package relational

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const (
	workColumns = `w.id, w.kind, r.id, w.started_by, w.state, w.stop_requested, w.progress, w.error,
		w.created_at, w.started_at, w.ended_at, w.owner, w.lease_until, w.epoch, w.alone, w."order", w.result`

	selectWork = `SELECT ` + workColumns + ` FROM work w JOIN repositories r ON r.seq = w.repository_seq`

	// The order of the join makes SQLite go by repository, one step into the index each.
	// Without it, SQLite looks at all the work that there is.
	latestWork = `SELECT ` + workColumns + ` FROM repositories r %s work w
		ON w.seq = (SELECT max(seq) FROM work WHERE repository_seq = r.seq AND kind = ?)
		ORDER BY w.created_at DESC NULLS LAST, w.seq DESC`

	// The same words as in the index work_unended, so that SQLite uses it.
	unended = `state IN ('queued', 'running')`
)

func scanWork(r Row) (v store.Work, err error) {
	err = r.Scan(&v.ID, &v.Kind, &v.RepositoryID, &v.StartedBy, &v.State, &v.StopRequested, &v.Progress, &v.Error,
		instant{&v.CreatedAt}, instant{&v.StartedAt}, instant{&v.EndedAt},
		&v.Owner, instant{&v.Until}, &v.Epoch, &v.Alone, &v.Order, &v.Result)
	return v, err
}

// nouns name the kinds of work to people.
var nouns = map[syncline.WorkKind]string{
	syncline.WorkSynchronize: "session",
	syncline.WorkRestore:     "restore job",
}

// noWork is the error for an unknown id; an empty kind is for any.
func noWork(kind syncline.WorkKind, id syncline.ID) error {
	noun, ok := nouns[kind]
	if !ok {
		noun = "work"
	}
	return notFound(noun, id)
}

// AddWork implements store.Works. An id that is known already is CodeConflict.
func (s *Store) AddWork(ctx context.Context, w store.Work) (added store.Work, fresh bool, err error) {
	err = s.update(ctx, "add work", func(ctx context.Context, tx Tx) (err error) {
		if fresh = true; w.Alone {
			added, err = scanWork(tx.QueryRow(ctx,
				selectWork+` WHERE r.id = ? AND w.kind = ? AND w.alone AND w.`+unended, string(w.RepositoryID), string(w.Kind)))
			if err == nil {
				fresh = false
				return nil
			}
			if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		epoch := 0
		if w.Owner != "" {
			epoch = 1
		}
		err = exec(ctx, tx, notFound("repository", w.RepositoryID), `INSERT INTO work
			(id, kind, repository_seq, started_by, state, created_at, owner, lease_until, epoch, alone, "order", result)
			SELECT ?, ?, seq, ?, ?, ?, ?, ?, ?, ?, ?, '' FROM repositories WHERE id = ?`,
			string(w.ID), string(w.Kind), w.StartedBy, string(syncline.WorkQueued), nanos(w.CreatedAt),
			w.Owner, nanos(w.Until), epoch, w.Alone, w.Order, string(w.RepositoryID))
		if errors.Is(err, ErrTaken) {
			return syncline.WrapError(syncline.CodeConflict, err, "there is work %q already", w.ID)
		}
		if err != nil {
			return err
		}
		added, err = workByID(ctx, tx, w.ID)
		return err
	})
	if err != nil {
		return store.Work{}, false, err
	}
	return added, fresh, nil
}

func workByID(ctx context.Context, q Querier, id syncline.ID) (store.Work, error) {
	v, err := scanWork(q.QueryRow(ctx, selectWork+` WHERE w.id = ?`, string(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return v, noWork("", id)
	}
	return v, err
}

// Work implements store.Works.
func (s *Store) Work(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (store.Work, error) {
	return queryOne(ctx, s, "read work", noWork(kind, id), scanWork,
		selectWork+` WHERE w.id = ? AND w.kind = ?`, string(id), string(kind))
}

// LatestWork implements store.Works. Unended work of a kind that is alone is always
// the work that was added last. So one step into an index finds the unended work or
// else the latest.
func (s *Store) LatestWork(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error) {
	if _, err := s.engine.Reader(); err != nil {
		return nil, err
	}
	list, _ := s.latest.LoadOrStore(kind, new(kept[store.Work]))
	return list.(*kept[store.Work]).get(s.writes, func() ([]store.Work, error) {
		return queryAll(ctx, s, "list the latest work", scanWork, s.selectLatest, string(kind))
	})
}

// WorkPage implements store.Works.
func (s *Store) WorkPage(ctx context.Context, q store.WorkQuery) ([]store.Work, error) {
	if err := checkPage(q.Limit, q.Offset); err != nil {
		return nil, err
	}
	query, args := pageQuery(q)
	return queryAll(ctx, s, "list work", scanWork, query, args...)
}

// pageQuery returns the query for a page, with its arguments.
func pageQuery(q store.WorkQuery) (query string, args []any) {
	query, args = selectWork+` WHERE w.kind = ?`, []any{string(q.Kind)}
	if q.RepositoryID != "" {
		query, args = query+` AND w.repository_seq = (SELECT seq FROM repositories WHERE id = ?)`, append(args, string(q.RepositoryID))
	}
	if q.StartedBy != "" {
		// The second condition is what lets SQLite use the index of users' work.
		query, args = query+` AND w.started_by = ? AND w.started_by <> ''`, append(args, q.StartedBy)
	}
	if len(q.States) > 0 {
		query += ` AND w.state IN (?` + strings.Repeat(`, ?`, len(q.States)-1) + `)`
		for _, state := range q.States {
			args = append(args, string(state))
		}
	}
	return query + ` ORDER BY w.seq DESC LIMIT ? OFFSET ?`, append(args, q.Limit, q.Offset)
}

func checkPage(limit, offset int) error {
	if limit < 0 || offset < 0 {
		return syncline.Errorf(syncline.CodeInvalid, "limit and offset must not be negative")
	}
	return nil
}

// UnendedWork implements store.Works.
func (s *Store) UnendedWork(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error) {
	return queryAll(ctx, s, "list the unended work", scanWork,
		selectWork+` WHERE w.kind = ? AND w.`+unended+` ORDER BY w.seq`, string(kind))
}

// TakeWork implements store.Works.
func (s *Store) TakeWork(ctx context.Context, t store.Taking) (taken []store.Work, err error) {
	limit := t.Limit
	if limit == 0 {
		limit = math.MaxInt
	}
	err = s.update(ctx, "take work", func(ctx context.Context, tx Tx) error {
		seqs, err := scanAll(ctx, tx, scanNumber, `SELECT seq FROM work WHERE kind = ? AND `+unended+`
			AND (owner IN ('', ?) OR lease_until < ?) ORDER BY seq LIMIT ?`,
			string(t.Kind), t.Owner, t.Now.UnixNano(), limit)
		if err != nil {
			return err
		}
		taken = make([]store.Work, 0, len(seqs))
		for _, seq := range seqs {
			_, err := tx.Exec(ctx, `UPDATE work SET owner = ?, lease_until = ?, epoch = epoch + 1 WHERE seq = ?`,
				t.Owner, nanos(t.Until), seq)
			if err != nil {
				return err
			}
			w, err := scanWork(tx.QueryRow(ctx, selectWork+` WHERE w.seq = ?`, seq))
			if err != nil {
				return err
			}
			taken = append(taken, w)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// UpdateWork implements store.Works. An unknown state, or a progress outside of 0 to
// 100, is CodeInvalid.
func (s *Store) UpdateWork(ctx context.Context, w store.Work) error {
	switch {
	case !w.State.Known():
		return syncline.Errorf(syncline.CodeInvalid, "%q is no state of work", w.State)
	case w.Progress < 0 || w.Progress > 100:
		return syncline.Errorf(syncline.CodeInvalid, "a progress of %d percent is out of range (0 to 100)", w.Progress)
	}
	return s.update(ctx, "update work", func(ctx context.Context, tx Tx) error {
		err := exec(ctx, tx, errNoRow, `UPDATE work SET state = ?1, progress = CASE WHEN progress > ?2 THEN progress ELSE ?2 END, error = ?3,
			started_at = ?4, ended_at = ?5, result = ?6, lease_until = ?7 WHERE id = ?8 AND epoch = ?9 AND `+unended,
			string(w.State), w.Progress, w.Error, nanos(w.StartedAt), nanos(w.EndedAt), w.Result, nanos(w.Until),
			string(w.ID), w.Epoch)
		if !errors.Is(err, errNoRow) {
			return err
		}
		found, err := workByID(ctx, tx, w.ID)
		if err != nil {
			return err
		}
		if found.State.Ended() {
			return syncline.Errorf(syncline.CodeConflict, "the work has already ended (%s) and can no longer change", found.State)
		}
		return errTaken
	})
}

var (
	// errNoRow stands in where the reason for "no row" is yet to be found.
	errNoRow = errors.New("no row")
	// errTaken refuses a node that has lost its lease.
	errTaken = syncline.Errorf(syncline.CodeConflict, "another node has taken the work over")
)

// RequestStop implements store.Works.
func (s *Store) RequestStop(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (w store.Work, err error) {
	err = s.update(ctx, "request a stop", func(ctx context.Context, tx Tx) (err error) {
		_, err = tx.Exec(ctx, `UPDATE work SET stop_requested = TRUE WHERE id = ? AND kind = ? AND `+unended, string(id), string(kind))
		if err != nil {
			return err
		}
		w, err = scanWork(tx.QueryRow(ctx, selectWork+` WHERE w.id = ? AND w.kind = ?`, string(id), string(kind)))
		if errors.Is(err, sql.ErrNoRows) {
			return noWork(kind, id)
		}
		return err
	})
	if err != nil {
		return store.Work{}, err
	}
	return w, nil
}
