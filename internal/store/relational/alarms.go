package relational

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// alarmColumns are what scanAlarm reads.
const alarmColumns = `a.id, a.kind, coalesce(r.id, ''), a.subject, a.severity, a.peak, a.host_name, a.paths, a.message, a.link,
	a.started_at, a.ended_at, a.reopened, a.acknowledged_by, a.acknowledged_at, a.note, a.silenced_until`

const selectAlarm = `SELECT ` + alarmColumns + ` FROM alarms a LEFT JOIN repositories r ON r.seq = a.repository_seq`

func scanAlarm(r Row) (a syncline.Alarm, err error) {
	err = r.Scan(alarmFields(&a)...)
	return a, err
}

func alarmFields(a *syncline.Alarm) []any {
	return []any{
		&a.ID, &a.Kind, &a.RepositoryID, &a.Subject, &a.Severity, &a.Peak, &a.HostName,
		textList{&a.Paths},
		&a.Message, &a.Link,
		instant{&a.StartedAt},
		instant{&a.EndedAt},
		&a.Reopened, &a.AcknowledgedBy,
		instant{&a.AcknowledgedAt},
		&a.Note,
		instant{&a.SilencedUntil},
	}
}

// matchAlarms is true for the alarms of a filter, whose fields are its arguments.
const matchAlarms = ` WHERE (?1 = '' OR ?1 = 'Open' AND a.ended_at IS NULL OR ?1 = 'Ended' AND a.ended_at IS NOT NULL)
	AND (?2 = '' OR r.id = ?2) AND (?3 = '' OR a.kind = ?3)`

// Alarms implements store.Alarms.
func (s *Store) Alarms(ctx context.Context, f syncline.AlarmFilter, limit, offset int) ([]syncline.Alarm, int, error) {
	match := []any{string(f.State), string(f.RepositoryID), string(f.Kind)}
	total, err := queryOne(ctx, s, "count alarms", nil, scanNumber,
		`SELECT count(*) FROM alarms a LEFT JOIN repositories r ON r.seq = a.repository_seq`+matchAlarms, match...)
	if err != nil {
		return nil, 0, err
	}
	page, err := queryAll(ctx, s, "list alarms", scanAlarm,
		selectAlarm+matchAlarms+` ORDER BY a.seq DESC LIMIT ?4 OFFSET ?5`, append(match, limit, offset)...)
	return page, int(total), err
}

// Alarm implements store.Alarms.
func (s *Store) Alarm(ctx context.Context, id syncline.ID) (syncline.Alarm, error) {
	return queryOne(ctx, s, "read an alarm", notFound("alarm", id), scanAlarm, selectAlarm+` WHERE a.id = ?`, string(id))
}

// AlarmsOf implements store.Alarms.
func (s *Store) AlarmsOf(ctx context.Context, kind syncline.AlarmKind, repository syncline.ID, endedAfter time.Time) ([]syncline.Alarm, error) {
	return queryAll(ctx, s, "list the alarms of a repository", scanAlarm, selectAlarm+` WHERE a.kind = ?1
		AND a.repository_seq IS NOT DISTINCT FROM (SELECT seq FROM repositories WHERE id = ?2)
		AND (a.repository_seq IS NOT NULL OR ?2 = '') AND (a.ended_at IS NULL OR a.ended_at > ?3) ORDER BY a.seq`,
		string(kind), string(repository), endedAfter.UnixNano())
}

