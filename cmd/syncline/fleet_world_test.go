//go:build !windows

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	catalogs "syncline.dev/syncline/internal/catalog/postgres"
	catalogfiles "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
	stores "syncline.dev/syncline/internal/store/postgres"
)

// standsStill is how long a node is stopped: longer than its leases.
const standsStill = 17 * time.Second

// troubled is some nodes, each with a link of its own to one PostgreSQL, and repositories on
// one S3 server whose answers take some time.
type troubled struct {
	t        *testing.T
	random   *rand.Rand
	database *pgtest.Server
	name     string // of the database
	key      string
	s3       *servers.S3
	point    string // where the nodes find the S3 server
	links    []*servers.Link
	folders  []string
	nodes    []*node
	programs []string // of the nodes
	repos    []fleetRepository
	logs     strings.Builder // of the processes that have ended

	killed, stopped int
}

// fleetRepository is a repository of the fleet. hidden are its snapshots that are not in
// the bucket yet.
type fleetRepository struct {
	id, prefix, source string
	hidden             []string
	total              int
}

// newTroubled starts a node of each program.
func newTroubled(t *testing.T, delay time.Duration, programs ...string) *troubled {
	t.Helper()
	f := &troubled{t: t, random: rand.New(rand.NewPCG(*fleetSeed, 0)), database: pgtest.Start(t), s3: servers.StartS3(t), key: fleetKeyFile(t)}
	u, err := url.Parse(f.database.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	f.name = strings.TrimPrefix(u.Path, "/")
	slow := servers.StartLink(t, strings.TrimPrefix(f.s3.URL, "http://"))
	slow.Delay(t, delay)
	f.point = "http://" + slow.Address
	for i, program := range programs {
		f.links = append(f.links, servers.StartLink(t, u.Host))
		f.folders = append(f.folders, filepath.Join(t.TempDir(), "data"))
		f.nodes, f.programs = append(f.nodes, nil), append(f.programs, program)
		f.start(i)
	}
	return f
}

// start starts node i.
func (f *troubled) start(i int) {
	f.t.Helper()
	host, port, err := net.SplitHostPort(f.links[i].Address)
	if err != nil {
		f.t.Fatal(err)
	}
	u := url.URL{Scheme: "postgres", User: url.User("syncline"), Host: net.JoinHostPort(host, port), Path: "/" + f.name, RawQuery: "sslmode=disable"}
	f.nodes[i] = startProgram(f.t, f.programs[i], []string{"SYNCLINE_ADMIN_PASSWORD=" + adminPassword, "SYNCLINE_DATABASE=" + u.String()},
		f.folders[i], "--secret-key-file", f.key, "--max-sessions", "2")
	f.nodes[i].client.Timeout = time.Minute
}

// try makes a request that may fail. Every answer is JSON, and no answer is a fault of
// the program's own.
func (f *troubled) try(i int, method, path string, body, answer any) (status int) {
	f.t.Helper()
	n := f.nodes[i]
	send := &bytes.Buffer{}
	if body != nil {
		if err := json.NewEncoder(send).Encode(body); err != nil {
			f.t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(f.t.Context(), method, n.url+path, send)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if n.token != "" {
		r.Header.Set("Authorization", "Bearer "+n.token)
	}
	res, err := n.client.Do(r)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return 0
	}
	if res.StatusCode == http.StatusInternalServerError || len(raw) > 0 && !json.Valid(raw) {
		f.t.Errorf("node %d: %s %s: %d: %s", i, method, path, res.StatusCode, raw)
	}
	if answer != nil && res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(raw, answer); err != nil {
			f.t.Errorf("node %d: %s %s: %v: %s", i, method, path, err, raw)
		}
	}
	return res.StatusCode
}

// signIn signs in at node i, as soon as that is possible.
func (f *troubled) signIn(i int) {
	f.t.Helper()
	grant := map[string]any{}
	f.until(fmt.Sprint("node ", i, " lets the administrator in"), func() bool {
		return f.try(i, "POST", "/v6/token", object{"grant_type": "password", "username": "administrator", "password": adminPassword}, &grant) == 200
	})
	f.nodes[i].token, _ = grant["access_token"].(string)
}

// until waits for something.
func (f *troubled) until(what string, is func() bool) {
	f.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); {
		if time.Now().After(end) {
			for i, n := range f.nodes {
				f.t.Logf("node %d:\n%s", i, last(n.output.String(), 60))
			}
			f.t.Fatalf("in two minutes, it did not come true that %s", what)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func last(text string, lines int) string {
	all := strings.Split(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// attach puts copies of repositories into the bucket and attaches them. Only the first
// snapshot of each is there.
func (f *troubled) attach(sources []string, copies int) {
	f.t.Helper()
	n := f.nodes[0]
	for c := range copies {
		account := n.add("/v6/Accounts", 201, object{"accountType": "amazonS3CompatibleAccount", "userName": f.s3.AccessKey, "password": f.s3.SecretKey})
		for s, source := range sources {
			r := fleetRepository{prefix: fmt.Sprintf("repo-%d-%d", s, c), source: source}
			files := servers.ReadFolder(f.t, source)
			for name := range files {
				if strings.HasPrefix(name, "snapshots/") {
					r.hidden = append(r.hidden, name)
				}
			}
			slices.Sort(r.hidden)
			r.total = len(r.hidden)
			r.hidden = r.hidden[1:]
			for _, name := range r.hidden {
				delete(files, name)
			}
			f.s3.Put(f.t, "bucket", r.prefix, files)
			storage := n.add("/v6/ObjectStorageRepositories", 200, object{
				"name": r.prefix, "accountId": account, "type": "AmazonS3Compatible", "s3Folder": r.prefix,
				"amazonBucketS3Compatible": object{"servicePoint": f.point, "name": "bucket"},
			})
			key := n.add("/v6/EncryptionKeys", 200, object{"password": repoPassword})
			r.id = n.add("/v6/BackupRepositories", 200, object{
				"name": r.prefix, "objectStorageId": storage, "objectStorageEncryptionEnabled": true,
				"encryptionKeyId": key, "retentionType": "SnapshotBased",
			})
			f.repos = append(f.repos, r)
		}
	}
}

// backUp lets one more snapshot of a repository appear, and asks a node for a session.
func (f *troubled) backUp(r *fleetRepository, node int) {
	f.t.Helper()
	if len(r.hidden) > 0 {
		name := r.hidden[0]
		r.hidden = r.hidden[1:]
		content, err := os.ReadFile(filepath.Join(r.source, name))
		if err != nil {
			f.t.Fatal(err)
		}
		f.s3.Put(f.t, "bucket", r.prefix, map[string][]byte{name: content})
	}
	f.try(node, "POST", "/v6/BackupRepositories/"+r.id+"/Sync", nil, nil)
}

// trouble makes one moment of trouble.
func (f *troubled) trouble() {
	f.t.Helper()
	i := f.random.IntN(len(f.nodes))
	pause := time.Duration(f.random.Int64N(int64(2 * time.Second)))
	kind := f.random.IntN(10)
	f.t.Logf("trouble %d with node %d, pause %s", kind, i, pause)
	switch kind {
	case 0, 1, 2: // killed, and started again
		_ = f.nodes[i].signal(syscall.SIGKILL)
		f.killed++
		<-time.After(pause)
		f.logs.WriteString(f.nodes[i].output.String())
		f.start(i)
		f.signIn(i)
	case 3: // stands still past its leases
		_ = f.nodes[i].cmd.Process.Signal(syscall.SIGSTOP)
		f.stopped++
		f.busy(standsStill, i)
		_ = f.nodes[i].cmd.Process.Signal(syscall.SIGCONT)
	case 4, 5: // the database restarts
		f.database.Stop(f.t, []string{"fast", "immediate"}[f.random.IntN(2)])
		<-time.After(pause)
		f.database.Run(f.t)
	case 6, 7, 8: // cut off from the database
		f.links[i].Cut(f.t)
		f.busy(pause, i)
		f.links[i].Mend(f.t)
	case 9: // somebody stops a session by way of another node
		var sessions []session
		f.try(i, "GET", "/v6/RepositorySynchronizeSessions", nil, &sessions)
		for _, s := range sessions {
			if s.State == "Synchronizing" {
				f.try((i+1)%len(f.nodes), "POST", "/v6/RepositorySynchronizeSessions/"+s.ID+"/StopSynchronize", nil, nil)
				return
			}
		}
	}
}

// busy starts sessions for some time, through every node but one.
func (f *troubled) busy(d time.Duration, but int) {
	f.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		if i := f.random.IntN(len(f.nodes)); i != but {
			f.backUp(&f.repos[f.random.IntN(len(f.repos))], i)
		}
		<-time.After(100 * time.Millisecond)
	}
}

// settle waits until every repository is in sync with all its snapshots, asked for at
// node i.
func (f *troubled) settle(i int) {
	f.t.Helper()
	for r := range f.repos {
		for repo := &f.repos[r]; len(repo.hidden) > 0; {
			f.backUp(repo, i)
		}
	}
	for r := range f.repos {
		repo := &f.repos[r]
		f.until(repo.prefix+" is in sync", func() bool {
			var s session
			var points []json.RawMessage
			var shown struct{ IsOutOfSync bool }
			path := "/v6/BackupRepositories/" + repo.id
			if f.try(i, "POST", path+"/Sync", nil, &s) != 200 {
				return false
			}
			f.until("a session of "+repo.prefix+" has ended", func() bool {
				return f.try(i, "GET", "/v6/RepositorySynchronizeSessions/"+s.ID, nil, &s) == 200 && s.State != "Synchronizing"
			})
			return f.try(i, "GET", "/v6/RestorePoints?repositoryId="+repo.id, nil, &points) == 200 && len(points) == repo.total &&
				f.try(i, "GET", path, nil, &shown) == 200 && !shown.IsOutOfSync
		})
	}
}

// dumps returns the dump of each repository's catalog in the database.
func (f *troubled) dumps() (all []string) {
	f.t.Helper()
	store, err := stores.Open(f.t.Context(), f.database.URL(f.name))
	if err != nil {
		f.t.Fatal(err)
	}
	defer store.Close()
	dir := catalogs.OpenDirectory(store.Pool().Conns(), catalogs.Options{})
	defer dir.Close()
	for i := range f.repos {
		var text bytes.Buffer
		err := dir.Read(f.t.Context(), syncline.ID(f.repos[i].id), func(c *catalog.Catalog) error {
			return c.View(f.t.Context(), func(v *catalog.View) error { text.Reset(); return v.Dump(&text) })
		})
		if err != nil {
			f.t.Errorf("the catalog of %s: %v", f.repos[i].prefix, err)
		}
		all = append(all, text.String())
	}
	return all
}

// alone returns the dump of the catalog that the command line makes of a repository, with
// no server.
func alone(t *testing.T, repo string) string {
	t.Helper()
	cache := t.TempDir()
	if got := runProgram(t, []string{"RESTIC_PASSWORD=" + repoPassword, "SYNCLINE_CACHE_DIR=" + cache}, "-r", repo, "sync"); got.code != 0 {
		t.Fatalf("sync: %d: %s", got.code, got.stderr)
	}
	found, err := filepath.Glob(filepath.Join(cache, "*", "*.catalog"))
	if len(found) == 0 && err == nil {
		found, err = filepath.Glob(filepath.Join(cache, "*.catalog"))
	}
	if err != nil || len(found) != 1 {
		t.Fatalf("catalogs in %s: %q, %v", cache, found, err)
	}
	c, err := catalogfiles.OpenExisting(t.Context(), found[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var text bytes.Buffer
	if err := c.View(t.Context(), func(v *catalog.View) error { return v.Dump(&text) }); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
