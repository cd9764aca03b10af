package main_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/catalog"
	catalogs "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/programtest"
	"syncline.dev/syncline/internal/resticfixture"
)

const (
	adminPassword = "a good long password"
	repoPassword  = "top secret repository password"
)

// program is the built binary; TestMain makes it.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "syncline-e2e-")
	if err == nil {
		program = filepath.Join(dir, "syncline")
		err = programtest.Build(context.Background(), programtest.Syncline, program)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func restic(t *testing.T, repo string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(resticfixture.Restic(t), append([]string{"-r", repo, "--no-cache", "-q"}, args...)...)
	cmd.Env = append(os.Environ(), "RESTIC_PASSWORD="+repoPassword)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("restic %s: %v: %s", args, err, stderr.String())
	}
	return out
}

// initRepository makes an empty repository that repoPassword opens.
func initRepository(t *testing.T, repo string) {
	t.Helper()
	resticfixture.InitAs(t, repo, repoPassword, 2)
}

// newRepository makes a repository with the given number of files and
// snapshots; a few files change between two of them.
func newRepository(t *testing.T, files, snapshots int) string {
	t.Helper()
	src, repo := filepath.Join(t.TempDir(), "source"), filepath.Join(t.TempDir(), "repo")
	initRepository(t, repo)
	write := func(i, version int) {
		path := filepath.Join(src, fmt.Sprintf("dir%03d/file %d <b>.txt", i%(1+files/20), i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, fmt.Appendf(nil, "%d %d", i, version), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for v := range snapshots {
		for i := range files {
			if v == 0 || i%37 == v {
				write(i, v)
			}
		}
		restic(t, repo, "backup", "--host", fmt.Sprintf("host-%d", v%2), src)
	}
	return repo
}

// node is a running server.
type node struct {
	t       *testing.T
	cmd     *exec.Cmd
	url     string
	metrics string // at their own address, "" without one
	token   string
	client  *http.Client
	output  *serverLog   // what the server logged
	said    bytes.Buffer // what it answered
	done    chan error
}

// start runs a server on a free port, waits until it is ready, and signs in.
func start(t *testing.T, data string, flags ...string) *node {
	t.Helper()
	return startWith(t, []string{"SYNCLINE_ADMIN_PASSWORD=" + adminPassword}, data, flags...).as(adminPassword)
}

// serverLog is what a server writes, to be read while it runs.
type serverLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *serverLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *serverLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startWith runs a server that has these variables, and waits until it is ready.
func startWith(t *testing.T, env []string, data string, flags ...string) *node {
	t.Helper()
	return startProgram(t, program, env, data, flags...)
}

func startProgram(t *testing.T, program string, env []string, data string, flags ...string) *node {
	t.Helper()
	n := &node{t: t, output: new(serverLog), done: make(chan error, 1)}
	n.cmd = exec.Command(program, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--debug"}, flags...)...)
	n.cmd.Env = append(append(os.Environ(), "SYNCLINE_SYNC_INTERVAL=0"), env...)
	n.cmd.Stderr = n.output
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "metrics on "); ok {
			n.metrics = url
		}
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			n.url = url
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stdout); n.done <- n.cmd.Wait() }()
	if n.url == "" {
		<-n.done
		t.Fatalf("the server did not start: %s", n.output.String())
	}
	t.Cleanup(func() { _ = n.cmd.Process.Kill() })
	n.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	return n
}

// as signs the administrator in.
func (n *node) as(password string) *node {
	n.t.Helper()
	var grant struct {
		Token string `json:"access_token"`
	}
	n.call("POST", "/v6/token", map[string]any{"grant_type": "password", "username": "administrator", "password": password}, 200, &grant)
	n.token = grant.Token
	return n
}

// signal ends the server and returns how it ended.
func (n *node) signal(s os.Signal) error {
	n.client.CloseIdleConnections()
	_ = n.cmd.Process.Signal(s)
	return <-n.done
}

// call makes a request, checks the status and decodes the answer.
func (n *node) call(method, path string, body any, status int, answer any) {
	n.t.Helper()
	var send io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			n.t.Fatal(err)
		}
		send = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(n.t.Context(), method, n.url+path, send)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if n.token != "" {
		req.Header.Set("Authorization", "Bearer "+n.token)
	}
	res, err := n.client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	n.said.Write(raw)
	if res.StatusCode != status {
		n.t.Fatalf("%s %s: %d instead of %d: %s", method, path, res.StatusCode, status, raw)
	}
	if answer != nil {
		if err := json.Unmarshal(raw, answer); err != nil {
			n.t.Fatalf("%s %s: %v: %s", method, path, err, raw)
		}
	}
}

