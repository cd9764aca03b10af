package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/store"
)

// newWork is work of a kind, to be added.
func newWork(kind syncline.WorkKind, repository syncline.ID) store.Work {
	return store.Work{
		Work:  syncline.Work{ID: newID(), Kind: kind, RepositoryID: repository, CreatedAt: time.Now()},
		Alone: kind == syncline.WorkSynchronize, Lease: store.Lease{Owner: "node"},
	}
}

// withWork makes a store with a repository that has sessions and a restore job.
func withWork(t *testing.T, sessions int) (s *Store, repository syncline.ID) {
	t.Helper()
	s, repository = openTest(t, filepath.Join(t.TempDir(), "s.db")), newID()
	ctx := t.Context()
	err := s.AddRepository(ctx, syncline.Repository{ID: repository, Name: "one", Path: "/one", CreatedAt: time.Now()})
	if err == nil {
		_, _, err = s.AddWork(ctx, newWork(syncline.WorkRestore, repository))
	}
	for range sessions {
		var w store.Work
		if err == nil {
			w, _, err = s.AddWork(ctx, newWork(syncline.WorkSynchronize, repository))
		}
		if err == nil {
			err = s.AppendLog(ctx, w.ID, w.Epoch, syncline.LogItem{Time: time.Now(), Level: syncline.LogInfo, Message: "m"})
		}
		w.State, w.Progress = syncline.WorkSucceeded, 100
		if err == nil {
			err = s.UpdateWork(ctx, w)
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

// A repository with a long history goes in several transactions, between which
// others have their turn.
func TestDeletionHoldsUpNobody(t *testing.T) {
	needtest.Full(t, "time")
	s, repository := withWork(t, 3)
	s.spoil(t, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
		INSERT INTO work (id, kind, repository_seq, state) SELECT 'id' || i, 'synchronize', 1, 'failed' FROM n`)
	s.spoil(t, `WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
		INSERT INTO work_log (work_seq, seq, level, message) SELECT 2, i, 'Info', 'm' FROM n`)
	before := s.writes.Load()
	if err := s.DeleteRepository(t.Context(), repository); err != nil {
		t.Fatal(err)
	}
	if n := s.writes.Load() - before; n < 3000/200+5000/1000 {
		t.Errorf("it took %d transactions", n)
	}
	var left int
	err := s.read.QueryRow(`SELECT (SELECT count(*) FROM work) + (SELECT count(*) FROM work_log)`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
}

// A long log that is removed in parts can be read meanwhile: its pages neither repeat nor
// skip items.
func TestPagesOfALogThatIsRemoved(t *testing.T) {
	s, repository := withWork(t, 1)
	s.spoil(t, `WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 2 * 1000)
		INSERT INTO work_log (work_seq, seq, level, message) SELECT 2, i, 'Info', 'm' FROM n`)
	latest, err := s.LatestWork(t.Context(), syncline.WorkSynchronize)
	if err != nil || len(latest) != 1 {
		t.Fatal(latest, err)
	}
	if _, _, err := s.AddWork(t.Context(), newWork(syncline.WorkSynchronize, repository)); err != nil {
		t.Fatal(err)
	}
	more, err := s.Thin(t.Context(), store.Keep{Kind: syncline.WorkSynchronize, Newest: 1, PerRepository: true})
	if err != nil || !more {
		t.Fatal(more, err)
	}
	for offset := range 3 {
		items, total, err := s.Log(t.Context(), syncline.WorkSynchronize, latest[0].ID, 1, offset)
		if err != nil || len(items) != 1 || items[0].Seq != int64(offset)+1 || total != 2000-1000 {
			t.Errorf("offset %d: %+v of %d, %v", offset, items, total, err)
		}
	}
}

// TestUpgradeOfWork opens a database in which sessions and restore jobs had tables of
// their own: nothing of them is lost.
func TestUpgradeOfWork(t *testing.T) {
	s := openTest(t, writeOld(t, 5, `
		INSERT INTO repositories (id, name, name_key, description, path, retention_type, retention_period_type, retention_yearly, out_of_sync)
			VALUES ('r1', 'One', 'one', '', '/1', '', '', '', 0), ('r2', 'Two', 'two', '', '/2', '', '', '', 0);
		INSERT INTO sessions (seq, id, repository_seq, state, stop_requested, progress, error, created_at, started_at, ended_at, statistics) VALUES
			(3, 's3', 1, 'failed', 1, 40, 'why', 1000000003, 2000000003, 3000000003, '{"requests":7}'),
			(5, 's5', 2, 'succeeded', 0, 100, '', 1000000005, 2000000005, 3000000005, '{"requests":8}'),
			(9, 's9', 1, 'running', 0, 12, '', 1000000009, 2000000009, NULL, '{"requests":');
		INSERT INTO session_log (session_seq, seq, time, level, message) VALUES (3, 1, 5000000001, 'Info', 'a'), (3, 2, 5000000002, 'Error', 'b'), (9, 1, 5000000003, 'Info', 'c');
		INSERT INTO restore_jobs (seq, id, repository_seq, restore_point_id, snapshot_id, started_by, target_path, selection,
			state, stop_requested, progress, error, created_at, started_at, ended_at, statistics) VALUES
			(3, 'j3', 2, 'p', x'0700000000000000000000000000000000000000000000000000000000000000', 'ada', CAST(x'2f7372762ffe' AS TEXT),
				'{"paths":["L2H/"],"overwrite":"Never","sparse":true}', 'stopped', 1, 7, '', 1000000013, 2000000013, 3000000013, '{"files":3}'),
			(4, 'j4', 1, 'p', x'07', 'grace', '/t', 'damaged', 'queued', 0, 0, '', 1000000014, NULL, NULL, '{}');
		INSERT INTO restore_log (job_seq, seq, time, level, message) VALUES (3, 1, 6000000001, 'Warning', 'd'), (3, 2, 6000000002, 'Error', 'e')`))
	ctx := t.Context()
	at := func(nanos int64) time.Time { return time.Unix(0, nanos).UTC() }
	session := func(id, repository syncline.ID, seq int64, result string) store.Work {
		return store.Work{Alone: true, Result: result, Work: syncline.Work{
			ID: id, Kind: syncline.WorkSynchronize, RepositoryID: repository, CreatedAt: at(1000000000 + seq), StartedAt: at(2000000000 + seq), EndedAt: at(3000000000 + seq),
		}}
	}
	s3, s5, s9 := session("s3", "r1", 3, `{"requests":7}`), session("s5", "r2", 5, `{"requests":8}`), session("s9", "r1", 9, `{"requests":`)
	s3.State, s3.StopRequested, s3.Progress, s3.Error = syncline.WorkFailed, true, 40, "why"
	s5.State, s5.Progress = syncline.WorkSucceeded, 100
	s9.State, s9.Progress, s9.EndedAt = syncline.WorkRunning, 12, time.Time{}
	j3, j4 := session("j3", "r2", 13, `{"files":3}`), session("j4", "r1", 14, `{}`)
	j3.Kind, j3.Alone, j3.StartedBy, j3.State, j3.StopRequested, j3.Progress = syncline.WorkRestore, false, "ada", syncline.WorkStopped, true, 7
	j3.Order = `{"paths":["L2H/"],"overwrite":"Never","sparse":true,"restorePoint":"p","snapshot":"07` + strings.Repeat("0", 62) + `","target":"2f7372762ffe"}`
	j4.Kind, j4.Alone, j4.StartedBy, j4.State, j4.Order = syncline.WorkRestore, false, "grace", syncline.WorkQueued, "damaged"
	j4.StartedAt, j4.EndedAt = time.Time{}, time.Time{}
	for kind, want := range map[syncline.WorkKind][]store.Work{syncline.WorkSynchronize: {s9, s5, s3}, syncline.WorkRestore: {j4, j3}} {
		if got, err := s.WorkPage(ctx, store.WorkQuery{Kind: kind, Limit: 10}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", kind, got, err, want)
		}
	}
	for id, want := range map[syncline.ID]string{"s3": "a b ", "s5": "", "s9": "c ", "j3": "d e ", "j4": ""} {
		kind, log := syncline.WorkSynchronize, ""
		if id[0] == 'j' {
			kind = syncline.WorkRestore
		}
		items, total, err := s.Log(ctx, kind, id, 10, 0)
		for i, item := range items {
			if log += item.Message + " "; item.Seq != int64(i)+1 || item.Time.IsZero() || item.Level == "" {
				t.Errorf("%s: item %+v", id, item)
			}
		}
		if err != nil || log != want || total != len(items) {
			t.Errorf("%s: the log is %q of %d, %v", id, log, total, err)
		}
	}
	// The history goes on: one unended session a repository, and new work comes last.
	if got, added, err := s.AddWork(ctx, newWork(syncline.WorkSynchronize, "r1")); err != nil || added || got.ID != "s9" {
		t.Errorf("got %+v, %v, %v", got, added, err)
	}
	fresh, _, err := s.AddWork(ctx, newWork(syncline.WorkSynchronize, "r2"))
	if err != nil {
		t.Fatal(err)
	}
	if latest, err := s.LatestWork(ctx, syncline.WorkSynchronize); err != nil || len(latest) != 2 || latest[0].ID != fresh.ID || latest[1].ID != "s9" {
		t.Errorf("the latest are %+v, %v", latest, err)
	}
	if taken, err := s.TakeWork(ctx, store.Taking{Kind: syncline.WorkRestore, Owner: "node"}); err != nil || len(taken) != 1 || taken[0].ID != "j4" || taken[0].Epoch != 1 {
		t.Errorf("taken: %+v, %v", taken, err)
	}
	if err := s.DeleteRepository(ctx, "r1"); err != nil {
		t.Error(err)
	}
}
