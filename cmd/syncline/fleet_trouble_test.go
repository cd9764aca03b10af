//go:build !windows

package main_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	fleetMoments = flag.Int("moments", 6, "the moments of trouble in TestFleetInTrouble")
	fleetSeed    = flag.Uint64("fleet-seed", 22, "the seed of the moments of TestFleetInTrouble")
)

// counted is a webhook that counts messages by their keys.
type counted struct {
	*httptest.Server
	mu   sync.Mutex
	keys map[string]int
}

func newCounted(t *testing.T) *counted {
	t.Helper()
	c := &counted{keys: map[string]int{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.keys[r.Header.Get("Idempotency-Key")]++
	}))
	t.Cleanup(c.Close)
	return c
}

// TestFleetInTrouble has three nodes synchronize thirty repositories, while nodes are
// killed, stand still past their leases, and lose the database, at random moments of a
// seed. All work ends, the catalogs are those of a single process, the listings are those
// of restic, no snapshot is added twice, and no message is repeated but around a kill.
func TestFleetInTrouble(t *testing.T) {
	t.Parallel()
	f := newTroubled(t, 20*time.Millisecond, program, program, program)
	for i := range f.nodes {
		f.signIn(i)
	}
	heard := newCounted(t)
	f.nodes[0].add("/v6/NotificationChannels", 201, object{
		"name": "hook", "kind": "Webhook", "minimumSeverity": "Info", "webhook": object{"url": heard.URL}, "secret": "a secret of the hook",
	})
	var sources []string
	for s := range 5 {
		sources = append(sources, newRepository(t, 40+60*s, 8))
	}
	f.attach(sources, 6)
	for range *fleetMoments {
		f.busy(time.Duration(f.random.Int64N(int64(time.Second))), -1)
		f.trouble()
	}
	f.settle(0)
	f.check(sources)

	heard.mu.Lock()
	defer heard.mu.Unlock()
	repeated := 0
	for key, n := range heard.keys {
		if key == "" {
			t.Error("a message has no key")
		}
		repeated += n - 1
	}
	t.Logf("%d kills, %d stops, %d messages, %d of them again", f.killed, f.stopped, len(heard.keys), repeated)
	if repeated > f.killed+f.stopped {
		t.Errorf("%d messages came again, with %d kills and %d stops", repeated, f.killed, f.stopped)
	}
}

// check compares what the fleet shows with restic and with a single process.
func (f *troubled) check(sources []string) {
	f.t.Helper()
	want := map[string]string{}
	for _, source := range sources {
		want[source] = alone(f.t, source)
	}
	for i, got := range f.dumps() {
		r := f.repos[i]
		if got != want[r.source] {
			f.t.Errorf("the catalog of %s is not that of a single process (%d and %d bytes)", r.prefix, len(got), len(want[r.source]))
		}
		var all []session
		f.nodes[i%len(f.nodes)].call("GET", "/v6/BackupRepositories/"+r.id+"/SynchronizeSessions?limit=1000", nil, 200, &all)
		added := 0
		for _, s := range all {
			if s.State == "Synchronizing" {
				f.t.Errorf("session %s of %s has not ended", s.ID, r.prefix)
			}
			added += s.Statistics.SnapshotsAdded
		}
		if added > r.total {
			f.t.Errorf("%s has %d snapshots, and the sessions added %d", r.prefix, r.total, added)
		}
	}
	for i := range f.nodes {
		r := f.repos[f.random.IntN(len(f.repos))]
		var points []struct{ ID, SnapshotID string }
		f.nodes[i].call("GET", "/v6/RestorePoints?repositoryId="+r.id, nil, 200, &points)
		point := points[f.random.IntN(len(points))]
		files := 0
		for line := range bytes.Lines(restic(f.t, r.source, "ls", point.SnapshotID, "--json")) {
			var entry struct {
				StructType, Type, Path string
				Size                   int64
			}
			if err := json.Unmarshal(bytes.ReplaceAll(line, []byte("struct_type"), []byte("structType")), &entry); err != nil {
				f.t.Fatal(err)
			}
			if entry.Type != "file" {
				continue
			}
			files++
			var shown struct{ Size json.Number }
			f.nodes[i].call("GET", "/v6/RestorePoints/"+point.ID+"/Entry?path="+url.QueryEscape(entry.Path), nil, 200, &shown)
			if size, _ := strconv.ParseInt(shown.Size.String(), 10, 64); size != entry.Size {
				f.t.Errorf("node %d: %s of %s has %d bytes, restic says %d", i, entry.Path, r.prefix, size, entry.Size)
			}
		}
		if files == 0 {
			f.t.Errorf("restic lists no file of %s", point.SnapshotID)
		}
	}
}

