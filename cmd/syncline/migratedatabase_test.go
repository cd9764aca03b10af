//go:build !windows

package main_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/store/relational"
)

// rowsOf returns all rows of a state that last, in one order.
func rowsOf(t *testing.T, data string) (all []string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(data, "syncline.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	read := func(table, columns string) {
		rows, err := db.Query("SELECT " + columns + " FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, dest := make([]any, len(names)), make([]any, len(names))
			for i := range values {
				dest[i] = &values[i]
			}
			if err := rows.Scan(dest...); err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%s %q", table, values))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range relational.TableNames() {
		if table == "nodes" || table == "duties" || table == "work_holds" || table == "account_users" {
			continue
		}
		columns := "*"
		if table == "instance" {
			columns = "one, installation_id"
		}
		read(table, columns)
	}
	slices.Sort(all)
	return all
}

// An installation goes to PostgreSQL and back with all that it has, and works on in both.
func TestMigrateDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	repo, data := newRepository(t, 700, 3), filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	id := n.attach("näme", repo)
	session := n.finish(n.sync(id).ID)
	n.call("POST", "/v6/Accounts", object{"accountType": "restServerAccount", "method": "none"}, 201, nil)
	checkAccounts := n.keptAccounts()
	questions := []string{
		"/v6/RestorePoints?repositoryId=" + id, "/v6/RepositorySynchronizeSessions/" + session.ID, "/v6/RepositorySynchronizeSessions/" + session.ID + "/Log",
		"/v6/Users", "/v6/EncryptionKeys", "/v6/Accounts?extensions=true", "/v6/Search?query=17",
	}
	answers := func(n *node) (all []string) {
		for _, q := range questions {
			_, _, body := n.get(q)
			all = append(all, q+" "+body)
		}
		return all
	}
	if got := runProgram(t, nil, "user", "list", "--data", data); got.code != 0 {
		t.Fatal(got)
	}
	want := answers(n)
	for end := time.Now().Add(time.Minute); !strings.Contains(want[0], "firstSeenTime"); want = answers(n) {
		if time.Now().After(end) {
			t.Fatalf("the restore points are never seen: %s", want[0])
		}
	}
	env := []string{"SYNCLINE_DATABASE=" + url}
	if got := runProgram(t, env, "migrate-database", "--data", data); got.code != 1 || !strings.Contains(got.stderr, "another server uses the data directory") {
		t.Errorf("beside the server: %+v", got)
	}
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	before, catalog := rowsOf(t, data), dump(t, data)

	got := runProgram(t, env, "migrate-database", "--data", data)
	if got.code != 0 || !strings.Contains(got.stdout, "1 repository, 1 catalog and") {
		t.Fatalf("to PostgreSQL: %+v", got)
	}
	if got := runProgram(t, env, "migrate-database", "--data", data); got.code != 1 || !strings.Contains(got.stderr, "has a state already") {
		t.Errorf("once more: %+v", got)
	}
	if !slices.Equal(rowsOf(t, data), before) {
		t.Error("the migration has changed its source")
	}
	key := filepath.Join(data, "secret.key")
	back := filepath.Join(t.TempDir(), "back")
	if got := runProgram(t, env, "migrate-database", "--back", "--data", back, "--secret-key-file", fleetKeyFile(t)); got.code != 1 || !strings.Contains(got.stderr, "another key") {
		t.Errorf("back with another key: %+v", got)
	}
	if _, err := os.Stat(filepath.Join(back, "syncline.db")); err == nil {
		t.Error("a migration that failed has left a state")
	}
	if got := runProgram(t, env, "migrate-database", "--back", "--data", back, "--secret-key-file", key); got.code != 0 {
		t.Fatalf("back: %+v", got)
	}
	if after := rowsOf(t, back); !slices.Equal(after, before) {
		t.Errorf("the rows differ after both ways:\n%s\nand\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	if dump(t, back) != catalog {
		t.Error("the catalog differs after both ways")
	}

	// A node goes on with it. It has the id of the server, to which the folder belongs.
	member := filepath.Join(t.TempDir(), "member")
	if err := os.Mkdir(member, 0o700); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(data, "node"))
	if err == nil {
		err = os.WriteFile(filepath.Join(member, "node"), raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	m := start(t, member, "--database", url, "--secret-key-file", key)
	if now := answers(m); !slices.Equal(now, want) {
		t.Errorf("the node answers\n%s\nand the server answered\n%s", strings.Join(now, "\n"), strings.Join(want, "\n"))
	}
	checkAccounts(m)
	if got := runProgram(t, env, "migrate-database", "--back", "--data", filepath.Join(t.TempDir(), "x"), "--secret-key-file", key); got.code != 1 || !strings.Contains(got.stderr, "uses the database; stop all nodes") {
		t.Errorf("beside a node: %+v", got)
	}
	restic(t, repo, "backup", filepath.Dir(repo))
	m.finish(m.sync(id).ID)
	m.attach("second", newRepository(t, 5, 1))
	if err := m.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	last := filepath.Join(t.TempDir(), "last")
	if got := runProgram(t, env, "migrate-database", "--back", "--data", last, "--secret-key-file", key); got.code != 0 {
		t.Fatalf("back after the node: %+v", got)
	}
	l := start(t, last, "--secret-key-file", key)
	checkAccounts(l)
	restic(t, repo, "backup", filepath.Dir(repo))
	l.finish(l.sync(id).ID)
	var points []object
	l.call("GET", "/v6/RestorePoints?repositoryId="+id, nil, 200, &points)
	if len(points) != 5 {
		t.Errorf("%d restore points after all", len(points))
	}
}
