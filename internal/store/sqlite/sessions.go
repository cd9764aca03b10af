package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"syncline.dev/syncline"
)

const (
	sessionColumns = `s.id, r.id, s.state, s.stop_requested, s.progress, s.error,
		s.created_at, s.started_at, s.ended_at, s.statistics`

	selectSession = `SELECT ` + sessionColumns + `
		FROM sessions s JOIN repositories r ON r.seq = s.repository_seq`

	// CROSS JOIN makes SQLite go by repository, one step into the index each,
	// where it would rather look at every session there ever was.
	selectLatest = `SELECT ` + sessionColumns + `
		FROM repositories r CROSS JOIN sessions s
		ON s.seq = (SELECT max(seq) FROM sessions WHERE repository_seq = r.seq)
		ORDER BY s.created_at DESC, s.seq DESC`

	// As in the index sessions_unended, so that it is used.
	unended = `state IN ('queued', 'running')`
)

func scanSession(r row) (v syncline.Session, err error) {
	var statistics []byte
	err = r.Scan(&v.ID, &v.RepositoryID, &v.State, &v.StopRequested, &v.Progress, &v.Error,
		instant{&v.CreatedAt}, instant{&v.StartedAt}, instant{&v.EndedAt}, &statistics)
	if err != nil {
		return v, err
	}
	if parses(statistics, &v.Statistics) && knownState(v.State) {
		return v, nil
	}
	// One row that cannot be read must not take the others with it. A session that
	// runs writes its statistics anew.
	v.Statistics = syncline.SessionStatistics{}
	if v.State != syncline.SessionQueued && v.State != syncline.SessionRunning {
		v.State, v.Error, v.Progress = syncline.SessionFailed, msgUnreadable, min(v.Progress, 99)
	}
	return v, nil
}

// msgUnreadable is the error of a session or job whose record is damaged.
const msgUnreadable = "the record of this is damaged in the server's database, so that it is not known how it ended; put a backup of the database in place, or go on without"

// parses reads JSON, and reports whether it could.
func parses(text []byte, to any) bool { return json.Unmarshal(text, to) == nil }

func knownState(state syncline.SessionState) bool {
	return state == syncline.SessionQueued || state == syncline.SessionRunning || state.Ended()
}

