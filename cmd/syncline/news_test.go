package main_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
)

// slowREST serves a repository's folder in the form of restic's REST server. It counts the
// requests of each kind, and can hold the listing of the snapshots.
type slowREST struct {
	folder string
	gone   <-chan struct{} // the test ends

	mu       sync.Mutex
	requests map[string]int
	hold     bool          // the listing of the snapshots waits until a key is read
	stuck    bool          // a key that is read never arrives
	key      chan struct{} // closed when a key is read
}

func startSlowREST(t *testing.T, folder string) (s *slowREST, address string) {
	t.Helper()
	s = &slowREST{folder: folder, gone: t.Context().Done()}
	s.begin(false, false)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, "rest:" + server.URL + "/"
}

// begin forgets the requests that were made.
func (s *slowREST) begin(hold, stuck bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests, s.hold, s.stuck, s.key = map[string]int{}, hold, stuck, make(chan struct{})
}

// made returns how many requests were made of a kind.
func (s *slowREST) made(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[kind]
}

func (s *slowREST) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	dir, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	kind := "get " + dir
	if dir != "config" && name == "" {
		kind = "list " + dir
	}
	s.mu.Lock()
	s.requests[kind]++
	hold, stuck, key := s.hold && kind == "list snapshots", s.stuck && kind == "get keys", s.key
	if kind == "get keys" && s.requests[kind] == 1 {
		close(key)
	}
	s.mu.Unlock()
	if hold {
		select {
		case <-key:
		case <-r.Context().Done():
		case <-s.gone:
		}
	}
	if stuck {
		select {
		case <-r.Context().Done():
		case <-s.gone:
		}
	}
	if strings.HasPrefix(kind, "list ") {
		s.list(w, dir)
		return
	}
	if dir == "data" {
		name = name[:2] + "/" + name
	}
	http.ServeFile(w, r, filepath.Join(s.folder, dir, name))
}

func (s *slowREST) list(w http.ResponseWriter, dir string) {
	type file struct {
		Name string `json:"name"`
		Size int64  `json:"size"`
	}
	files := []file{}
	entries, _ := os.ReadDir(filepath.Join(s.folder, dir)) // a folder that is not there is an empty one
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			files = append(files, file{e.Name(), info.Size()})
		}
	}
	w.Header().Set("Content-Type", "application/vnd.x.restic.rest.v2")
	_ = json.NewEncoder(w).Encode(files)
}

