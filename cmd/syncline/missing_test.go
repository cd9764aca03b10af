package main_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
	catalogs "syncline.dev/syncline/internal/catalog/sqlite"
)

// catalogFiles returns the files of a repository's catalog.
func catalogFiles(t *testing.T, data, repo string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(data, "catalogs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), repo) {
			names = append(names, filepath.Join(data, "catalogs", e.Name()))
		}
	}
	return names
}

// withFormat gives a catalog file another format's number.
func withFormat(t *testing.T, file string, format int) {
	t.Helper()
	ctx := context.Background()
	box, err := catalogs.Open(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	err = catalogtest.Meddle(ctx, box, func(w catalog.Writer) error {
		value := []byte(w.Head())
		var head map[string]json.RawMessage
		if err := json.Unmarshal(value[:len(value)-4], &head); err != nil {
			return err
		}
		var err error
		if head["format"], err = json.Marshal(format); err != nil {
			return err
		}
		payload, err := json.Marshal(head)
		if err != nil {
			return err
		}
		sum := crc32.Checksum(append(slices.Clone(payload), make([]byte, 9)...), crc32.MakeTable(crc32.Castagnoli))
		return w.SetHead(catalog.Head(binary.LittleEndian.AppendUint32(payload, sum)))
	})
	if err := box.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// get makes a request and returns the status, the header and the body.
func (n *node) get(path string) (int, http.Header, string) {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, n.url+path, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+n.token)
	res, err := n.client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(raw)
}

// outOfSync reports whether a repository is told to be out of sync, alone and in
// the list.
func (n *node) outOfSync(repo string) bool {
	n.t.Helper()
	type repository struct {
		ID          string
		IsOutOfSync bool
	}
	var one repository
	var all []repository
	n.call("GET", "/v6/BackupRepositories/"+repo, nil, 200, &one)
	n.call("GET", "/v6/BackupRepositories", nil, 200, &all)
	if i := slices.IndexFunc(all, func(r repository) bool { return r.ID == repo }); i < 0 || all[i].IsOutOfSync != one.IsOutOfSync {
		n.t.Errorf("the list says another thing of %s than itself: %+v, %+v", repo, all, one)
	}
	return one.IsOutOfSync
}

// wantMissing fails unless every question about a repository without a catalog,
// of which point is a restore point, says so.
func (n *node) wantMissing(repo, point string) {
	n.t.Helper()
	if !n.outOfSync(repo) {
		n.t.Error("the repository counts as in sync")
	}
	for _, path := range []string{
		"/v6/RestorePoints?repositoryId=" + repo, "/v6/BackupRepositories/" + repo + "/Snapshots",
		"/v6/BackupRepositories/" + repo + "/Statistics", "/v6/BackupRepositories/" + repo + "/Counts",
		"/v6/BackupRepositories/" + repo + "/History?path=/", "/v6/RestorePoints/" + point,
		"/v6/RestorePoints/" + point + "/Entries", "/v6/RestorePoints/" + point + "/Statistics",
		"/v6/RestorePoints/" + point + "/FolderSizes", "/v6/RestorePoints/" + point + "/Differences?with=" + point,
		"/v6/RestorePoints/" + point + "/Content?path=/file",
	} {
		var failure struct{ Message string }
		status, _, body := n.get(path)
		if err := json.Unmarshal([]byte(body), &failure); err != nil || status != http.StatusConflict || !strings.Contains(failure.Message, "synchronize") {
			n.t.Errorf("%s: %d %s", path, status, body)
		}
	}
	status, header, body := n.get("/v6/RestorePoints")
	if status != http.StatusOK || header.Get("Syncline-Incomplete") != repo || strings.Contains(body, repo) {
		n.t.Errorf("all restore points: %d, incomplete %q", status, header.Get("Syncline-Incomplete"))
	}
	if _, _, body := n.get("/v6/Search?query=file"); !strings.Contains(body, `"notSearched":[{"repositoryId":"`+repo+`","reason":"NotSynchronized"}]`) {
		n.t.Errorf("the search does not say that a repository was left out: %.300s", body)
	}
}

// wantWhole fails unless a repository is in sync and answers with so many points.
func (n *node) wantWhole(repo string, points int) {
	n.t.Helper()
	if n.outOfSync(repo) {
		n.t.Error("the repository counts as out of sync")
	}
	if got := n.points(repo); len(got) != points {
		n.t.Errorf("%d restore points instead of %d", len(got), points)
	}
	if _, header, body := n.get("/v6/RestorePoints"); header.Get("Syncline-Incomplete") != "" {
		n.t.Errorf("%q is left out of all restore points: %s", header.Get("Syncline-Incomplete"), body)
	}
}

// TestMissingCatalogIsSaid takes a catalog away in every way, with the server
// running and at rest, under a path that holds what patterns and addresses are
// made of.
func TestMissingCatalogIsSaid(t *testing.T) {
	t.Parallel()
	whole := t
	path, empty := newRepository(t, 30, 2), filepath.Join(t.TempDir(), "empty")
	initRepository(t, empty)
	data := filepath.Join(t.TempDir(), "da[t]a *?#%25 {ä}")
	n := start(t, data)
	repo, other := n.attach("full", path), n.attach("empty", empty)
	if !n.outOfSync(repo) || !strings.Contains(n.refused("GET", "/v6/RestorePoints?repositoryId="+repo, nil, 409), "synchronize") {
		t.Error("a repository that was never synchronized answers")
	}
	n.finish(n.sync(other).ID)
	n.finish(n.sync(repo).ID)
	n.wantWhole(other, 0)
	var points []struct{ ID string }
	n.call("GET", "/v6/RestorePoints?repositoryId="+repo, nil, 200, &points)

	remove := func(files []string) {
		for _, f := range files {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	cut := func(files []string) {
		for _, f := range files {
			if strings.HasSuffix(f, ".catalog") {
				if err := os.Truncate(f, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, take := range map[string]func([]string){"removed": remove, "cut to nothing": cut} {
		for _, running := range []bool{true, false} {
			t.Run(name+map[bool]string{true: " beside the server", false: " at rest"}[running], func(t *testing.T) {
				n.t = t
				n.wantWhole(repo, 2)
				if !running {
					if err := n.signal(syscall.SIGTERM); err != nil {
						t.Fatal(err)
					}
				}
				take(catalogFiles(t, data, repo))
				if !running {
					n = start(whole, data)
					n.t = t
				}
				n.wantMissing(repo, points[0].ID)
				n.finish(n.sync(repo).ID)
				n.wantWhole(repo, 2)
			})
		}
	}
}

// TestCatalogShrinksWhileItIsRead cuts a catalog that is open to a part: its pages
// that were in memory end with the file, and the server must not end with them.
func TestCatalogShrinksWhileItIsRead(t *testing.T) {
	t.Parallel()
	path := newRepository(t, 1500, 2)
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	repo := n.attach("full", path)
	n.finish(n.sync(repo).ID)
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n = start(t, data)
	n.wantWhole(repo, 2)
	for _, f := range catalogFiles(t, data, repo) {
		if strings.HasSuffix(f, ".catalog") {
			if err := os.Truncate(f, 8192); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, path := range []string{"/v6/Search?query=file", "/v6/RestorePoints", "/v6/BackupRepositories/" + repo + "/Statistics"} {
		if status, header, body := n.get(path); status == http.StatusOK && header.Get("Syncline-Incomplete") == "" && !strings.Contains(body, "notSearched") {
			t.Errorf("%s: %d %.300s", path, status, body)
		}
	}
	if !n.outOfSync(repo) {
		t.Error("a catalog that was cut counts as in sync")
	}
	n.finish(n.sync(repo).ID)
	n.wantWhole(repo, 2)
}

// TestOutdatedCatalogIsBuiltAnew has catalogs that another version of the program
// made: they are built anew by themselves, and nobody is told of damage.
func TestOutdatedCatalogIsBuiltAnew(t *testing.T) {
	t.Parallel()
	path, data := newRepository(t, 30, 2), filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	repo := n.attach("full", path)
	n.finish(n.sync(repo).ID)
	for _, format := range []int{1, 1 << 20} {
		if err := n.signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		withFormat(t, catalogFiles(t, data, repo)[0], format)
		n = start(t, data)
		var sessions []session
		n.call("GET", "/v6/RepositorySynchronizeSessions", nil, 200, &sessions)
		n.finish(sessions[0].ID)
		n.wantWhole(repo, 2)
		if log := n.output.String(); strings.Contains(strings.ToLower(log), "damage") {
			t.Errorf("damage is told: %s", log)
		}
	}

	ask := func(args ...string) outcome {
		return runProgram(t, []string{"RESTIC_PASSWORD=" + repoPassword, "XDG_CACHE_HOME=" + data}, append([]string{"-r", path, "snapshots"}, args...)...)
	}
	before := ask()
	files, err := os.ReadDir(filepath.Join(data, "syncline"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".catalog") {
			withFormat(t, filepath.Join(data, "syncline", f.Name()), 1)
		}
	}
	if got := ask("--no-sync"); got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, "another version") {
		t.Errorf("without synchronizing: %+v", got)
	}
	if got := ask(); got.code != 0 || got.stdout != before.stdout || strings.Contains(got.stderr, "damage") {
		t.Errorf("the next command: %+v", got)
	}
}

// TestOlderCatalogIsBehind puts an older copy of a catalog back.
func TestOlderCatalogIsBehind(t *testing.T) {
	t.Parallel()
	path, data := newRepository(t, 10, 1), filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	repo := n.attach("full", path)
	n.finish(n.sync(repo).ID)
	stop := func() {
		if err := n.signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	file := catalogFiles(t, data, repo)[0]
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	restic(t, path, "backup", data)
	n = start(t, data)
	n.finish(n.sync(repo).ID)
	n.wantWhole(repo, 2)
	stop()
	if err := os.WriteFile(file, old, 0o600); err != nil {
		t.Fatal(err)
	}
	n = start(t, data)
	if !n.outOfSync(repo) {
		t.Error("an older catalog counts as in sync")
	}
	if got := n.points(repo); len(got) != 1 {
		t.Errorf("%d restore points are known", len(got))
	}
	n.finish(n.sync(repo).ID)
	n.wantWhole(repo, 2)
}

// TestLostDatabaseIsNotNew has a data directory whose database is gone: it is no
// new installation, and nothing in it is touched.
func TestLostDatabaseIsNotNew(t *testing.T) {
	t.Parallel()
	path, data := newRepository(t, 5, 1), filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	repo := n.attach("full", path)
	n.finish(n.sync(repo).ID)
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	kept, database := catalogFiles(t, data, repo), filepath.Join(data, "syncline.db")
	content, err := os.ReadFile(database)
	if err != nil || len(content) == 0 {
		t.Fatal(err, len(content))
	}
	key := filepath.Join(data, "secret.key")
	for name, lose := range map[string]func() error{
		"empty":                func() error { return os.Truncate(database, 0) },
		"missing":              func() error { return os.Remove(database) },
		"missing with its key": func() error { return os.Rename(key, key+".away") },
	} {
		if err := lose(); err != nil {
			t.Fatal(err)
		}
		if name == "missing with its key" {
			_ = os.Remove(database)
		}
		for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"user", "list"}} {
			got := runProgram(t, nil, append(args, "--data", data)...)
			refusal := "backup of syncline.db"
			if args[0] == "user" && name != "empty" {
				refusal = "there is no server's data"
			}
			if got.code != 1 || !strings.Contains(got.stderr, refusal) {
				t.Errorf("%s: %s: %+v", name, args, got)
			}
		}
		if got := catalogFiles(t, data, repo); !slices.Equal(got, kept) {
			t.Errorf("%s: %q are left of the catalogs", name, got)
		}
		_ = os.Rename(key+".away", key)
		if err := os.WriteFile(database, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n = start(t, data)
	n.wantWhole(repo, 1)
	// A server that was killed while it set its directory up begins again.
	half := t.TempDir()
	for _, name := range []string{"setup", "syncline.db"} {
		if err := os.WriteFile(filepath.Join(half, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(half, "secret.key"), must(os.ReadFile(key))(t), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, half)
	if _, err := os.Stat(filepath.Join(half, "setup")); !os.IsNotExist(err) {
		t.Errorf("the directory still counts as half set up: %v", err)
	}
}

// TestCatalogsElsewhere keeps catalogs in a folder of their own, and lets no other
// installation have it.
func TestCatalogsElsewhere(t *testing.T) {
	t.Parallel()
	path, data, elsewhere := newRepository(t, 5, 1), filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "[a] folder")
	n := start(t, data, "--catalogs", elsewhere)
	repo := n.attach("full", path)
	n.finish(n.sync(repo).ID)
	n.wantWhole(repo, 1)
	if _, err := os.Stat(filepath.Join(data, "catalogs")); !os.IsNotExist(err) {
		t.Errorf("there is a folder for catalogs in the data directory, too: %v", err)
	}
	other := filepath.Join(t.TempDir(), "data")
	serve := func() outcome {
		return runProgram(t, nil, "serve", "--listen", "127.0.0.1:0", "--data", other, "--catalogs", elsewhere)
	}
	if got := serve(); got.code != 1 || !strings.Contains(got.stderr, "another installation") {
		t.Errorf("another server takes the folder: %+v", got)
	}
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := serve(); got.code != 1 || !strings.Contains(got.stderr, "another installation") {
		t.Errorf("another server takes the folder after the first: %+v", got)
	}
	n = start(t, data, "--catalogs", elsewhere)
	n.wantWhole(repo, 1)
}

// TestNothingWithoutACatalog asks the command line for what it has no catalog of.
func TestNothingWithoutACatalog(t *testing.T) {
	t.Parallel()
	path, cache := newRepository(t, 5, 1), filepath.Join(t.TempDir(), "[x]?#%25")
	env := []string{"RESTIC_PASSWORD=" + repoPassword, "SYNCLINE_CACHE_DIR=" + cache}
	nothing := func(what string) {
		t.Helper()
		for _, args := range [][]string{{"snapshots"}, {"ls", "latest"}, {"find", "file*"}, {"stats"}} {
			got := runProgram(t, env, append([]string{"-r", path, "--no-sync"}, args...)...)
			if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, "there is no catalog") {
				t.Errorf("%s: %s: %+v", what, args, got)
			}
		}
	}
	nothing("never synchronized")
	if got := runProgram(t, env, "-r", path, "snapshots"); got.code != 0 || !strings.Contains(got.stdout, "1 snapshots") {
		t.Fatalf("%+v", got)
	}
	files := must(os.ReadDir(cache))(t)
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".catalog") {
			if err := os.Truncate(filepath.Join(cache, f.Name()), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	nothing("cut to nothing")
	if got := runProgram(t, env, "-r", path, "snapshots"); got.code != 0 || !strings.Contains(got.stdout, "1 snapshots") {
		t.Errorf("%+v", got)
	}
	if err := os.RemoveAll(cache); err != nil {
		t.Fatal(err)
	}
	nothing("removed")
	empty := filepath.Join(t.TempDir(), "empty")
	initRepository(t, empty)
	for _, args := range [][]string{{"snapshots"}, {"snapshots", "--no-sync"}} {
		if got := runProgram(t, env, append([]string{"-r", empty}, args...)...); got.code != 0 {
			t.Errorf("an empty repository: %s: %+v", args, got)
		}
	}
}

// TestDamagedCatalogIsBuiltAnew damages a part of a catalog that a synchronization
// with nothing new does not touch: the command that meets it says so, and the next
// one builds the catalog anew.
func TestDamagedCatalogIsBuiltAnew(t *testing.T) {
	t.Parallel()
	path, cache := newRepository(t, 20, 1), t.TempDir()
	ask := func(args ...string) outcome {
		return runProgram(t, []string{"RESTIC_PASSWORD=" + repoPassword, "SYNCLINE_CACHE_DIR=" + cache}, append([]string{"-r", path}, args...)...)
	}
	damage := func() {
		t.Helper()
		for _, f := range must(os.ReadDir(cache))(t) {
			if !strings.HasSuffix(f.Name(), ".catalog") {
				continue
			}
			box := must(catalogs.Open(t.Context(), filepath.Join(cache, f.Name())))(t)
			const entries = 3 // the kind of value, of which ls without --long reads none
			err := catalogtest.Meddle(t.Context(), box, func(w catalog.Writer) error { return w.Put(entries, 0, []byte("no entries at all")) })
			if err := box.Close(); err != nil {
				t.Fatal(err)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	want := ask("ls", "--long", "latest")
	if want.code != 0 || want.stdout == "" {
		t.Fatalf("%+v", want)
	}
	for _, first := range [][]string{{"ls", "--long", "latest"}, {"ls", "--no-sync", "--long", "latest"}} {
		damage()
		if got := ask(first...); got.code != 1 || !strings.Contains(got.stderr, "next synchronization builds it anew") {
			t.Errorf("%q with damage: %+v", first, got)
		}
		if got := ask("ls", "--long", "latest"); got.code != 0 || got.stdout != want.stdout || !strings.Contains(got.stderr, "is built anew") {
			t.Errorf("%q afterwards: %+v", first, got)
		}
		if got := ask("ls", "--long", "latest"); got.code != 0 || got.stdout != want.stdout || strings.Contains(got.stderr, "anew") {
			t.Errorf("%q once more: %+v", first, got)
		}
	}
}
