package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"syncline.dev/syncline"
)

const (
	restoreJobColumns = `j.id, r.id, j.restore_point_id, j.snapshot_id, j.started_by, j.target_path, j.selection,
		j.state, j.stop_requested, j.progress, j.error, j.created_at, j.started_at, j.ended_at, j.statistics`

	selectRestoreJob = `SELECT ` + restoreJobColumns + `
		FROM restore_jobs j JOIN repositories r ON r.seq = j.repository_seq`
)

// storedSelection is how a job's selection is kept.
type storedSelection struct {
	Paths     [][]byte                  `json:"paths,omitempty"`
	Include   [][]byte                  `json:"include,omitempty"`
	Exclude   [][]byte                  `json:"exclude,omitempty"`
	Overwrite syncline.RestoreOverwrite `json:"overwrite"`
	Sparse    bool                      `json:"sparse,omitempty"`
	Verify    bool                      `json:"verify,omitempty"`
}

// convert changes the type of every element; nil stays nil.
func convert[To, From string | []byte](all []From) []To {
	if all == nil {
		return nil
	}
	converted := make([]To, len(all))
	for i, v := range all {
		converted[i] = To(v)
	}
	return converted
}

func storeSelection(s syncline.RestoreSelection) (string, error) {
	text, err := json.Marshal(storedSelection{
		convert[[]byte](s.Paths), convert[[]byte](s.Include), convert[[]byte](s.Exclude), s.Overwrite, s.Sparse, s.Verify,
	})
	if err != nil {
		return "", syncline.WrapError(syncline.CodeInternal, err, "")
	}
	return string(text), nil
}

func scanRestoreJob(r row) (v syncline.RestoreJob, err error) {
	var snapshot, selection, statistics []byte
	err = r.Scan(&v.ID, &v.RepositoryID, &v.RestorePointID, &snapshot, &v.StartedBy, &v.TargetPath, &selection,
		&v.State, &v.StopRequested, &v.Progress, &v.Error,
		instant{&v.CreatedAt}, instant{&v.StartedAt}, instant{&v.EndedAt}, &statistics)
	if err != nil {
		return v, err
	}
	var s storedSelection
	if !parses(selection, &s) || copy(v.SnapshotID[:], snapshot) != len(v.SnapshotID) || !knownState(v.State) {
		// Nobody knows what it was to restore, so it cannot go on.
		v.State, v.Error, v.Progress = syncline.SessionFailed, msgUnreadable, min(v.Progress, 99)
		return v, nil
	}
	if !parses(statistics, &v.Statistics) {
		v.Statistics = syncline.RestoreStatistics{} // a job that runs writes them anew
		if v.State.Ended() {
			v.State, v.Error, v.Progress = syncline.SessionFailed, msgUnreadable, min(v.Progress, 99)
		}
	}
	v.RestoreSelection = syncline.RestoreSelection{
		Paths: convert[string](s.Paths), Include: convert[string](s.Include), Exclude: convert[string](s.Exclude),
		Overwrite: s.Overwrite, Sparse: s.Sparse, Verify: s.Verify,
	}
	return v, nil
}

// AddRestoreJob implements store.RestoreJobs.
func (s *Store) AddRestoreJob(ctx context.Context, v syncline.RestoreJob) error {
	selection, err := storeSelection(v.RestoreSelection)
	if err != nil {
		return err
	}
	return s.update(ctx, "add a restore job", func(ctx context.Context, conn *sql.Conn) error {
		err := exec(ctx, conn, notFound("repository", v.RepositoryID),
			`INSERT INTO restore_jobs (id, repository_seq, restore_point_id, snapshot_id, started_by, target_path, selection, state, created_at)
				SELECT ?, seq, ?, ?, ?, ?, ?, ?, ? FROM repositories WHERE id = ?`,
			string(v.ID), string(v.RestorePointID), v.SnapshotID[:], v.StartedBy, v.TargetPath, selection,
			string(syncline.SessionQueued), nanos(v.CreatedAt), string(v.RepositoryID))
		if isTaken(err) {
			return syncline.WrapError(syncline.CodeConflict, err, "there is a restore job %q already", v.ID)
		}
		return err
	})
}

// RestoreJob implements store.RestoreJobs.
func (s *Store) RestoreJob(ctx context.Context, id syncline.ID) (syncline.RestoreJob, error) {
	return queryOne(ctx, s, "read a restore job", notFound("restore job", id), scanRestoreJob,
		selectRestoreJob+` WHERE j.id = ?`, string(id))
}

