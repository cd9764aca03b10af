package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// withRuns makes a store with a repository that has sessions and a restore job.
func withRuns(t *testing.T, sessions int) (s *Store, repository syncline.ID) {
	t.Helper()
	s, repository = openTest(t, filepath.Join(t.TempDir(), "s.db")), newID()
	ctx := t.Context()
	err := s.AddRepository(ctx, syncline.Repository{ID: repository, Name: "one", Path: "/one", CreatedAt: time.Now()})
	if err == nil {
		err = s.AddRestoreJob(ctx, syncline.RestoreJob{ID: newID(), RepositoryID: repository, TargetPath: "/t", CreatedAt: time.Now()})
	}
	for range sessions {
		var v syncline.Session
		if err == nil {
			v, _, err = s.StartSession(ctx, syncline.Session{ID: newID(), RepositoryID: repository, CreatedAt: time.Now()})
		}
		if err == nil {
			err = s.AppendLog(ctx, v.ID, syncline.LogItem{Time: time.Now(), Level: syncline.LogInfo, Message: "m"})
		}
		v.State, v.Progress = syncline.SessionSucceeded, 100
		if err == nil {
			err = s.UpdateSession(ctx, v)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, repository
}

func (s *Store) spoil(t *testing.T, statement string) {
	t.Helper()
	err := s.update(t.Context(), "spoil", func(ctx context.Context, conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx, statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// One row that cannot be read is shown as one that failed, and takes no other one
// with it.
func TestUnreadableRows(t *testing.T) {
	s, repository := withRuns(t, 3)
	ctx := t.Context()
	s.spoil(t, `UPDATE sessions SET statistics = '{"requests":' WHERE seq IN (2, 3)`)
	latest, err := s.LatestSessions(ctx)
	if err != nil || len(latest) != 1 || latest[0].State != syncline.SessionFailed || latest[0].Error != msgUnreadable || latest[0].Progress == 100 {
		t.Errorf("the latest sessions are %+v, %v", latest, err)
	}
	page, total, err := s.RepositorySessions(ctx, repository, 10, 0)
	if err != nil || total != 3 || len(page) != 3 || page[2].State != syncline.SessionSucceeded || page[1].State != syncline.SessionFailed {
		t.Errorf("the history is %+v, %v", page, err)
	}
	s.spoil(t, `UPDATE sessions SET state = 'running' WHERE seq = 3`)
	if left, err := s.UnendedSessions(ctx); err != nil || len(left) != 1 || left[0].State != syncline.SessionRunning {
		t.Errorf("the unended sessions are %+v, %v", left, err)
	}

	for _, statement := range []string{
		`UPDATE restore_jobs SET statistics = 'x', state = 'succeeded'`, `UPDATE restore_jobs SET selection = 'x', state = 'running'`,
		`UPDATE restore_jobs SET snapshot_id = x'00', selection = '{}'`,
	} {
		s.spoil(t, statement)
		list, err := s.RestoreJobs(ctx, "", 10, 0)
		if err != nil || len(list) != 1 || list[0].State != syncline.SessionFailed || list[0].Error != msgUnreadable {
			t.Errorf("%s: the jobs are %+v, %v", statement, list, err)
		}
	}
	left, err := s.UnendedRestoreJobs(ctx)
	if err != nil || len(left) != 1 || left[0].State != syncline.SessionFailed {
		t.Fatalf("the unended jobs are %+v, %v", left, err)
	}
	if err := s.UpdateRestoreJob(ctx, left[0]); err != nil {
		t.Error(err)
	}
	if left, err := s.UnendedRestoreJobs(ctx); err != nil || len(left) != 0 {
		t.Errorf("the job that cannot go on is unended: %+v, %v", left, err)
	}
}

// A repository with a long history goes in several transactions, between which
// others have their turn.
func TestDeletionHoldsUpNobody(t *testing.T) {
	s, repository := withRuns(t, 3)
	s.spoil(t, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
		INSERT INTO sessions (id, repository_seq, state) SELECT 'id' || i, 1, 'failed' FROM n`)
	s.spoil(t, `WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
		INSERT INTO session_log (session_seq, seq, level, message) SELECT 2, i, 'Info', 'm' FROM n`)
	before := s.writes.Load()
	if err := s.DeleteRepository(t.Context(), repository); err != nil {
		t.Fatal(err)
	}
	if n := s.writes.Load() - before; n < 3000/removeRuns+5000/removeRows {
		t.Errorf("it took %d transactions", n)
	}
	var left int
	err := s.read.QueryRow(`SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM session_log) + (SELECT count(*) FROM restore_jobs)`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
}
