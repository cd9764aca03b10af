package server

import (
	"bytes"
	"context"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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
	url := pgtest.New(t)
	open := func(more string) (int32, error) {
		d, err := openPostgres(t.Context(), secret.NewString(url+more), secret.String{}, 7, time.Minute, slog.New(slog.DiscardHandler))
		if err != nil {
			return 0, err
		}
		defer d.Close()
		return d.Pool().Conns().Config().MaxConns, nil
	}
	for more, want := range map[string]int32{"": 7, "&pool_max_conns=20": 20} {
		if got, err := open(more); err != nil || got != want {
			t.Errorf("%q: got %d, %v", more, got, err)
		}
	}
	for _, few := range []string{"0", "1", "3", "x", "1001"} {
		if _, err := open("&pool_max_conns=" + few); syncline.CodeOf(err) != syncline.CodeInvalid {
			t.Errorf("%s: got %v", few, err)
		}
	}
}

// TestStartEndsAtOnce starts a node on databases that no wait makes usable: it tries once,
// and says what to do.
func TestStartEndsAtOnce(t *testing.T) {
	s := pgtest.Start(t)
	u, err := url.Parse(s.SocketURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`CREATE USER app PASSWORD 'right'`,
		`CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0 OWNER app`,
		`CREATE DATABASE other OWNER app`,
		`CREATE DATABASE without`,
		`COPY (VALUES ('local all all trust'), ('host all all all scram-sha-256')) TO '` + u.Query().Get("host") + `/data/pg_hba.conf'`,
		`SELECT pg_reload_conf()`,
	} {
		s.Exec(t, statement)
	}
	other, err := pgx.Connect(t.Context(), s.SocketURL("other"))
	if err == nil {
		_, err = other.Exec(t.Context(), `CREATE SCHEMA syncline AUTHORIZATION app; CREATE TABLE syncline.theirs (n int)`)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	at := func(userinfo, database string) string {
		return "postgres://" + userinfo + "@127.0.0.1:" + strconv.Itoa(s.Port) + "/" + database + "?sslmode=disable"
	}
	for what, c := range map[string]struct{ url, says string }{
		"a wrong password":         {at("app:wrong", "other"), "refuses this node; check the user"},
		"no password":              {at("app", "other"), "refuses this node; check the user"},
		"an unknown database":      {at("app:right", "none"), "does not exist; create it"},
		"another encoding":         {at("app:right", "latin"), "make one with the encoding UTF8"},
		"another program's schema": {at("app:right", "other"), "another program's; choose another database"},
		"a missing right":          {at("app:right", "without"), "lacks a right"},
		"an unknown setting":       {at("app:right", "other") + "&options=-c%20foo%3Dbar", "takes no setting of this node"},
	} {
		t.Run(what, func(t *testing.T) {
			var log bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			d, err := openPostgres(ctx, secret.NewString(c.url), secret.String{}, leastConnections, time.Hour, slog.New(slog.NewTextHandler(&log, nil)))
			if err == nil {
				d.Close()
			}
			if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), c.says) || log.Len() > 0 {
				t.Errorf("got %v after %q", err, log.String())
			}
		})
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