func restoreJobByID(ctx context.Context, q querier, id syncline.ID) (syncline.RestoreJob, error) {
	v, err := scanRestoreJob(q.QueryRowContext(ctx, selectRestoreJob+` WHERE j.id = ?`, string(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return v, notFound("restore job", id)
	}
	return v, err
}

// RestoreJobs implements store.RestoreJobs. A negative limit or offset is
// CodeInvalid.
func (s *Store) RestoreJobs(ctx context.Context, startedBy string, limit, offset int) ([]syncline.RestoreJob, error) {
	if limit < 0 || offset < 0 {
		return nil, syncline.Errorf(syncline.CodeInvalid, "limit and offset must not be negative")
	}
	return queryAll(ctx, s, "list the restore jobs", scanRestoreJob,
		selectRestoreJob+` WHERE ?1 = '' OR j.started_by = ?1 ORDER BY j.seq DESC LIMIT ?2 OFFSET ?3`, startedBy, limit, offset)
}

// UnendedRestoreJobs implements store.RestoreJobs.
func (s *Store) UnendedRestoreJobs(ctx context.Context) ([]syncline.RestoreJob, error) {
	return queryAll(ctx, s, "list the unended restore jobs", scanRestoreJob,
		selectRestoreJob+` WHERE j.`+unended+` ORDER BY j.seq`)
}

// UpdateRestoreJob implements store.RestoreJobs. A state that is none, or a
// progress outside 0 to 100, is CodeInvalid.
func (s *Store) UpdateRestoreJob(ctx context.Context, v syncline.RestoreJob) error {
	if err := checkProgress(v.State, v.Progress); err != nil {
		return err
	}
	statistics, err := json.Marshal(v.Statistics)
	if err != nil {
		return syncline.WrapError(syncline.CodeInternal, err, "")
	}
	return s.update(ctx, "update a restore job", func(ctx context.Context, conn *sql.Conn) error {
		err := exec(ctx, conn, errNoRow, `UPDATE restore_jobs SET state = ?, progress = max(progress, ?),
			error = ?, started_at = ?, ended_at = ?, statistics = ? WHERE id = ? AND `+unended,
			string(v.State), v.Progress, v.Error, nanos(v.StartedAt), nanos(v.EndedAt), string(statistics), string(v.ID))
		if !errors.Is(err, errNoRow) {
			return err
		}
		found, err := restoreJobByID(ctx, conn, v.ID)
		if err != nil {
			return err
		}
		return syncline.Errorf(syncline.CodeConflict, "the restore job has already ended (%s) and can no longer change", found.State)
	})
}

// RequestRestoreStop implements store.RestoreJobs.
func (s *Store) RequestRestoreStop(ctx context.Context, id syncline.ID) (v syncline.RestoreJob, err error) {
	err = s.update(ctx, "request a stop", func(ctx context.Context, conn *sql.Conn) (err error) {
		_, err = conn.ExecContext(ctx, `UPDATE restore_jobs SET stop_requested = 1 WHERE id = ? AND `+unended, string(id))
		if err != nil {
			return err
		}
		v, err = restoreJobByID(ctx, conn, id)
		return err
	})
	if err != nil {
		return syncline.RestoreJob{}, err
	}
	return v, nil
}

// AppendRestoreLog implements store.RestoreJobs. An ended job still takes
// items.
func (s *Store) AppendRestoreLog(ctx context.Context, job syncline.ID, items ...syncline.LogItem) error {
	return s.update(ctx, "append to a restore job's log", func(ctx context.Context, conn *sql.Conn) error {
		if s.spent {
			return errSpent
		}
		var seq, last int64
		err := conn.QueryRowContext(ctx, `SELECT seq, (SELECT coalesce(max(l.seq), 0) FROM restore_log l
			WHERE l.job_seq = restore_jobs.seq) FROM restore_jobs WHERE id = ?`, string(job)).Scan(&seq, &last)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("restore job", job)
		}
		if err != nil {
			return err
		}
		for i, item := range items {
			_, err := conn.ExecContext(ctx,
				`INSERT INTO restore_log (job_seq, seq, time, level, message) VALUES (?, ?, ?, ?, ?)`,
				seq, last+int64(i)+1, nanos(item.Time), string(item.Level), item.Message)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// RestoreLog implements store.RestoreJobs. A negative limit or offset is
// CodeInvalid.
func (s *Store) RestoreLog(ctx context.Context, job syncline.ID, limit, offset int) ([]syncline.LogItem, int, error) {
	return s.logPage(ctx, ofJobs, notFound("restore job", job), job, limit, offset)
}
