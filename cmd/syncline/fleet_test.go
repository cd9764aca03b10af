//go:build !windows

package main_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/pgtest"
)

// fleetKeyFile writes a key for all nodes of a test.
func fleetKeyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(strings.Repeat("k", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// startNode runs a node of a fleet.
func startNode(t *testing.T, url, key string, flags ...string) *node {
	t.Helper()
	return start(t, filepath.Join(t.TempDir(), "data"), append([]string{"--database", url, "--secret-key-file", key}, flags...)...)
}

// same fails unless two nodes answer a question alike.
func same(t *testing.T, a, b *node, path string) (answer json.RawMessage) {
	t.Helper()
	var other json.RawMessage
	a.call("GET", path, nil, 200, &answer)
	b.call("GET", path, nil, 200, &other)
	if string(answer) != string(other) {
		t.Errorf("%s: the nodes answer\n%s\nand\n%s", path, answer, other)
	}
	return answer
}

// Two nodes answer alike, and one goes on when the other stops. A repository in a folder
// belongs to the node of its machine, and one in object storage to any.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	url, key := pgtest.New(t), fleetKeyFile(t)
	local := newRepository(t, 60, 3)
	s3, _ := inS3(t, local)
	a := startNode(t, url, key)
	one := a.attach("one", local)
	a.finish(a.sync(one).ID)
	_, _, _, two := a.attachIn(
		object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey},
		object{"type": "AmazonS3Compatible", "s3Folder": "some folder/repo", "amazonBucketS3Compatible": object{"servicePoint": s3.URL, "name": "bucket"}}, repoPassword)
	a.finish(a.sync(two).ID)
	b := startNode(t, url, key)
	var points []struct{ ID, SnapshotID string }
	for _, repo := range []string{one, two} {
		if err := json.Unmarshal(same(t, a, b, "/v6/RestorePoints?repositoryId="+repo), &points); err != nil || len(points) != 3 {
			t.Fatalf("%d restore points, %v", len(points), err)
		}
	}
	for _, path := range []string{
		"/v6/BackupRepositories/" + two, "/v6/RepositorySynchronizeSessions", "/v6/Search?query=file", "/v6/Alarms", "/v6/Users",
		"/v6/RestorePoints/" + points[0].ID, "/v6/Search?query=17&repositoryId=" + two,
	} {
		same(t, a, b, path)
	}
	_, _, metrics := a.get("/metrics")
	for _, call := range []string{"update", "single", "query", "catalog"} {
		if name := `syncline_database_duration_seconds_count{call="` + call + `"} `; !strings.Contains(metrics, name) || strings.Contains(metrics, name+"0\n") {
			t.Errorf("the metrics count no %s", call)
		}
	}
	if err := a.signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	b.finish(b.sync(two).ID)
	b.call("GET", "/v6/RestorePoints?repositoryId="+one, nil, 200, &points)
	b.call("GET", "/v6/RestorePoints?repositoryId="+two, nil, 200, &points)
	if len(points) != 3 {
		t.Errorf("%d restore points", len(points))
	}
	if err := b.signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	for _, n := range []*node{a, b} {
		if log := n.output.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, repoPassword) || strings.Contains(log, s3.SecretKey) {
			t.Errorf("a node logged\n%s", log)
		}
	}
}

// Ten nodes start at once on an empty database: one of them makes the schema and the
// administrator.
func TestTenStartingNodes(t *testing.T) {
	t.Parallel()
	url, key := pgtest.New(t), fleetKeyFile(t)
	var group sync.WaitGroup
	dirs, nodes := make([]string, 10), make([]*node, 10)
	for i := range nodes {
		dirs[i] = filepath.Join(t.TempDir(), "data")
		group.Go(func() {
			nodes[i] = startWith(t, nil, dirs[i], "--database", url, "--secret-key-file", key, "--database-connections", "4")
		})
	}
	group.Wait()
	var found string
	for _, dir := range dirs {
		password, err := os.ReadFile(filepath.Join(dir, "initial-password"))
		if err == nil && found != "" {
			t.Error("two nodes say that they have made the administrator")
		}
		if err == nil {
			found = strings.TrimSpace(string(password))
		}
	}
	for _, n := range nodes {
		n.as(found)
	}
	got := runProgram(t, []string{"SYNCLINE_DATABASE=" + url}, "user", "list")
	if got.code != 0 || strings.Count(got.stdout, "\n") != 2 || !strings.Contains(got.stdout, "administrator") {
		t.Errorf("user list: %+v", got)
	}
}

