package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/store"
)

// heldRepository adds a repository, and holds it.
func heldRepository(t *testing.T, s *Store, name string) (syncline.Repository, store.Hold) {
	t.Helper()
	r := syncline.Repository{ID: syncline.ID(uuid.NewString()), Name: name, Path: "/" + name, CreatedAt: time.Unix(1, 0)}
	h := store.Hold{ID: syncline.ID(uuid.NewString()), RepositoryID: r.ID}
	if err := s.AddRepository(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := s.HoldWork(t.Context(), h, time.Hour); err != nil {
		t.Fatal(err)
	}
	return r, h
}

// inTheWay opens a transaction that runs a statement, and returns its end.
func inTheWay(t *testing.T, url, statement string, args ...any) (end func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err == nil {
		t.Cleanup(func() { conn.Close(context.Background()) })
		_, err = conn.Exec(t.Context(), "BEGIN")
	}
	if err == nil {
		_, err = conn.Exec(t.Context(), statement, args...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
	}
}

// waiting is closed when so many transactions wait for locks of others.
func waiting(t *testing.T, s *Store, many int) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		look := time.NewTicker(20 * time.Millisecond)
		defer look.Stop()
		for n := 0; ; {
			err := s.pool.Conns().QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
				WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0`).Scan(&n)
			if err != nil {
				return
			}
			if n >= many {
				close(done)
				return
			}
			<-look.C
		}
	}()
	return done
}

// TestHoldLastsBesideADeletion renews the hold of a deletion that waits for others.
func TestHoldLastsBesideADeletion(t *testing.T) {
	url := pgtest.New(t)
	s := openTest(t, url)
	r, h := heldRepository(t, s, "r")
	end := inTheWay(t, url, `SELECT 1 FROM syncline.repositories WHERE id = $1 FOR KEY SHARE`, string(r.ID))
	deleted := make(chan error, 1)
	go func() { deleted <- s.DeleteRepository(store.WithHold(t.Context(), h), r.ID) }()
	select {
	case <-waiting(t, s, 1):
	case err := <-deleted:
		t.Fatal("the deletion does not wait:", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // less than the deletion may wait
	defer cancel()
	if err := s.RenewHold(ctx, h.ID, time.Hour); err != nil {
		t.Errorf("beside the deletion the hold cannot go on: %v", err)
	}
	end()
	if err := <-deleted; err != nil {
		t.Error(err)
	}
}

// TestNoWorkBesideAHeldWrite has the hold of a write run out while the write waits for
// others: nobody takes or adds work of the repository until the write has ended.
func TestNoWorkBesideAHeldWrite(t *testing.T) {
	url := pgtest.New(t)
	s := openTest(t, url)
	key := syncline.EncryptionKey{ID: syncline.ID(uuid.NewString()), CreatedAt: time.Unix(1, 0)}
	if err := s.AddKey(t.Context(), key, []byte("sealed")); err != nil {
		t.Fatal(err)
	}
	r := syncline.Repository{ID: syncline.ID(uuid.NewString()), Name: "r", Path: "/r", CreatedAt: time.Unix(1, 0)}
	if err := s.AddRepository(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	add := func(ctx context.Context) error {
		_, _, err := s.AddWork(ctx, store.Work{Work: syncline.Work{ID: syncline.ID(uuid.NewString()), Kind: syncline.WorkSynchronize, RepositoryID: r.ID, State: syncline.WorkQueued}})
		return err
	}
	if err := add(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := store.Hold{ID: syncline.ID(uuid.NewString()), RepositoryID: r.ID, Kind: syncline.WorkSynchronize}
	if err := s.HoldWork(t.Context(), h, time.Hour); err != nil {
		t.Fatal(err)
	}
	end := inTheWay(t, url, `UPDATE syncline.encryption_keys SET description = 'late' WHERE id = $1`, string(key.ID))
	changed := make(chan error, 1)
	go func() { // a write that itself locks no row of the repository and of its work
		changed <- s.UpdateKey(store.WithHold(t.Context(), h), key, nil)
	}()
	select {
	case <-waiting(t, s, 1):
	case err := <-changed:
		t.Fatal("the change does not wait:", err)
	}
	psql(t, url, `UPDATE syncline.work_holds SET until = 0 WHERE id = $1`, string(h.ID))
	take := store.Taking{Kind: syncline.WorkSynchronize, Owner: "b", Length: time.Hour}
	if taken, err := s.TakeWork(t.Context(), take); err != nil || len(taken) != 0 {
		t.Errorf("beside the write another node took %+v, %v", taken, err)
	}
	added := make(chan error, 1)
	go func() { added <- add(t.Context()) }()
	select {
	case err := <-added:
		t.Fatalf("beside the write work was added: %v", err)
	case <-waiting(t, s, 2):
	}
	end()
	if err := <-changed; err != nil {
		t.Error(err)
	}
	if err := <-added; err != nil {
		t.Error(err)
	}
	if taken, err := s.TakeWork(t.Context(), take); err != nil || len(taken) != 2 {
		t.Errorf("after the write another node took %+v, %v", taken, err)
	}
}
