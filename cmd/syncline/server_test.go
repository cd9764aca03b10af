package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// fingerprint returns that of the server's certificate, as openssl would see it.
func (n *node) fingerprint() string {
	n.t.Helper()
	_, stderr, _ := n.user(nil).run("login", n.url)
	found := regexp.MustCompile(`fingerprint is ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})`).FindStringSubmatch(stderr)
	if found == nil {
		n.t.Fatalf("login to a server that is not trusted said %q", stderr)
	}
	return found[1]
}

// someone is a user with a configuration folder.
type someone struct {
	t      *testing.T
	config string
	env    []string
}

func (n *node) user(env []string) *someone {
	dir := n.t.TempDir()
	return &someone{n.t, filepath.Join(dir, "syncline", "servers.json"), append([]string{
		"XDG_CONFIG_HOME=" + dir, "HOME=" + dir, "SYNCLINE_USER=administrator", "SYNCLINE_PASSWORD=" + adminPassword,
		"SYNCLINE_CACHE_DIR=" + filepath.Join(dir, "cache"),
	}, env...)}
}

func (s *someone) run(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	got := runProgram(s.t, s.env, args...)
	return got.stdout, got.stderr, got.code
}

// must runs a command that must end with a code and say something.
func (s *someone) must(code int, says string, args ...string) string {
	s.t.Helper()
	stdout, stderr, got := s.run(args...)
	if got != code || !strings.Contains(stderr, says) {
		s.t.Fatalf("syncline %q: exit code %d instead of %d, %q does not say %q", args, got, code, stderr, says)
	}
	return stdout
}