// await asks until a status comes.
func (n *node) await(path string, status int) {
	n.t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	late := time.After(time.Minute)
	for {
		got, _, body := n.get(path)
		if got == status {
			return
		}
		select {
		case <-again.C:
		case <-late:
			n.t.Fatalf("%s: %d instead of %d: %s", path, got, status, body)
		}
	}
}

// Without the database a node says so, goes on when it returns, and ends when it is told
// to.
func TestDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t)
	url, key := db.Database(t), fleetKeyFile(t)
	repo := newRepository(t, 60, 2)
	n := startNode(t, url, key)
	id := n.attach("one", repo)
	n.finish(n.sync(id).ID)
	for _, mode := range []string{"fast", "immediate"} {
		db.Stop(t, mode)
		n.await("/readyz", 503)
		if status, _, body := n.get("/healthz"); status != 200 {
			t.Errorf("/healthz: %d %s", status, body)
		}
		for _, path := range []string{"/v6/BackupRepositories", "/v6/RestorePoints?repositoryId=" + id, "/v6/Alarms", "/v6/RepositorySynchronizeSessions"} {
			status, header, body := n.get(path)
			var failure struct{ Message string }
			if err := json.Unmarshal([]byte(body), &failure); err != nil || status != 503 || header.Get("Retry-After") == "" || !strings.Contains(failure.Message, "database") {
				t.Errorf("%s without the database: %d, %v, %s", path, status, header, body)
			}
			if strings.Contains(body, fmt.Sprint(db.Port)) || strings.Contains(body, "127.0.0.1") {
				t.Errorf("%s tells of the database: %s", path, body)
			}
		}
		db.Run(t)
		n.await("/readyz", 200)
		n.await("/v6/BackupRepositories", 200)
		restic(t, repo, "backup", "--host", mode, filepath.Dir(repo))
		n.finish(n.sync(id).ID)
	}
	var points []struct{ ID string }
	n.call("GET", "/v6/RestorePoints?repositoryId="+id, nil, 200, &points)
	if len(points) != 4 {
		t.Errorf("%d restore points", len(points))
	}
	readOnly := func(on string) {
		name := url[strings.LastIndex(url, "/")+1 : strings.Index(url, "?")]
		db.Exec(t, "ALTER DATABASE "+name+" SET default_transaction_read_only = "+on)
		db.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
	}
	readOnly("on")
	n.await("/readyz", 503)
	if _, _, body := n.get("/readyz"); !strings.Contains(body, "can only be read") {
		t.Errorf("a database that can only be read: %s", body)
	}
	readOnly("off")
	n.await("/readyz", 200)
	n.await("/v6/Proxies", 200)
	db.Stop(t, "immediate")
	n.await("/readyz", 503)
	n.await("/v6/Proxies", 503)
	begun := time.Now()
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM without the database: %v", err)
	}
	t.Logf("the node ended after %s", time.Since(begun))
	db.Run(t) // for the end of the test's database
}

// A node ends when a newer program has changed the database in a way that it does not know.
func TestNewerProgram(t *testing.T) {
	t.Parallel()
	url, key := pgtest.New(t), fleetKeyFile(t)
	n := startNode(t, url, key)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `UPDATE syncline.schema_mark SET readable_by = 1000`); err != nil {
		t.Fatal(err)
	}
	if err := <-n.done; err == nil || !strings.Contains(n.output.String(), "newer Syncline") {
		t.Errorf("the node ended with %v: %s", err, last(n.output.String(), 10))
	}
	n.done <- nil // for who asks again
}

// A node ends when another installation has taken the place of its own.
func TestReplacedDatabase(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t)
	url, key := db.Database(t), fleetKeyFile(t)
	n := startNode(t, url, key)
	name := url[strings.LastIndex(url, "/")+1 : strings.Index(url, "?")]
	db.Exec(t, "DROP DATABASE "+name+" WITH (FORCE)")
	db.Exec(t, "CREATE DATABASE "+name)
	startNode(t, url, fleetKeyFile(t))
	if err := <-n.done; err == nil || !strings.Contains(n.output.String(), "another installation") {
		t.Errorf("the node ended with %v: %s", err, last(n.output.String(), 10))
	}
	n.done <- nil // for who asks again
}