type session struct {
	ID, RepositoryID, State, Error, Result string
	ProgressPercent                        int
	Statistics                             struct{ SnapshotsAdded, SnapshotsTotal int }
}

// attach adds a key and a repository and returns the repository's id.
func (n *node) attach(name, path string) string {
	n.t.Helper()
	return n.attachWith(name, path, nil)
}

// attachUnscheduled attaches a repository that is synchronized on demand only.
func (n *node) attachUnscheduled(name, path string) string {
	n.t.Helper()
	return n.attachWith(name, path, map[string]any{"enabled": false})
}

func (n *node) attachWith(name, path string, synchronization map[string]any) string {
	n.t.Helper()
	var key, repo struct{ ID string }
	n.call("POST", "/v6/EncryptionKeys", map[string]any{"password": repoPassword, "description": name}, 200, &key)
	n.call("POST", "/v6/BackupRepositories", map[string]any{
		"name": name, "path": path, "encryptionKeyId": key.ID, "retentionType": "SnapshotBased", "synchronization": synchronization,
	}, 200, &repo)
	return repo.ID
}

func (n *node) sync(repo string) session {
	n.t.Helper()
	var s session
	n.call("POST", "/v6/BackupRepositories/"+repo+"/Sync", nil, 200, &s)
	return s
}

// events follows a session to its end and returns its states.
func (n *node) events(id string) (all []session) {
	n.t.Helper()
	n.follow("/v6/RepositorySynchronizeSessions/"+id+"/Events", func(data []byte) error {
		all = append(all, session{})
		return json.Unmarshal(data, &all[len(all)-1])
	})
	return all
}

// follow calls event with the data of every event of a stream, one at least.
func (n *node) follow(path string, event func(data []byte) error) {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), "GET", n.url+path, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+n.token)
	res, err := n.client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	count := 0
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
			if err := event([]byte(data)); err != nil {
				n.t.Fatal(err)
			}
			count++
		}
	}
	if err := lines.Err(); err != nil || count == 0 {
		n.t.Fatalf("%s (%s) breaks off after %d events: %v", path, res.Status, count, err)
	}
}

// finish waits for the end of a session that must succeed.
func (n *node) finish(id string) session {
	n.t.Helper()
	all := n.events(id)
	last := all[len(all)-1]
	if last.State != "None" || last.Result != "Success" || last.ProgressPercent != 100 {
		n.t.Fatalf("the session ended as %+v", last)
	}
	if !slices.IsSortedFunc(all, func(a, b session) int { return a.ProgressPercent - b.ProgressPercent }) {
		n.t.Errorf("the progress fell: %+v", all)
	}
	return last
}

