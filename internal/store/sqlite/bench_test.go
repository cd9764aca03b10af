package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// A large installation: 200 repositories with 1,000 sessions each.
const (
	benchRepositories = 200
	benchSessions     = 1000
)

const statistics = `{"requests":120,"requestsByKind":{"list snapshots":1,"list indexes":1,"get index":8,"get data":110},"bytesFetched":181000000,"bytesPlanned":181000000,"retries":0,"snapshotsTotal":10,"snapshotsAdded":1,"snapshotsRemoved":0,"indexesRead":8,"treesAdded":49710,"entriesAdded":490000,"damaged":0}`

func fillBench(b *testing.B, s *Store) []store.Work {
	b.Helper()
	running := make([]store.Work, benchRepositories)
	err := s.update(b.Context(), "fill", func(ctx context.Context, conn *sql.Conn) error {
		for i := range benchRepositories {
			repo := newID()
			if _, err := conn.ExecContext(ctx, `INSERT INTO repositories (id, name, name_key, description, path,
				retention_type, retention_period_type, retention_yearly, out_of_sync, created_at)
				VALUES (?, ?, ?, '', '/', '', '', '', 0, 1)`, repo, fmt.Sprint(i), fmt.Sprint(i)); err != nil {
				return err
			}
			if _, err := conn.ExecContext(ctx, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
				INSERT INTO work (id, kind, repository_seq, state, progress, created_at, started_at, ended_at, result)
				SELECT lower(hex(randomblob(18))), 'synchronize', (SELECT seq FROM repositories WHERE id = ?), 'succeeded', 100, i, i, i, ? FROM n`,
				benchSessions-1, repo, statistics); err != nil {
				return err
			}
			running[i] = newWork(syncline.WorkSynchronize, repo)
		}
		return nil
	})
	for i := range running {
		if err == nil {
			running[i].CreatedAt = time.Unix(int64(i), 0)
			running[i], _, err = s.AddWork(b.Context(), running[i])
			running[i].State = syncline.WorkRunning
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	return running
}

// BenchmarkLatestWork reads alone, and while forty sessions report their
// progress four times a second.
func BenchmarkLatestWork(b *testing.B) {
	s := openTest(b, filepath.Join(b.TempDir(), "s.db"))
	running := fillBench(b, s)
	for _, writers := range []int{0, 40} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			stop := writeAlong(b, s, running[:writers])
			var took []time.Duration
			for b.Loop() {
				begin := time.Now()
				list, err := s.LatestWork(b.Context(), syncline.WorkSynchronize)
				if err != nil || len(list) != benchRepositories {
					b.Fatal(len(list), err)
				}
				took = append(took, time.Since(begin))
			}
			stop()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// writeAlong reports each session's progress four times a second until stop.
func writeAlong(b *testing.B, s *Store, sessions []store.Work) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	var all sync.WaitGroup
	for _, v := range sessions {
		all.Go(func() {
			tick := time.NewTicker(250 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				v.Result = statistics
				if err := s.UpdateWork(context.Background(), v); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

func BenchmarkUpdateWork(b *testing.B) {
	s := openTest(b, filepath.Join(b.TempDir(), "s.db"))
	running := fillBench(b, s)
	for _, writers := range []int{1, 40} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			work := make(chan struct{})
			var all sync.WaitGroup
			for _, v := range running[:writers] {
				all.Go(func() {
					for range work {
						v.Result = statistics
						if err := s.UpdateWork(b.Context(), v); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			all.Wait()
		})
	}
}