// ChangeAlarms implements store.Alarms.
func (s *Store) ChangeAlarms(ctx context.Context, at time.Time, changes []store.AlarmChange) error {
	return s.update(ctx, Write{Doing: "change alarms", Area: AreaAlarms}, func(ctx context.Context, tx Tx) error {
		for i := range changes {
			if err := s.changeAlarm(ctx, tx, at, &changes[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) changeAlarm(ctx context.Context, tx Tx, at time.Time, c *store.AlarmChange) error {
	err := s.mayBegin(ctx, tx, &c.Alarm)
	if err != nil {
		return err
	}
	if c.New {
		err = s.insertAlarm(ctx, tx, &c.Alarm)
	} else {
		err = updateAlarm(ctx, tx, c)
	}
	if err != nil {
		return err
	}
	if !c.TakeBack.IsZero() {
		if _, err := tx.Exec(ctx, `DELETE FROM alarm_events WHERE tell_at > ?
			AND alarm_seq = (SELECT seq FROM alarms WHERE id = ?)`, c.TakeBack.UnixNano(), string(c.Alarm.ID)); err != nil {
			return err
		}
	}
	if c.Event == "" {
		return nil
	}
	_, err = tx.Exec(ctx, `INSERT INTO alarm_events (alarm_seq, event, at, tell_at)
		SELECT seq, ?, ?, ? FROM alarms WHERE id = ?`, string(c.Event), at.UnixNano(), c.TellAt.UnixNano(), string(c.Alarm.ID))
	return err
}

// mayBegin fails for an open alarm of a repository that a hold says is being removed: its
// end would be told to nobody.
func (s *Store) mayBegin(ctx context.Context, tx Tx, a *syncline.Alarm) error {
	if a.RepositoryID == "" || !a.Open() {
		return nil
	}
	var leaves bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM work_holds h JOIN repositories r ON r.seq = h.repository_seq
		WHERE r.id = ? AND h.kind = '' AND h.until > `+s.dialect.Now+`)`, string(a.RepositoryID)).Scan(&leaves)
	if err == nil && leaves {
		err = notFound("repository", a.RepositoryID)
	}
	return err
}

func (s *Store) insertAlarm(ctx context.Context, tx Tx, a *syncline.Alarm) error {
	var repository any
	if a.RepositoryID != "" {
		var seq int64
		err := tx.QueryRow(ctx, `SELECT seq FROM repositories WHERE id = ?`+s.dialect.KeepRow, string(a.RepositoryID)).Scan(&seq)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("repository", a.RepositoryID)
		}
		if err != nil {
			return err
		}
		repository = seq
	}
	_, err := tx.Exec(ctx, `INSERT INTO alarms (id, kind, repository_seq, subject, severity, peak, host_name, paths, message, link,
		started_at, ended_at, reopened, acknowledged_by, acknowledged_at, note, silenced_until)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(a.ID), string(a.Kind), repository, a.Subject, string(a.Severity), string(a.Peak), a.HostName, textsJSON(a.Paths), a.Message, a.Link,
		nanos(a.StartedAt), nanos(a.EndedAt), a.Reopened, a.AcknowledgedBy, nanos(a.AcknowledgedAt), a.Note, nanos(a.SilencedUntil))
	return alarmError(err, a)
}

func updateAlarm(ctx context.Context, tx Tx, c *store.AlarmChange) error {
	a, was := &c.Alarm, &c.Was
	statement := `UPDATE alarms SET severity = ?, peak = ?, host_name = ?, paths = ?,
		message = ?, link = ?, ended_at = ?, reopened = ? WHERE id = ?`
	args := []any{
		string(a.Severity), string(a.Peak), a.HostName, textsJSON(a.Paths), a.Message, a.Link, nanos(a.EndedAt), a.Reopened, string(a.ID),
	}
	if was.ID != "" {
		statement += ` AND ended_at IS NOT DISTINCT FROM ? AND reopened = ? AND peak = ?`
		args = append(args, nanos(was.EndedAt), was.Reopened, string(was.Peak))
	}
	n, err := tx.Exec(ctx, statement, args...)
	if err != nil || n > 0 {
		return alarmError(err, a)
	}
	var there int
	err = tx.QueryRow(ctx, `SELECT 1 FROM alarms WHERE id = ?`, string(a.ID)).Scan(&there)
	if errors.Is(err, sql.ErrNoRows) {
		return notFound("alarm", a.ID)
	}
	if err != nil {
		return err
	}
	return syncline.Errorf(syncline.CodeConflict, "the alarm %s has changed meanwhile; look at it again", a.ID)
}

func alarmError(err error, a *syncline.Alarm) error {
	if errors.Is(err, ErrTaken) {
		return syncline.WrapError(syncline.CodeConflict, err, "there is an open alarm of the kind %s for this condition already", a.Kind)
	}
	return err
}

// AcknowledgeAlarm implements store.Alarms.
func (s *Store) AcknowledgeAlarm(ctx context.Context, id syncline.ID, by string, at time.Time, note *string) (syncline.Alarm, error) {
	return s.handleAlarm(ctx, "acknowledge an alarm", id, func(ctx context.Context, tx Tx, _ *syncline.Alarm) error {
		return exec(ctx, tx, notFound("alarm", id), `UPDATE alarms SET acknowledged_by = ?, acknowledged_at = ?,
			note = coalesce(?, note) WHERE id = ?`, by, nanos(at), text(note), string(id))
	})
}

// SilenceAlarm implements store.Alarms.
func (s *Store) SilenceAlarm(ctx context.Context, id syncline.ID, until time.Time, note *string) (syncline.Alarm, error) {
	return s.handleAlarm(ctx, "silence an alarm", id, func(ctx context.Context, tx Tx, a *syncline.Alarm) error {
		if !a.Open() {
			return syncline.Errorf(syncline.CodeConflict, "the alarm has ended, so there is nothing to silence; list the open ones")
		}
		return exec(ctx, tx, notFound("alarm", id), `UPDATE alarms SET silenced_until = ?, note = coalesce(?, note) WHERE id = ?`,
			nanos(until), text(note), string(id))
	})
}

// handleAlarm changes an alarm and returns it as it is then.
func (s *Store) handleAlarm(ctx context.Context, doing string, id syncline.ID, change func(context.Context, Tx, *syncline.Alarm) error) (a syncline.Alarm, err error) {
	err = s.update(ctx, Write{Doing: doing, Area: AreaAlarms}, func(ctx context.Context, tx Tx) error {
		read := func() (err error) {
			a, err = scanAlarm(tx.QueryRow(ctx, selectAlarm+` WHERE a.id = ?`, string(id)))
			if errors.Is(err, sql.ErrNoRows) {
				return notFound("alarm", id)
			}
			return err
		}
		if err := read(); err != nil {
			return err
		}
		if err := change(ctx, tx, &a); err != nil {
			return err
		}
		return read()
	})
	if err != nil {
		return syncline.Alarm{}, err
	}
	return a, nil
}

// text is a text that may be missing: NULL for none.
func text(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

// CountAlarms implements store.Alarms.
func (s *Store) CountAlarms(ctx context.Context) ([]syncline.AlarmCount, error) {
	return queryAll(ctx, s, "count alarms", func(r Row) (c syncline.AlarmCount, err error) {
		err = r.Scan(&c.Kind, &c.Severity, &c.Open)
		return c, err
	}, `SELECT kind, severity, count(*) FROM alarms WHERE ended_at IS NULL GROUP BY kind, severity ORDER BY kind, severity`)
}

// ThinAlarms implements store.Alarms.
func (s *Store) ThinAlarms(ctx context.Context, endedBefore time.Time, keep int) (more bool, err error) {
	const old = `seq IN (SELECT seq FROM (
			SELECT seq, ended_at, row_number() OVER (ORDER BY ended_at DESC, seq DESC) AS place FROM alarms WHERE ended_at IS NOT NULL) AS ended
		WHERE (ended_at < ? OR place > ?) AND seq NOT IN (SELECT alarm_seq FROM alarm_events) ORDER BY ended_at LIMIT ?)`
	err = s.update(ctx, Write{Doing: "remove old alarms", Area: AreaAlarms}, func(ctx context.Context, tx Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM alarms WHERE `+old, endedBefore.UnixNano(), keep, removeRows)
		more = n == removeRows
		return err
	})
	return more && err == nil, err
}

// PendingEvents implements store.AlarmEvents.
func (s *Store) PendingEvents(ctx context.Context, limit int) ([]store.PendingEvent, error) {
	return s.pendingEvents(ctx, `ORDER BY e.seq LIMIT ?`, limit)
}

// PendingEventsOf implements store.AlarmEvents.
func (s *Store) PendingEventsOf(ctx context.Context, repository syncline.ID, limit int) ([]store.PendingEvent, error) {
	return s.pendingEvents(ctx, `WHERE r.id = ? ORDER BY e.seq LIMIT ?`, string(repository), limit)
}

func (s *Store) pendingEvents(ctx context.Context, which string, args ...any) ([]store.PendingEvent, error) {
	return queryAll(ctx, s, "list what is yet to be told", func(r Row) (e store.PendingEvent, err error) {
		err = r.Scan(append([]any{&e.Seq, &e.Event, instant{&e.At}, instant{&e.TellAt}}, alarmFields(&e.Alarm)...)...)
		return e, err
	}, `SELECT e.seq, e.event, e.at, e.tell_at, `+alarmColumns+` FROM alarm_events e JOIN alarms a ON a.seq = e.alarm_seq
		LEFT JOIN repositories r ON r.seq = a.repository_seq `+which, args...)
}