// StartSession implements store.Sessions. Of s it takes id, repository and
// CreatedAt.
func (s *Store) StartSession(ctx context.Context, v syncline.Session) (syncline.Session, bool, error) {
	var current syncline.Session
	started := false
	err := s.update(ctx, "start a session", func(ctx context.Context, conn *sql.Conn) (err error) {
		current, err = scanSession(conn.QueryRowContext(ctx,
			selectSession+` WHERE r.id = ? AND s.`+unended, string(v.RepositoryID)))
		if err == nil {
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		started = true
		err = exec(ctx, conn, notFound("repository", v.RepositoryID),
			`INSERT INTO sessions (id, repository_seq, state, created_at)
				SELECT ?, seq, ?, ? FROM repositories WHERE id = ?`,
			string(v.ID), string(syncline.SessionQueued), nanos(v.CreatedAt), string(v.RepositoryID))
		if isTaken(err) {
			return syncline.WrapError(syncline.CodeConflict, err, "there is a session %q already", v.ID)
		}
		if err != nil {
			return err
		}
		current, err = sessionByID(ctx, conn, v.ID)
		return err
	})
	if err != nil {
		return syncline.Session{}, false, err
	}
	return current, started, nil
}

func sessionByID(ctx context.Context, q querier, id syncline.ID) (syncline.Session, error) {
	v, err := scanSession(q.QueryRowContext(ctx, selectSession+` WHERE s.id = ?`, string(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return v, notFound("session", id)
	}
	return v, err
}

// Session implements store.Sessions.
func (s *Store) Session(ctx context.Context, id syncline.ID) (syncline.Session, error) {
	return queryOne(ctx, s, "read a session", notFound("session", id), scanSession,
		selectSession+` WHERE s.id = ?`, string(id))
}

// LatestSessions implements store.Sessions. A repository's unended session is
// always the one that started last, so one step into an index finds either.
func (s *Store) LatestSessions(ctx context.Context) ([]syncline.Session, error) {
	if _, err := s.reader(); err != nil {
		return nil, err
	}
	return s.latest.get(&s.writes, func() ([]syncline.Session, error) {
		return queryAll(ctx, s, "list the latest sessions", scanSession, selectLatest)
	})
}

// RepositorySessions implements store.Sessions. An unknown repository is
// CodeNotFound, a negative limit or offset CodeInvalid.
func (s *Store) RepositorySessions(ctx context.Context, repo syncline.ID, limit, offset int) ([]syncline.Session, int, error) {
	const doing = "list a repository's sessions"
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
	err = tx.QueryRowContext(ctx, `SELECT seq, (SELECT count(*) FROM sessions WHERE repository_seq = r.seq)
		FROM repositories r WHERE id = ?`, string(repo)).Scan(&seq, &total)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, notFound("repository", repo)
	}
	if err != nil {
		return nil, 0, s.translate(err, doing)
	}
	page, err := scanAll(ctx, tx, scanSession, selectSession+`
		WHERE s.repository_seq = ? ORDER BY s.seq DESC LIMIT ? OFFSET ?`, seq, limit, offset)
	return page, total, s.translate(err, doing)
}

// UnendedSessions implements store.Sessions.
func (s *Store) UnendedSessions(ctx context.Context) ([]syncline.Session, error) {
	return queryAll(ctx, s, "list the unended sessions", scanSession,
		selectSession+` WHERE s.`+unended+` ORDER BY s.seq`)
}

// UpdateSession implements store.Sessions. A state that is none, or a progress
// outside 0 to 100, is CodeInvalid.
func (s *Store) UpdateSession(ctx context.Context, v syncline.Session) error {
	if err := checkProgress(v.State, v.Progress); err != nil {
		return err
	}
	statistics, err := json.Marshal(v.Statistics)
	if err != nil {
		return syncline.WrapError(syncline.CodeInternal, err, "")
	}
	return s.update(ctx, "update a session", func(ctx context.Context, conn *sql.Conn) error {
		err := exec(ctx, conn, errNoRow, `UPDATE sessions SET state = ?, progress = max(progress, ?),
			error = ?, started_at = ?, ended_at = ?, statistics = ? WHERE id = ? AND `+unended,
			string(v.State), v.Progress, v.Error, nanos(v.StartedAt), nanos(v.EndedAt), string(statistics), string(v.ID))
		if !errors.Is(err, errNoRow) {
			return err
		}
		found, err := sessionByID(ctx, conn, v.ID)
		if err != nil {
			return err
		}
		return syncline.Errorf(syncline.CodeConflict, "the session has already ended (%s) and can no longer change", found.State)
	})
}

// errNoRow stands in where the reason for "no row" is yet to be found.
var errNoRow = errors.New("no row")

func checkProgress(state syncline.SessionState, percent int) error {
	if !knownState(state) {
		return syncline.Errorf(syncline.CodeInvalid, "%q is no state of a session or a job", state)
	}
	if percent < 0 || percent > 100 {
		return syncline.Errorf(syncline.CodeInvalid, "a progress of %d percent is out of range (0 to 100)", percent)
	}
	return nil
}

// RequestStop implements store.Sessions.
func (s *Store) RequestStop(ctx context.Context, id syncline.ID) (syncline.Session, error) {
	var v syncline.Session
	err := s.update(ctx, "request a stop", func(ctx context.Context, conn *sql.Conn) (err error) {
		_, err = conn.ExecContext(ctx, `UPDATE sessions SET stop_requested = 1 WHERE id = ? AND `+unended, string(id))
		if err != nil {
			return err
		}
		v, err = sessionByID(ctx, conn, id)
		return err
	})
	if err != nil {
		return syncline.Session{}, err
	}
	return v, nil
}

// AppendLog implements store.Sessions. An ended session still takes items.
func (s *Store) AppendLog(ctx context.Context, session syncline.ID, items ...syncline.LogItem) error {
	return s.update(ctx, "append to a session's log", func(ctx context.Context, conn *sql.Conn) error {
		if s.spent {
			return errSpent
		}
		var seq, last int64
		err := conn.QueryRowContext(ctx, `SELECT seq, (SELECT coalesce(max(l.seq), 0) FROM session_log l
			WHERE l.session_seq = sessions.seq) FROM sessions WHERE id = ?`, string(session)).Scan(&seq, &last)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("session", session)
		}
		if err != nil {
			return err
		}
		for i, item := range items {
			_, err := conn.ExecContext(ctx,
				`INSERT INTO session_log (session_seq, seq, time, level, message) VALUES (?, ?, ?, ?, ?)`,
				seq, last+int64(i)+1, nanos(item.Time), string(item.Level), item.Message)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Log implements store.Sessions. A negative limit or offset is CodeInvalid.
func (s *Store) Log(ctx context.Context, session syncline.ID, limit, offset int) ([]syncline.LogItem, int, error) {
	return s.logPage(ctx, ofSessions, notFound("session", session), session, limit, offset)
}

func scanLogItem(r row) (v syncline.LogItem, err error) {
	err = r.Scan(&v.Seq, instant{&v.Time}, &v.Level, &v.Message)
	return v, err
}