// dump returns the canonical dump of a data directory's only catalog.
func dump(t *testing.T, data string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(data, "catalogs", "*.catalog"))
	if err != nil || len(names) != 1 {
		t.Fatalf("catalogs: %v %v", names, err)
	}
	box, err := catalogs.Open(context.Background(), names[0])
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(context.Background(), box)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := c.View(context.Background(), func(v *catalog.View) error { return v.Dump(&buf) }); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestServerEndToEnd(t *testing.T) {
	t.Parallel()
	repo, data := newRepository(t, 300, 3), filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	var sessions []session
	n.call("GET", "/v6/RepositorySynchronizeSessions", nil, 200, &sessions)
	if sessions == nil || len(sessions) != 0 {
		t.Errorf("a new server has the sessions %v", sessions)
	}
	var proxies []struct {
		ID, HostName, Status string
		Port                 int
	}
	n.call("POST", "/v6/Proxies/Rescan", object{}, 200, nil)
	n.call("GET", "/v6/Proxies", nil, 200, &proxies)
	host, err := os.Hostname()
	if err != nil || len(proxies) != 1 || proxies[0].HostName != host || proxies[0].Status != "Online" || !strings.HasSuffix(n.url, fmt.Sprint(":", proxies[0].Port)) {
		t.Errorf("the server at %s tells of itself %+v (%v)", n.url, proxies, err)
	}
	id := n.attach("one", repo)
	done := n.finish(n.sync(id).ID)
	if done.Statistics.SnapshotsAdded != 3 {
		t.Errorf("the session ended as %+v", done)
	}
	var points []struct {
		ID, SnapshotID, HostName string
		Paths                    []string
	}
	n.call("GET", "/v6/RestorePoints?repositoryId="+id, nil, 200, &points)
	var want []struct{ ID string }
	if err := json.Unmarshal(restic(t, repo, "snapshots", "--json"), &want); err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if !slices.ContainsFunc(points, func(p struct {
			ID, SnapshotID, HostName string
			Paths                    []string
		},
		) bool {
			return p.SnapshotID == w.ID
		}) {
			t.Errorf("snapshot %s is no restore point", w.ID)
		}
	}
	if len(points) != len(want) {
		t.Errorf("%d restore points, %d snapshots", len(points), len(want))
	}
	n.call("GET", "/v6/restorepoints/"+points[0].ID, nil, 200, nil)
	n.call("POST", "/v6/RepositorySynchronizeSessions/"+done.ID+"/StopSynchronize", nil, 200, nil)

	restic(t, repo, "forget", want[0].ID)
	if again := n.finish(n.sync(id).ID); again.Statistics.SnapshotsTotal != 2 {
		t.Errorf("after one snapshot was forgotten: %+v", again)
	}
	before := restic(t, repo, "snapshots", "--json")
	n.call("DELETE", "/v6/BackupRepositories/"+id, nil, 204, nil)
	n.call("GET", "/v6/BackupRepositories/"+id, nil, 404, nil)
	if left, _ := filepath.Glob(filepath.Join(data, "catalogs", "*")); len(left) != 0 {
		t.Errorf("the catalog is left: %v", left)
	}
	if !bytes.Equal(before, restic(t, repo, "snapshots", "--json")) {
		t.Error("deleting the repository from the server changed it")
	}
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	for _, secret := range []string{repoPassword, adminPassword, n.token} {
		if strings.Contains(n.output.String(), secret) {
			t.Errorf("the log holds the secret %q", secret)
		}
	}
	stored, err := os.ReadFile(filepath.Join(data, "syncline.db"))
	if err != nil || bytes.Contains(stored, []byte(repoPassword)) || bytes.Contains(stored, []byte(adminPassword)) {
		t.Errorf("the database holds a password in the clear (%v)", err)
	}
}

func TestKilledServerGoesOn(t *testing.T) {
	t.Parallel()
	repo := newRepository(t, 6000, 3)
	calm := filepath.Join(t.TempDir(), "calm")
	n := start(t, calm)
	var whole struct{ StartTime, EndTime time.Time }
	n.call("GET", "/v6/RepositorySynchronizeSessions/"+n.finish(n.sync(n.attachUnscheduled("one", repo)).ID).ID, nil, 200, &whole)
	took := whole.EndTime.Sub(whole.StartTime)
	_ = n.signal(syscall.SIGTERM)
	want := dump(t, calm)
	if !strings.Contains(want, "file 5999 <b>.txt") && !strings.Contains(want, `file 5999 \u003cb\u003e.txt`) {
		t.Fatal("the dump lacks a file")
	}

	interrupted := 0
	for i := range 20 {
		data := filepath.Join(t.TempDir(), "data")
		n := start(t, data)
		id := n.sync(n.attachUnscheduled("one", repo)).ID
		// Not a wait for something: the moment of the kill is what varies.
		<-time.After(time.Duration(rand.Int64N(int64(took))))
		_ = n.signal(syscall.SIGKILL)
		n = start(t, data)
		n.finish(id)
		var log struct{ Results []struct{ Message string } }
		n.call("GET", "/v6/RepositorySynchronizeSessions/"+id+"/LogItems", nil, 200, &log)
		if slices.ContainsFunc(log.Results, func(l struct{ Message string }) bool { return strings.Contains(l.Message, "The server was restarted") }) {
			interrupted++
		}
		if err := n.signal(syscall.SIGTERM); err != nil {
			t.Errorf("kill %d: SIGTERM: %v", i, err)
		}
		if dump(t, data) != want {
			t.Errorf("kill %d: the catalog differs from that of an undisturbed run", i)
		}
	}
	t.Logf("%d of 20 sessions were interrupted", interrupted)
	if interrupted == 0 {
		t.Error("no kill came while a session ran")
	}
}

