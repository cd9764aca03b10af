package postgres

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
	"syncline.dev/syncline/internal/pgtest"
	store "syncline.dev/syncline/internal/store/postgres"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect returns the connections of a node, and has the store make the tables.
func connect(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	s, err := store.Open(context.Background(), url)
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	return s.Pool().Conns()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exec(t testing.TB, pool *pgxpool.Pool, statement string, args ...any) {
	t.Helper()
	_, err := pool.Exec(t.Context(), statement, args...)
	check(t, err)
}

// number returns the one number that a query answers.
func number(t testing.TB, pool *pgxpool.Pool, query string, args ...any) (n int64) {
	t.Helper()
	check(t, pool.QueryRow(context.Background(), query, args...).Scan(&n))
	return n
}

// box is a container as the suite wants it, with a pool of its own.
type box struct {
	*Container
	other *pgxpool.Pool // beside it
}

// openBox opens the container of a place.
func openBox(t testing.TB, pool, other *pgxpool.Pool, place string) *box {
	t.Helper()
	exec(t, other, `INSERT INTO syncline.catalogs (repository) VALUES ($1) ON CONFLICT DO NOTHING`, place)
	l := &link{pool: pool, idle: DefaultIdle, learned: new(learned)}
	l.late = newLate(l)
	t.Cleanup(func() {
		l.late.close()
		l.left.Wait()
	})
	check(t, l.ask(context.Background(), nil)) // meets the database
	return &box{newContainer(l, number(t, other, `SELECT no FROM syncline.catalogs WHERE repository = $1`, place), func() {}), other}
}

// LoseConnections ends every connection of the database but one.
func (b *box) LoseConnections() {
	rows, err := b.other.Query(context.Background(), `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'syncline'`)
	if err == nil {
		rows.Close()
		err = rows.Err()
	}
	if err != nil {
		panic(err)
	}
}

func (b *box) TakeWork(t testing.TB, work syncline.ID) catalog.Claim {
	// The work belongs to no repository here.
	exec(t, b.other, `ALTER TABLE syncline.work DROP CONSTRAINT IF EXISTS work_repository_seq_fkey`)
	return catalog.Claim{Work: work, Epoch: number(t, b.other, `INSERT INTO syncline.work (id, kind, repository_seq, state, alone, epoch)
		VALUES ($1, 'synchronize', 1, 'running', false, 1) ON CONFLICT (id) DO UPDATE SET epoch = work.epoch + 1 RETURNING epoch`, work)}
}

// pools returns two pools of a fresh database. LoseConnections spares the second.
func pools(t testing.TB) (pool, other *pgxpool.Pool) {
	t.Helper()
	url := pgtest.New(t)
	return connect(t, url), connect(t, url+"&application_name=other")
}

func TestContainer(t *testing.T) {
	pool, other := pools(t)
	catalogtest.Run(t, func(t *testing.T, place string) catalog.Container {
		return openBox(t, pool, other, place)
	})
}

func TestDirectory(t *testing.T) {
	pool := connect(t, pgtest.New(t))
	var mu sync.Mutex
	last := ""
	catalogtest.RunDirectory(t, func(t *testing.T, place string, onDamage func(syncline.ID)) catalog.Directory {
		mu.Lock()
		defer mu.Unlock()
		if place != last { // the tests of the suite run one after another
			exec(t, pool, `WITH gone AS (DELETE FROM syncline.catalogs RETURNING generation) INSERT INTO syncline.catalog_dropped SELECT generation FROM gone`)
		}
		last = place
		return OpenDirectory(pool, Options{OnDamage: onDamage, Idle: time.Minute})
	})
}
