package relational

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const (
	workColumns = `w.id, w.kind, r.id, w.started_by, w.state, w.stop_requested, w.progress, w.error,
		w.created_at, w.started_at, w.ended_at, w.owner, w.epoch, w.alone, w.urgent, w.node, w."order", w.result`

	selectWork = `SELECT ` + workColumns + ` FROM work w JOIN repositories r ON r.seq = w.repository_seq`

	latestWork = `SELECT ` + workColumns + ` FROM repositories r %s
		ORDER BY w.created_at DESC NULLS LAST, w.seq DESC`

	// The same words as in the index work_unended, so that SQLite uses it.
	unended = `state IN ('queued', 'running')`

	selectUnended = selectWork + ` WHERE w.kind = ? AND w.` + unended + ` ORDER BY w.seq`
)

func scanWork(r Row) (v store.Work, err error) {
	err = r.Scan(&v.ID, &v.Kind, &v.RepositoryID, &v.StartedBy, &v.State, &v.StopRequested, &v.Progress, &v.Error,
		instant{&v.CreatedAt}, instant{&v.StartedAt}, instant{&v.EndedAt},
		&v.Owner, &v.Epoch, &v.Alone, &v.Urgent, &v.Node, &v.Order, &v.Result)
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
func (s *Store) AddWork(ctx context.Context, w store.Work) (store.Work, bool, error) {
	return s.AddWorkIf(ctx, w, nil)
}

// AddWorkIf implements store.Works.
func (s *Store) AddWorkIf(ctx context.Context, w store.Work, check func([]store.Work) error) (added store.Work, fresh bool, err error) {
	err = s.update(ctx, Write{Doing: "add work"}, func(ctx context.Context, tx Tx) (err error) {
		if check != nil {
			if err := s.exclude(ctx, tx, "work of the kind "+string(w.Kind)); err != nil {
				return err
			}
		}
		seq, err := s.openToWork(ctx, tx, w)
		if err == nil {
			err = s.canRun(ctx, tx, seq, w)
		}
		if err != nil {
			return err
		}
		if w.Alone {
			added, err = unendedWork(ctx, tx, w)
			if fresh = errors.Is(err, sql.ErrNoRows); !fresh {
				return err
			}
		}
		if check != nil {
			unended, err := scanAll(ctx, tx, scanWork, selectUnended, string(w.Kind))
			if err == nil {
				err = check(unended)
			}
			if err != nil {
				return err
			}
		}
		fresh = true
		added, err = insertWork(ctx, tx, seq, w)
		return err
	})
	if err != nil {
		return store.Work{}, false, err
	}
	return added, fresh, nil
}

// canRun fails for work that only a removed node could run. The node stays until the
// transaction ends, and whoever removes it later finds the work. The node of the
// repository itself is not removed, but may have given no sign of life yet.
func (s *Store) canRun(ctx context.Context, tx Tx, repository int64, w store.Work) error {
	if w.Node == "" {
		return nil
	}
	var there int
	err := tx.QueryRow(ctx, `SELECT 1 FROM nodes WHERE id = ?`+s.dialect.KeepRow, w.Node).Scan(&there)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRow(ctx, `SELECT 1 FROM repositories WHERE seq = ? AND node_id = ?`, repository, w.Node).Scan(&there)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return syncline.Errorf(syncline.CodeConflict, "the node %s, which alone could run it, was removed; try again on another node", w.Node)
	}
	return err
}

// unendedWork returns the work that keeps w out, and makes it as urgent as w.
func unendedWork(ctx context.Context, tx Tx, w store.Work) (store.Work, error) {
	found, err := scanWork(tx.QueryRow(ctx,
		selectWork+` WHERE r.id = ? AND w.kind = ? AND w.alone AND w.`+unended, string(w.RepositoryID), string(w.Kind)))
	if err == nil && w.Urgent && !found.Urgent {
		found.Urgent = true
		_, err = tx.Exec(ctx, `UPDATE work SET urgent = TRUE WHERE id = ?`, string(found.ID))
	}
	return found, err
}

func insertWork(ctx context.Context, tx Tx, repository int64, w store.Work) (store.Work, error) {
	epoch := 0
	if w.Owner != "" {
		epoch = 1
	}
	_, err := tx.Exec(ctx, `INSERT INTO work
		(id, kind, repository_seq, started_by, state, created_at, owner, epoch, alone, urgent, node, "order", result)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')`,
		string(w.ID), string(w.Kind), repository, w.StartedBy, string(syncline.WorkQueued), nanos(w.CreatedAt),
		w.Owner, epoch, w.Alone, w.Urgent, w.Node, w.Order)
	if errors.Is(err, ErrTaken) {
		return store.Work{}, syncline.WrapError(syncline.CodeConflict, err, "there is work %q already", w.ID)
	}
	if err != nil {
		return store.Work{}, err
	}
	return workByID(ctx, tx, w.ID)
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
		query += ` AND w.state IN (` + placeholders(len(q.States)) + `)`
		for _, state := range q.States {
			args = append(args, string(state))
		}
	}
	return query + ` ORDER BY w.seq DESC LIMIT ? OFFSET ?`, append(args, q.Limit, q.Offset)
}

// placeholders returns ? for each of n arguments.
func placeholders(n int) string { return strings.Repeat(`?, `, n-1) + `?` }

func checkPage(limit, offset int) error {
	if limit < 0 || offset < 0 {
		return syncline.Errorf(syncline.CodeInvalid, "limit and offset must not be negative")
	}
	return nil
}

// UnendedWork implements store.Works.
func (s *Store) UnendedWork(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error) {
	return queryAll(ctx, s, "list the unended work", scanWork, selectUnended, string(kind))
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
	runs := 0
	return s.update(ctx, Write{Doing: "update work", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		runs++
		err := exec(ctx, tx, errNoRow, `UPDATE work SET state = ?1, progress = CASE WHEN progress > ?2 THEN progress ELSE ?2 END, error = ?3,
			started_at = ?4, ended_at = ?5, result = ?6 WHERE id = ?7 AND epoch = ?8 AND `+unended,
			string(w.State), w.Progress, w.Error, nanos(w.StartedAt), nanos(w.EndedAt), w.Result, string(w.ID), w.Epoch)
		if !errors.Is(err, errNoRow) {
			return err
		}
		found, err := workByID(ctx, tx, w.ID)
		if err != nil {
			return err
		}
		if runs > 1 && found.Epoch == w.Epoch && found.State == w.State && found.Result == w.Result && found.EndedAt.Equal(w.EndedAt) {
			return nil // by the run before, whose answer was lost
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
	err = s.update(ctx, Write{Doing: "request a stop", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) (err error) {
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