// tokens returns what is kept, and changes it.
func (s *someone) tokens(change func(token map[string]any)) {
	s.t.Helper()
	raw, err := os.ReadFile(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	var all struct {
		Servers map[string]map[string]any `json:"servers"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		s.t.Fatal(err)
	}
	for _, server := range all.Servers {
		change(server["token"].(map[string]any))
	}
	if raw, err = json.Marshal(all); err == nil {
		err = os.WriteFile(s.config, raw, 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir())
	print := n.fingerprint()
	u := n.user(nil)
	u.must(1, "nobody is signed in", "snapshots", "--server", n.url)
	u.must(1, "syncline login --fingerprint "+print+" "+n.url, "login", n.url)
	u.must(1, "another certificate", "login", "--fingerprint", strings.Repeat("ab", 32), n.url)
	u.must(1, "64 hexadecimal digits", "login", "--fingerprint", "ab", n.url)
	u.must(1, "https", "login", "http://"+strings.TrimPrefix(n.url, "https://"))
	n.user([]string{"SYNCLINE_USER="}).must(1, "--user", "login", n.url)
	if _, err := os.Stat(u.config); err == nil {
		t.Error("a login that failed left something")
	}
	wrong := n.user([]string{"SYNCLINE_PASSWORD=wrong"})
	wrong.must(12, "user name or the password", "login", "--fingerprint", print, n.url)
	u.must(0, "signed in to "+n.url+" as administrator", "login", "--fingerprint", strings.ToLower(print), n.url)
	if runtime.GOOS != "windows" {
		for path, mode := range map[string]os.FileMode{u.config: 0o600, filepath.Dir(u.config): os.ModeDir | 0o700} {
			if info, err := os.Stat(path); err != nil || info.Mode() != mode {
				t.Errorf("%s has the mode %v, %v", path, info.Mode(), err)
			}
		}
	}
	if raw, err := os.ReadFile(u.config); err != nil || strings.Contains(string(raw), adminPassword) {
		t.Errorf("the password is kept: %v", err)
	}
	u.must(10, "none is attached", "snapshots", "--server", n.url)
	u.must(1, "leave it out", "snapshots", "--server", n.url, "--password-file", "x")

	// A token that has ended is renewed once, also by many at once.
	var before, after string
	u.tokens(func(token map[string]any) { token["expires"], before = time.Now(), token["refresh_token"].(string) })
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			if got := runProgram(t, u.env, "find", "x", "--server", n.url); got.code != 0 {
				t.Errorf("beside others: %+v", got)
			}
		})
	}
	group.Wait()
	u.tokens(func(token map[string]any) { after = token["refresh_token"].(string) })
	if before == after {
		t.Error("the token was not renewed")
	}
	u.tokens(func(token map[string]any) { token["access_token"] = "refused" })
	u.must(0, "", "find", "x", "--server", n.url)
	u.tokens(func(token map[string]any) { token["access_token"], token["refresh_token"] = "refused", before })
	u.must(1, "syncline login", "find", "x", "--server", n.url)
	u.must(0, "signed in", "login", n.url) // what was trusted is

	var token string
	u.tokens(func(kept map[string]any) { token = kept["access_token"].(string) })
	u.must(0, "signed out", "logout", "--server", n.url)
	n.token = token
	n.call("GET", "/v6/BackupRepositories", nil, 401, nil)
	u.must(1, "nobody is signed in", "logout", n.url)
	u.must(0, "signed in", "login", n.url)
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	u.must(1, "cannot be reached", "find", "x", "--server", n.url)
	u.must(0, "could not be ended on the server", "logout", n.url)
}

// answered are commands that a server answers as well.
func answered(src, before, after, newest string) [][]string {
	return [][]string{
		{"snapshots"},
		{"snapshots", "--json"},
		{"snapshots", "--json", "--group-by", "host", "--latest", "1"},
		{"ls", "--json", before},
		{"ls", "--ncdu", after},
		{"ls", "--sort", "size", "--reverse", before},
		{"ls", "--json", "--recursive", before, src + "/in", src + "/many"},
		{"ls", "-l", before + ":" + src, "/many"},
		{"ls", before, src + "/mode/x"},
		{"find", "--json", "--reverse", "in"},
		{"find", "text*", "mode", "y"},
		{"find", "--long", "--contains", "ÜN"},
		{"find", "--tag", "x", "file*"},
		{"find", "--snapshot", after, "y"},
		{"find", "--path", src, "--type", "l", "*"},
		{"find", "--min-size", "0", "--max-size", "3", "file*"},
		{"find", "--oldest", "2001-01-01", "y"},
		{"find", "--json", "nothing at all"},
		{"find", "--json", "--limit", "3", "*"},
		{"find", "--limit", "1", "y"},
		{"history", src + "/text <&>"},
		{"history", "--json", "--host", "two", src + "/many"},
		{"history", "/none"},
		{"diff", "--metadata", before, after},
		{"diff", "--json", after, before},
		{"diff", "--metadata", before + ":" + src + "/in", after + ":" + src + "/in"},
		{"diff", before, newest},
		{"cat", before + ":" + src, "in/x/y"},
		{"cat", before, src + "/gone \xff"},
		{"cat", before, src},
		{"stats"},
		{"stats", "--json", "--mode", "raw-data", before, newest},
		{"stats", "--mode", "files-by-contents", "--host", "two"},
		{"stats", "--json", "--mode", "blobs-per-file"},
		{"stats", "--json", "--host", "nobody"},
		{"stats", "--snapshots", after},
		{"stats", "--json", "--snapshots"},
		{"stats", "--json", "--content", "files", before},
		{"stats", "--content", "folders"},
		{"stats", "--content", "kinds", "none"},
	}
}

// A command prints the same with a server and without one, byte for byte.
func TestServerAnswersLikeLocalCommands(t *testing.T) {
	t.Parallel()
	repo, src := changingTree(t)
	restic(t, repo, "backup", "--host", "two", "--tag", "x,y", filepath.Join(src, "many"))
	n := start(t, t.TempDir())
	id := n.attach("Main", repo)
	u := n.user([]string{"TZ=UTC"})
	u.must(0, "", "login", "--fingerprint", n.fingerprint(), n.url)
	u.must(1, "no catalog of Main yet", "snapshots", "--server", n.url)
	if out := u.must(0, "", "sync", "--server", n.url); !strings.Contains(out, "3 snapshots (3 new, 0 gone)") {
		t.Errorf("sync said %q", out)
	}
	var points []struct{ SnapshotID string }
	n.call("GET", "/v6/RestorePoints?repositoryId="+id, nil, 200, &points)
	newest, after, before := points[0].SnapshotID, points[1].SnapshotID, points[2].SnapshotID
	local := &someone{t, "", append(u.env, "RESTIC_REPOSITORY="+repo, "RESTIC_PASSWORD="+repoPassword)}
	local.must(0, "", "sync")
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, args := range answered(src, before, after, newest) {
		group.Go(func() error {
			want := runProgram(t, local.env, append(args, "--no-sync")...)
			got := runProgram(t, u.env, append(args, "--server", n.url, "-r", "main")...)
			if got.code != want.code || got.stdout != want.stdout {
				t.Errorf("syncline %q: exit code %d, with a server %d (%s)\n%s\nwith a server:\n%s", args, want.code, got.code, got.stderr, want.stdout, got.stdout)
			}
			if len(want.stdout) == 0 && want.code == 0 && args[1] != "--oldest" {
				t.Errorf("syncline %q prints nothing", args)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}

	u.env = append(u.env, "SYNCLINE_SERVER="+n.url, "RESTIC_REPOSITORY=/nowhere")
	for _, form := range []string{"--json", "--ncdu"} { // the tree of a folder is not known
		if out := u.must(0, "", "ls", form, before+":"+src); !strings.Contains(strings.Split(out, "\n")[0], `"tree":null,`) {
			t.Errorf("ls %s of a folder said %q", form, out)
		}
	}
	if out := u.must(0, "", "find", "file 0*"); strings.Contains(out, "repository") || !strings.Contains(out, "file 07") {
		t.Errorf("find in the only repository said %q", out)
	}
	n.finish(n.sync(n.attach("Other", newRepository(t, 30, 1))).ID)
	out := u.must(0, "", "find", "file 7*", "file 07")
	if strings.Count(out, "repository ") != 2 || !strings.Contains(out, "file 7 <b>.txt") || !strings.Contains(out, "many/file 07") {
		t.Errorf("find in two repositories said %q", out)
	}
	u.must(1, "Main, Other", "snapshots")
	u.must(10, "Main, Other", "snapshots", "-r", "third")
	u.must(0, "", "snapshots", "-r", id)
}