// TestStoppedNodeWritesNothing stops a node in the middle of a session, longer than its
// lease. Another one goes on with the session within thirty seconds. The stopped node,
// once it runs again, writes nothing more, and says so.
func TestStoppedNodeWritesNothing(t *testing.T) {
	t.Parallel()
	f := newTroubled(t, 200*time.Millisecond, program, program, program)
	for i := range f.nodes {
		f.signIn(i)
	}
	f.attach([]string{newRepository(t, 300, 6)}, 1)
	for r := &f.repos[0]; len(r.hidden) > 0; {
		f.backUp(r, 1)
	}
	var s session
	f.try(1, "POST", "/v6/BackupRepositories/"+f.repos[0].id+"/Sync", nil, &s)
	owner := -1
	f.until("a node has the session, and has written something", func() bool {
		owner = f.owner(s.ID)
		return owner >= 0 && f.try(1, "GET", "/v6/RepositorySynchronizeSessions/"+s.ID, nil, &s) == 200 && s.ProgressPercent > 0
	})
	if s.State != "Synchronizing" {
		t.Fatalf("the session has ended too early: %+v", s)
	}
	_ = f.nodes[owner].cmd.Process.Signal(syscall.SIGSTOP)
	begun, other := time.Now(), (owner+1)%len(f.nodes)
	f.until("another node has taken the session over", func() bool { now := f.owner(s.ID); return now >= 0 && now != owner })
	t.Logf("node %d was stopped, and after %s node %d had its session", owner, time.Since(begun).Round(time.Second), f.owner(s.ID))
	f.until("the session has ended", func() bool {
		return f.try(other, "GET", "/v6/RepositorySynchronizeSessions/"+s.ID, nil, &s) == 200 && s.State != "Synchronizing"
	})
	if s.State != "None" || s.Result != "Success" || s.ProgressPercent != 100 {
		t.Errorf("the session that was taken over ended as %+v", s)
	}
	before := f.dumps()[0]
	_ = f.nodes[owner].cmd.Process.Signal(syscall.SIGCONT)
	f.until("the stopped node says that it has lost the session", func() bool {
		said := f.nodes[owner].output.String()
		return strings.Contains(said, "another node has the work") || strings.Contains(said, "the lease of work has run out")
	})
	f.until("the stopped node answers again", func() bool {
		var again session
		return f.try(owner, "GET", "/v6/RepositorySynchronizeSessions/"+s.ID, nil, &again) == 200 && again == s
	})
	if after := f.dumps()[0]; after != before || after != alone(t, f.repos[0].source) {
		t.Error("the stopped node has changed the catalog, or it is not that of a single process")
	}
}

// owner returns the node that has a session, -1 for none that is known.
func (f *troubled) owner(session string) int {
	f.t.Helper()
	db, err := sql.Open("pgx", f.database.URL(f.name))
	if err != nil {
		f.t.Fatal(err)
	}
	defer db.Close()
	var owner string
	if err := db.QueryRowContext(f.t.Context(), `SELECT owner FROM syncline.work WHERE id = $1`, session).Scan(&owner); err != nil {
		f.t.Fatal(err)
	}
	for i, folder := range f.folders {
		if id, err := os.ReadFile(filepath.Join(folder, "node")); err == nil && strings.TrimSpace(string(id)) == owner {
			return i
		}
	}
	return -1
}