func TestTwoServersOnOneDataDirectory(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	out, err := exec.Command(program, "serve", "--data", data, "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another server uses the data directory") {
		t.Errorf("a second server said %q (%v)", out, err)
	}
	address := strings.TrimPrefix(n.url, "https://")
	out, err = exec.Command(program, "serve", "--data", filepath.Join(t.TempDir(), "other"), "--listen", address).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--listen: another program already listens on "+address) {
		t.Errorf("a server on a port in use said %q (%v)", out, err)
	}
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}

func TestLocalCommandsPrintWhatResticPrints(t *testing.T) {
	t.Parallel()
	repo, cache := newRepository(t, 200, 3), t.TempDir()
	run := func(code int, args ...string) string {
		t.Helper()
		cmd := exec.Command(program, append([]string{"-r", repo, "--cache-dir", cache}, args...)...)
		cmd.Env = append(os.Environ(), "RESTIC_PASSWORD="+repoPassword)
		var out, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &stderr
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Fatalf("syncline %s: exit code %d instead of %d: %s", args, got, code, stderr.String())
		}
		return out.String()
	}
	var want, got []map[string]any
	decode := func(raw string, to *[]map[string]any) {
		*to = nil
		if err := json.Unmarshal([]byte(raw), to); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(*to, func(a, b map[string]any) int { return strings.Compare(a["id"].(string), b["id"].(string)) })
	}
	decode(string(restic(t, repo, "snapshots", "--json")), &want)
	decode(run(0, "snapshots", "--json"), &got)
	if len(want) != len(got) || len(got) != 3 {
		t.Fatalf("%d snapshots, restic has %d", len(got), len(want))
	}
	for i := range want {
		for k, v := range want[i] {
			if fmt.Sprint(got[i][k]) != fmt.Sprint(v) {
				t.Errorf("snapshot field %s is %v, restic says %v", k, got[i][k], v)
			}
		}
		id := want[i]["id"].(string)
		for _, args := range [][]string{{id}, {id, "/"}, {id[:8], filepath.Dir(repo)}} {
			compareLines(t, string(restic(t, repo, append([]string{"ls", "--json"}, args...)...)), run(0, append([]string{"ls", "--json"}, args...)...))
		}
	}
	if run(0, "ls", "latest") == "" || run(0, "--no-sync", "ls", "latest") == "" {
		t.Error("ls prints nothing")
	}
	run(1, "ls", "ffffffff")
	run(2, "ls")
	run(2, "nonsense")
	repo = t.TempDir()
	run(10, "ls", "latest")
}

// compareLines compares the fields that the older restic has.
func compareLines(t *testing.T, want, got string) {
	t.Helper()
	a, b := strings.Split(strings.TrimSpace(want), "\n"), strings.Split(strings.TrimSpace(got), "\n")
	if len(a) != len(b) {
		t.Fatalf("%d lines, restic prints %d", len(b), len(a))
	}
	for i := range a {
		var x, y map[string]any
		if err := json.Unmarshal([]byte(a[i]), &x); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(b[i]), &y); err != nil {
			t.Fatal(err)
		}
		for k, v := range x {
			if fmt.Sprint(y[k]) != fmt.Sprint(v) {
				t.Errorf("line %d: %s is %v, restic says %v", i, k, y[k], v)
			}
		}
	}
}