// A node without the key of its fleet, and one without the database of its fleet, do not
// start. No command tells the password.
func TestWrongNodes(t *testing.T) {
	t.Parallel()
	url, key := pgtest.New(t), fleetKeyFile(t)
	secret := strings.Replace(url, "syncline@", "syncline:hunter2@", 1)
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "node.yaml")
	if err := os.WriteFile(config, []byte("sync-interval: 1h\ndatabase-file: "+file+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	first := filepath.Join(t.TempDir(), "first")
	n := start(t, first, "--database-file", file) // makes the key
	if log := n.output.String(); !strings.Contains(log, "has made the key of the fleet") {
		t.Errorf("the first node logged %s", log)
	}
	env := []string{"SYNCLINE_DATABASE=" + secret, "SYNCLINE_ADMIN_PASSWORD=" + adminPassword}
	other := filepath.Join(t.TempDir(), "other")
	for _, tt := range []struct {
		env  []string
		args []string
		says string
	}{
		{env, []string{"serve", "--data", other}, "--secret-key-file"},
		{env, []string{"serve", "--data", other, "--secret-key-file", key}, "another key than its fleet"},
		{env, []string{"serve", "--data", other, "--database-file", file}, "name two databases"},
		{nil, []string{"user", "list", "--data", first}, "belongs to a node of a fleet"},
		{nil, []string{"backup-state", "--data", first, filepath.Join(t.TempDir(), "x")}, "pg_dump"},
		{env, []string{"backup-state", "x"}, "pg_dump"},
		{env, []string{"restore-state", "x"}, "pg_dump"},
		{env, []string{"backup-state", "x", "--data", t.TempDir()}, "SYNCLINE_DATABASE names the database of a fleet"},
		{[]string{"SYNCLINE_CONFIG=" + config}, []string{"backup-state", "x"}, "node.yaml:2 names the database of a fleet"},
		{nil, []string{"backup-state", "x", "--config", config, "--data", t.TempDir()}, "name another file with --config"},
		{nil, []string{"restore-state", "x", "--config", config}, "pg_dump"},
		{nil, []string{"user", "list", "--database", "host=h dbname=d password=hunter2"}, "PGPASSFILE"},
		{env, []string{"user", "list", "--data", first}, "unset the variable"},
		{nil, []string{"user", "list", "--database", secret}, "PGPASSFILE"},
	} {
		got := runProgram(t, tt.env, append(tt.args, "--listen", "127.0.0.1:0")[:len(tt.args)+2*strings.Count(tt.args[0], "serve")]...)
		if got.code != 1 || !strings.Contains(got.stderr, tt.says) || strings.Contains(got.stdout+got.stderr, "hunter2") {
			t.Errorf("%q: %d %s, and not %s", tt.args, got.code, got.stderr, tt.says)
		}
	}
	if _, err := os.Stat(filepath.Join(other, "secret.key")); err == nil {
		t.Error("a node that did not start has left a key")
	}
	doctor := func(data string, flags ...string) outcome {
		return runProgram(t, nil, append([]string{"doctor", "--data", data, "--database-file", file}, flags...)...)
	}
	_, _, text := n.get("/metrics")
	for _, name := range []string{`syncline_database_connections{state="used"}`, "syncline_database_connections_max 16", "syncline_database_acquires_total", `syncline_database_duration_seconds_bucket{call="query",le="30"}`, "syncline_leases_taken_over_total 0", "syncline_leases_lost_total 0"} {
		if !strings.Contains(text, name) {
			t.Errorf("the metrics lack %s", name)
		}
	}
	got := doctor(first)
	for _, says := range []string{"takes changes, a trip to it takes", "agrees with this machine's", "are left", "0 repositories, schema", "last sign of life", "this node has the key of its fleet"} {
		if got.code != 0 || !strings.Contains(got.stdout, says) {
			t.Errorf("the doctor says nothing of %q: %+v", says, got)
		}
	}
	if got := doctor(first, "--secret-key-file", key); got.code != 1 || !strings.Contains(got.stdout, "holds another key than") {
		t.Errorf("the doctor of a node with another key: %+v", got)
	}
	if got := doctor(other); got.code != 1 || !strings.Contains(got.stdout, "no node's data") {
		t.Errorf("the doctor of a node that never started: %+v", got)
	}
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	if got := runProgram(t, nil, "serve", "--data", first, "--listen", "127.0.0.1:0"); got.code != 1 || !strings.Contains(got.stderr, "belongs to a node of a fleet") {
		t.Errorf("a node without its database: %+v", got)
	}
	if log := n.output.String(); strings.Contains(log, "hunter2") {
		t.Errorf("the log tells the password: %s", log)
	}
	if got := doctor(first); !strings.Contains(got.stdout, "it was stopped") {
		t.Errorf("the doctor says nothing of a node that was stopped: %+v", got)
	}
}
