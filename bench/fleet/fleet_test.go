//go:build !windows

package fleet

import (
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgtest"
	stores "syncline.dev/syncline/internal/store/postgres"
)

// The sizes of the simulation, which $NODES, $REPOSITORIES and $TURNS change.
const (
	manyNodes        = 10
	manyRepositories = 1000
	manyTurns        = 1
	// turn is the time between two checks of a repository while the sessions are counted.
	turn = 60 * time.Second
	// ordinary is that of a server by itself.
	ordinary = 15 * time.Minute
	// sessionsAtOnce are at most on a node.
	sessionsAtOnce = 4
)

// simulation is a fleet on a database.
type simulation struct {
	testing.TB
	meter   *meter
	url     string
	storage *repositories
	ids     []syncline.ID
	nodes   []*node
	out     io.Writer
	count   int // of nodes

	watching *pgxpool.Pool
}

// BenchmarkFleet simulates the fleet, and prints what it costs the database.
func BenchmarkFleet(b *testing.B) {
	for b.Loop() {
		s := newSimulation(b, generate(b, "200", "8"))
		s.ids = attach(b, s.opened(), number(b, "REPOSITORIES", manyRepositories))
		s.count = number(b, "NODES", manyNodes)
		s.first()
		s.turns(number(b, "TURNS", manyTurns))
		s.checked()
		s.idle()
		s.dropped()
	}
}

// BenchmarkThroughput has three nodes beside one.
func BenchmarkThroughput(b *testing.B) {
	for b.Loop() {
		newSimulation(b, generate(b, "200", "1")).throughput()
	}
}

func number(tb testing.TB, name string, usual int) int {
	tb.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	check(tb, err)
	return n
}

// newSimulation starts PostgreSQL so that it counts statements.
func newSimulation(tb testing.TB, storage *repositories) *simulation {
	tb.Helper()
	server := pgtest.Start(tb)
	server.Exec(tb, "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
	server.Stop(tb, "fast")
	server.Run(tb)
	server.Exec(tb, "CREATE EXTENSION pg_stat_statements")
	url := server.Database(tb)
	pool, err := pgxpool.New(tb.Context(), server.SocketURL("postgres"))
	check(tb, err)
	tb.Cleanup(pool.Close)
	name, _, _ := strings.Cut(url[strings.LastIndexByte(url, '/')+1:], "?")
	return &simulation{TB: tb, storage: storage, out: os.Stdout, meter: &meter{tb: tb, pool: pool, database: name}, url: server.SocketURL(name)}
}

// opened opens the database for the benchmark itself.
func (s *simulation) opened() *stores.Store {
	s.Helper()
	st, err := stores.Open(s.Context(), s.url)
	check(s, err)
	s.Cleanup(func() { _ = st.Close() })
	return st
}

// start starts the nodes; a check of each repository has its turn in each interval.
func (s *simulation) start(count, sessions int, interval time.Duration) {
	s.Helper()
	for i := range count {
		s.nodes = append(s.nodes, open(s, s.url, i, settings{s.storage, sessions, interval}))
	}
}

func (s *simulation) end() {
	for _, n := range s.nodes {
		n.close()
	}
	s.nodes = nil
}