// TestKeyBesideASlowListing: where the listings take long, the key is derived beside them.
// The listing of the snapshots does not end here before a key is read.
func TestKeyBesideASlowListing(t *testing.T) {
	t.Parallel()
	folder := resticfixture.Unpack(t, "v2-old")
	s, address := startSlowREST(t, folder)
	cache := "SYNCLINE_CACHE_DIR=" + t.TempDir()
	passwords := t.TempDir()
	right, wrong := filepath.Join(passwords, "right"), filepath.Join(passwords, "wrong")
	for path, text := range map[string]string{right: resticfixture.Password, wrong: "wrong"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := runProgram(t, []string{cache}, "-r", address, "sync"); got.code != 0 {
		t.Fatal(got)
	}
	find := func(what string, code int, keys int, args ...string) {
		t.Helper()
		got := runProgram(t, []string{cache}, append([]string{"-r", address, "find", "--json", "*"}, args...)...)
		if got.code != code || code == 0 && got.stderr != "" {
			t.Errorf("%s: exit code %d and %q, want %d", what, got.code, got.stderr, code)
		}
		if n := s.made("get keys"); n < min(keys, 1) || n > keys {
			t.Errorf("%s: %d keys were read, want %d at most", what, n, keys)
		}
		if s.made("list keys") > 1+min(1, code) || s.made("get config") != 1 {
			t.Errorf("%s: the requests %v", what, s.requests)
		}
	}
	for what, password := range map[string]string{"the right password": right, "a wrong one": wrong} {
		s.begin(true, false)
		find("nothing new, "+what, 0, 2, "--password-file", password)
	}
	s.begin(true, true)
	find("nothing new, and the key does not arrive", 0, 1)

	list, err := filepath.Glob(filepath.Join(folder, "snapshots", "*"))
	if err != nil || len(list) < 2 {
		t.Fatal(list, err)
	}
	away := filepath.Join(t.TempDir(), "away")
	if err := os.Rename(list[0], away); err != nil {
		t.Fatal(err)
	}
	s.begin(true, false)
	find("news, a wrong password", 12, 2, "--password-file", wrong)
	s.begin(true, false)
	find("news", 0, 2)
	if err := os.Rename(away, list[0]); err != nil {
		t.Fatal(err)
	}
	s.begin(false, false)
	find("news, listed at once, from a command", 0, 2, "--password-command", "cat '"+right+"'")
	if n := s.made("get snapshots"); n != 1 {
		t.Errorf("%d snapshots were read, want the new one", n)
	}
}

// TestPasswordOnlyForNews runs every command that answers from the catalog, with a command
// for the password that would fail.
func TestPasswordOnlyForNews(t *testing.T) {
	t.Parallel()
	s, address := startSlowREST(t, resticfixture.Unpack(t, "v2-old"))
	cache := "SYNCLINE_CACHE_DIR=" + t.TempDir()
	run := func(env []string, args ...string) outcome {
		return runProgram(t, append(env, cache), append([]string{"-r", address}, args...)...)
	}
	if got := run(nil, "sync"); got.code != 0 {
		t.Fatal(got)
	}
	var snapshots []struct{ ID, Tree string }
	if err := json.Unmarshal([]byte(run(nil, "snapshots", "--json").stdout), &snapshots); err != nil || len(snapshots) < 2 {
		t.Fatal(snapshots, err)
	}
	var file string
	for line := range strings.Lines(run(nil, "ls", "latest", "--json").stdout) {
		var node struct{ Type, Path string }
		if err := json.Unmarshal([]byte(line), &node); err != nil {
			t.Fatal(err)
		}
		if node.Type == "file" {
			file = node.Path
		}
	}
	ran := filepath.Join(t.TempDir(), "ran")
	password := []string{"RESTIC_PASSWORD_COMMAND=touch '" + ran + "'"}
	first, second := snapshots[0].ID, snapshots[1].ID
	for _, args := range [][]string{
		{"sync"},
		{"snapshots"},
		{"snapshots", "--json"},
		{"ls", "latest"},
		{"ls", "--json", "latest"},
		{"find", "*"},
		{"find", "--json", "*"},
		{"find", "--tree", snapshots[0].Tree},
		{"history", file},
		{"diff", first, second},
		{"diff", "--json", first, second},
		{"stats"},
		{"stats", "--mode", "raw-data"},
		{"stats", "--mode", "files-by-contents"},
		{"stats", "--mode", "blobs-per-file"},
	} {
		s.begin(false, false)
		if got := run(password, args...); got.code != 0 || got.stdout == "" && got.stderr == "" {
			t.Errorf("%q: %+v", args, got)
		}
		if _, err := os.Stat(ran); err == nil {
			t.Fatalf("%q runs the command for the password", args)
		}
		if len(s.requests) != 4 || s.made("list snapshots") != 1 || s.made("list index") != 1 || s.made("list keys") != 1 || s.made("get config") != 1 {
			t.Errorf("%q makes the requests %v", args, s.requests)
		}
	}
	for _, args := range [][]string{{"cat", "latest", file}, {"dump", "latest", file}, {"restore", "latest", "--target", t.TempDir()}} {
		if got := run([]string{"RESTIC_PASSWORD=wrong"}, args...); got.code != 12 {
			t.Errorf("%q with a wrong password: %+v", args, got)
		}
	}
}
