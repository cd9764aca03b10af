package server

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	catalogtables "syncline.dev/syncline/internal/catalog/postgres"
	"syncline.dev/syncline/internal/fleet"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/watch/notify"
	"syncline.dev/syncline/internal/watch/schedule"
	"syncline.dev/syncline/internal/watch/series"
)

// TestDisksNameTheirNodeOnce reads what an alarm of a node's disk says.
func TestDisksNameTheirNodeOnce(t *testing.T) {
	s := &Server{DataDir: &DataDir{}}
	s.desk = s.newDesk()
	checks := &schedule.Service{Disks: s.disks("", Options{})}
	nodes := &fleet.Service{Self: syncline.Node{ID: "a", HostName: "alpha"}}
	s.watch(&sharing{nodes: nodes, log: slog.New(slog.DiscardHandler)}, checks, &series.Service{}, &notify.Service{})
	if got := checks.Disks[0].What; got != "data directory of the node alpha" {
		t.Errorf("the disk is that of the %s", got)
	}
}

// TestConnectionsOfAURL holds the number of a URL to the bounds of the setting.
func TestConnectionsOfAURL(t *testing.T) {
	const url = "postgres://user@host/database"
	got, err := withConnections(url, 7)
	if err != nil || !strings.Contains(got, "pool_max_conns=7") {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err = withConnections(url+"?pool_max_conns=20", 7); err != nil || !strings.Contains(got, "pool_max_conns=20") {
		t.Errorf("got %s, %v", got, err)
	}
	for _, few := range []string{"0", "1", "3", "x", "1001"} {
		if _, err := withConnections(url+"?pool_max_conns="+few, 7); syncline.CodeOf(err) != syncline.CodeInvalid {
			t.Errorf("%s: got %v", few, err)
		}
	}
}

// TestStartTidies starts a node on a database in which another one has died while it
// deleted a catalog.
func TestStartTidies(t *testing.T) {
	d, err := openPostgres(t.Context(), secret.NewString(pgtest.New(t)), secret.String{}, leastConnections, time.Minute, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	pool := d.Pool().Conns()
	_, err = pool.Exec(t.Context(), `WITH left_over AS (INSERT INTO syncline.catalog_values (generation, id, final, data) VALUES (4711, 1, FALSE, 'x'))
		INSERT INTO syncline.catalog_dropped VALUES (4711)`)
	if err != nil {
		t.Fatal(err)
	}
	dir := catalogtables.OpenDirectory(pool, catalogtables.Options{})
	defer dir.Close()
	if err := sweepShared(t.Context(), dir, d.Store); err != nil {
		t.Fatal(err)
	}
	for range 600 {
		var rest int
		err := pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM syncline.catalog_dropped) + (SELECT count(*) FROM syncline.catalog_values) FROM pg_sleep(0.05)`).Scan(&rest)
		if err != nil {
			t.Fatal(err)
		}
		if rest == 0 {
			return
		}
	}
	t.Error("what a dead node left of a catalog stays")
}
