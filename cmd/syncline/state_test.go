package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
)

const statePassphrase = "a passphrase of the copy"

// attachSynchronized attaches a checked-in repository and synchronizes it.
func (n *node) attachSynchronized(name string) (repo string) {
	n.t.Helper()
	repo = n.attachFixture(name, resticfixture.Unpack(n.t, "v2-old"))
	n.finish(n.sync(repo).ID)
	return repo
}

func (n *node) sessions() (list []session) {
	n.t.Helper()
	n.call("GET", "/v6/RepositorySynchronizeSessions", nil, 200, &list)
	return list
}

func (n *node) stop() {
	n.t.Helper()
	if err := n.signal(syscall.SIGTERM); err != nil {
		n.t.Fatal(err)
	}
}

// filesOf returns the names below a folder with their sizes, without the lock.
func filesOf(t *testing.T, dir string) (all string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() && filepath.Base(path) != "lock" {
			all += fmt.Sprintf("%s %d\n", strings.TrimPrefix(path, dir), info.Size())
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return all
}

// ran fails the test unless a command ended with that code and said these texts.
func (got outcome) ran(t *testing.T, code int, said ...string) outcome {
	t.Helper()
	for _, text := range said {
		if !strings.Contains(got.stderr, text) {
			t.Errorf("it does not say %q: %s", text, got.stderr)
		}
	}
	if got.code != code {
		t.Fatalf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	return got
}

// A copy that is taken while the server writes has everything that was answered
// before, and brings it back with the catalogs.
func TestStateOfRunningServer(t *testing.T) {
	t.Parallel()
	data, dir := filepath.Join(t.TempDir(), "data"), t.TempDir()
	file, moved := filepath.Join(dir, "state"), filepath.Join(dir, "moved")
	n := start(t, data)
	repo, checkAccounts := n.attachSynchronized("one"), n.keptAccounts()
	for i := range 12 {
		n.addKeys(fmt.Sprint("key", i))
	}
	keys, done := n.keys(), make(chan struct{})
	go func() { // writes on
		defer close(done)
		for i := range 20 {
			n.addKeys(fmt.Sprint("later", i))
		}
	}()
	runProgram(t, nil, "backup-state", file, "--data", data).ran(t, 0, " KiB)", "the key is not in it")
	<-done
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
	runProgram(t, nil, "backup-state", file, "--data", data).ran(t, 1, "exists", "--force")
	runProgram(t, nil, "backup-state", file, "--data", data, "--force").ran(t, 0)
	for _, used := range []string{"syncline.db", "secret.key", "tls/tls.pem"} {
		runProgram(t, nil, "backup-state", filepath.Join(data, used), "--data", data, "--force").ran(t, 1, "of the server itself")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left beside the copy: %v, %v", left, err)
	}
	// A server's directory is refused, running or not.
	runProgram(t, nil, "restore-state", file, "--data", data).ran(t, 1, "another server uses")
	n.stop()
	before := filesOf(t, data)
	runProgram(t, nil, "restore-state", file, "--data", data).ran(t, 1, "has a state")
	if after := filesOf(t, data); after != before {
		t.Errorf("the files\n%s became\n%s", before, after)
	}

	// The key and the catalogs are in place, as after the loss of the database alone.
	if err := os.Mkdir(moved, 0o700); err != nil {
		t.Fatal(err)
	}
	copyInto(t, data, moved, "secret.key")
	if err := os.Rename(filepath.Join(data, "catalogs"), filepath.Join(moved, "catalogs")); err != nil {
		t.Fatal(err)
	}
	runProgram(t, nil, "restore-state", file, "--data", moved).ran(t, 0, "1 catalog is in place")
	m := start(t, moved)
	if got := m.keys(); !strings.HasPrefix(got, keys) {
		t.Errorf("the keys are %q", got)
	}
	if list := m.sessions(); len(list) != 1 || list[0].State != "None" || m.outOfSync(repo) {
		t.Errorf("the catalog is not used: %+v", list)
	}
	m.wantWhole(repo, 5)
	m.finish(m.sync(repo).ID) // the password opens
	checkAccounts(m)
	if want, got := certificateOf(t, data), certificateOf(t, moved); want != got {
		t.Error("the certificate is another one")
	}
	if told := m.incomplete(); len(told) != 0 {
		t.Errorf("the copy counts as incomplete: %q", told)
	}
}

func certificateOf(t *testing.T, data string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(data, "tls", "tls.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A sealed copy has the key in it. It goes through pipes, and to another machine.
func TestSealedState(t *testing.T) {
	t.Parallel()
	data, moved := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "below", "moved")
	n := start(t, data)
	repo := n.attachSynchronized("one")
	n.stop()
	env := []string{"SYNCLINE_STATE_PASSPHRASE=" + statePassphrase}
	made := runProgram(t, env, "backup-state", "-", "--with-key", "--data", data).ran(t, 0)
	key, err := os.ReadFile(filepath.Join(data, "secret.key"))
	if err != nil || !strings.HasPrefix(made.stdout, "age-encryption.org/v1\n") || strings.Contains(made.stdout, string(key)) {
		t.Fatalf("the copy is not sealed: %.40q, %v", made.stdout, err)
	}
	file := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(file, []byte(made.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		env  []string
		code int
		said string
	}{
		{[]string{"SYNCLINE_STATE_PASSPHRASE=another passphrase"}, 12, "passphrase does not open"},
		{nil, 1, "needs a passphrase"},
	} {
		runProgram(t, tt.env, "restore-state", file, "--data", moved).ran(t, tt.code, tt.said)
		if _, err := os.Stat(moved); !os.IsNotExist(err) {
			t.Errorf("a directory is left: %v", err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program, "restore-state", "-", "--data", moved)
	cmd.Env, cmd.Stdin = append(os.Environ(), env...), strings.NewReader(made.stdout)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "synchronize each") {
		t.Fatalf("%v: %s", err, out)
	}
	if restored, err := os.ReadFile(filepath.Join(moved, "secret.key")); err != nil || !bytes.Equal(restored, key) {
		t.Errorf("the key is %x, %v", restored, err)
	}
	m := start(t, moved)
	if !m.outOfSync(repo) {
		t.Error("a repository without a catalog counts as in sync")
	}
	m.finish(m.sync(repo).ID)
	m.wantWhole(repo, 5)

	// Each flag is honoured or refused.
	for _, args := range [][]string{
		{"backup-state", file + "2", "--data", data, "--with-key"},
		{"backup-state", "-", "--data", data, "--force"},
		{"backup-state", file + "2", "--data", data, "--passphrase-file", file},
		{"backup-state", "", "--data", data},
		{"backup-state", filepath.Join(file, "below"), "--data", data},
		{"backup-state", file + "2", "--data", t.TempDir()},
		{"restore-state", file + "3", "--data", t.TempDir()},
	} {
		runProgram(t, nil, args...).ran(t, 1)
	}
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	runProgram(t, nil, "backup-state", file+"2", "--with-key", "--passphrase-file", short, "--data", data).ran(t, 1, "12 characters")
	if _, err := os.Stat(file + "2"); !os.IsNotExist(err) {
		t.Errorf("a refused copy left a file: %v", err)
	}
}

// A damaged copy and one that does not fit change nothing. Without a key the next step
// is told.
func TestStateThatDoesNotFit(t *testing.T) {
	t.Parallel()
	data, dir := filepath.Join(t.TempDir(), "data"), t.TempDir()
	file, restored := filepath.Join(dir, "state"), filepath.Join(dir, "restored")
	n := start(t, data)
	repo := n.attachSynchronized("one")
	n.stop()
	runProgram(t, nil, "backup-state", file, "--data", data).ran(t, 0)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(restored, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	changed := bytes.Clone(whole)
	changed[len(changed)/2] ^= 1
	write("changed", changed)
	write("cut", whole[:len(whole)-9])
	write("restored/secret.key", bytes.Repeat([]byte("k"), 32))
	before := filesOf(t, restored)
	for name, said := range map[string]string{
		"changed": "damaged or no complete copy", "cut": "damaged or no complete copy", "state": "belongs to another installation",
	} {
		runProgram(t, nil, "restore-state", filepath.Join(dir, name), "--data", restored).ran(t, 1, said)
		if after := filesOf(t, restored); after != before {
			t.Errorf("%s: the files\n%s became\n%s", name, before, after)
		}
	}
	if err := os.Remove(filepath.Join(restored, "secret.key")); err != nil {
		t.Fatal(err)
	}
	runProgram(t, nil, "restore-state", file, "--data", restored).ran(t, 0, "the key is missing", "1 stored password")
	if said := refusal(t, "SYNCLINE_ADMIN_PASSWORD="+adminPassword, "--data", restored); !strings.Contains(said, "key file of the server's database is missing") {
		t.Errorf("the server said %s", said)
	}
	copyInto(t, data, restored, "secret.key")
	m := start(t, restored)
	m.finish(m.sync(repo).ID)
	m.stop()

	fresh := filepath.Join(dir, "fresh")
	runProgram(t, nil, "restore-state", file, "--data", fresh, "--new-key").ran(t, 0, "the key is new: enter 1 stored password again")
	m = start(t, fresh)
	all := m.events(m.sync(repo).ID)
	if last := all[len(all)-1]; last.State != "Failed" || !strings.Contains(last.Error, "enter the secret again") {
		t.Errorf("the session ended as %+v", last)
	}
}

// backup-state and restore-state find the directory and the key as serve does.
func TestStateOfTheFile(t *testing.T) {
	t.Parallel()
	dir, key := t.TempDir(), fleetKeyFile(t)
	data, moved, file := filepath.Join(dir, "data"), filepath.Join(dir, "moved"), filepath.Join(dir, "state")
	config := func(data string) string {
		path := filepath.Join(dir, filepath.Base(data)+".yaml")
		if err := os.WriteFile(path, []byte("data: "+data+"\nsecret-key-file: "+key+"\ntls-cert: /none\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	start(t, data, "--secret-key-file", key).stop()
	env := []string{"SYNCLINE_STATE_PASSPHRASE=a passphrase"}
	runProgram(t, append(env, "SYNCLINE_CONFIG="+config(data)), "backup-state", file, "--with-key").ran(t, 0, "the state of installation")
	runProgram(t, env, "restore-state", file, "--config", config(moved), "--new-key").ran(t, 1, "moved.yaml:2 names the file of another one")
	runProgram(t, env, "restore-state", file, "--config", config(moved)).ran(t, 0, moved)
	runProgram(t, env, "backup-state", file+"2", "--config", config(data), "--data", filepath.Join(dir, "none")).ran(t, 1, "no server's data in "+filepath.Join(dir, "none"))
	start(t, moved, "--secret-key-file", key).stop()
}
