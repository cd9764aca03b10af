package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/resticfixture"
)

const fleetUserPassword = "some words at random"

// fleet is a file of declarations beside its secrets.
type fleet struct {
	t     *testing.T
	file  string
	data  string
	paths []string
}

// newFleet makes a repository with restic, copies of it, and the files of their secrets.
func newFleet(t *testing.T, data string, repositories int) *fleet {
	f := &fleet{t: t, data: data, file: filepath.Join(t.TempDir(), "fleet.yaml"), paths: []string{resticfixture.Init(t, 2)}}
	for range repositories - 1 {
		repo := filepath.Join(t.TempDir(), "repo")
		if err := os.CopyFS(repo, os.DirFS(f.paths[0])); err != nil {
			t.Fatal(err)
		}
		f.paths = append(f.paths, repo)
	}
	f.secret("key", resticfixture.Password)
	f.secret("user", fleetUserPassword)
	return f
}

func (f *fleet) secret(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(filepath.Dir(f.file), name), []byte(text+"\n"), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// text declares the repositories from one number to another.
func (f *fleet) text(from, to int) string {
	var b strings.Builder
	b.WriteString("name: fleet\nkeys:\n- name: main\n  password: {file: key}\nrepositories:\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "- name: host %02d\n  path: %s\n  key: main\n  description: number %d\n", i, f.paths[i], i)
	}
	b.WriteString("users:\n- name: ann\n  role: operator\n  password: {env: ANN_PASSWORD}\n")
	return b.String()
}

// apply writes the file and applies it.
func (f *fleet) apply(text string, code int, args ...string) (stdout, stderr string) {
	f.t.Helper()
	if err := os.WriteFile(f.file, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	got := runProgram(f.t, []string{"ANN_PASSWORD=" + fleetUserPassword}, append([]string{"apply", "-f", f.file, "--data", f.data}, args...)...)
	if got.code != code {
		f.t.Fatalf("apply %q: exit code %d instead of %d:\n%s%s", args, got.code, code, got.stdout, got.stderr)
	}
	for _, secret := range []string{resticfixture.Password, fleetUserPassword} {
		if strings.Contains(strings.ReplaceAll(got.stdout+got.stderr, f.file, ""), secret) {
			f.t.Errorf("a secret is shown:\n%s%s", got.stdout, got.stderr)
		}
	}
	return got.stdout, got.stderr
}

// Forty repositories are one file: applied, applied again, tried, changed and pruned.
func TestApplyFleet(t *testing.T) {
	t.Parallel()
	const n = 40
	data := t.TempDir()
	node := start(t, data)
	c := must(client.New(node.url, client.Options{UserName: "administrator", Password: adminPassword, Fingerprint: node.fingerprint()}))(t)
	t.Cleanup(c.CloseIdleConnections)
	ctx := t.Context()
	f := newFleet(t, data, n)
	count := func(want int) []client.Repository {
		t.Helper()
		list := must(c.Repositories(ctx))(t)
		if len(list) != want {
			t.Fatalf("%d repositories, want %d", len(list), want)
		}
		return list
	}
	alien := must(c.AddEncryptionKey(ctx, "of nobody's", "alien"))(t)

	if info := must(os.Stat(filepath.Join(data, "local-access.json")))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the way in: %v", info.Mode())
	}
	out, _ := f.apply(f.text(0, n), 0, "--dry-run")
	if !strings.Contains(out, fmt.Sprintf("%d to add, 0 to change, 0 to remove", n+2)) || !strings.Contains(out, `password: from the file key`) {
		t.Errorf("dry run:\n%s", out)
	}
	count(0)
	if out, _ = f.apply(f.text(0, n), 0); strings.Count(out, "done: ") != n+2 {
		t.Errorf("the first time:\n%s", out)
	}
	for _, r := range count(n) {
		if r.ManagedBy != "fleet" || r.Description == "" {
			t.Errorf("got %+v", r)
		}
	}
	if out, _ = f.apply(f.text(0, n), 0, "--prune"); out != "nothing to change\n" {
		t.Errorf("the second time:\n%s", out)
	}

	// The API refuses what the file declares, and the file takes over what is nobody's.
	managed := count(n)[0]
	if err := c.DetachRepository(ctx, managed.ID); client.StatusOf(err) != 409 || !strings.Contains(err.Error(), "fleet") {
		t.Errorf("a declared repository was removed: %v", err)
	}
	more := strings.Replace(f.text(0, n), "keys:\n", "keys:\n- name: alien\n", 1)
	if out, _ = f.apply(more, 0); !strings.Contains(out, `~ key "alien"`) || strings.Count(out, "\n") != 1 {
		t.Errorf("taking over:\n%s", out)
	}
	if out, _ = f.apply(f.text(0, n), 0); out != "nothing to change\n" { // no --prune
		t.Errorf("without the key:\n%s", out)
	}

	// A change of one, and the rest is left alone.
	if out, _ = f.apply(strings.Replace(f.text(0, n), "name: host 07", "name: host seven", 1), 0); !strings.Contains(out, `~ repository "host seven"`) || strings.Count(out, "\n") != 1 {
		t.Errorf("renaming:\n%s", out)
	}
	const rules = "rules:\n- {name: daily, repository: host 09, maxAge: 48h}\n- {name: all, maxAge: 7d, hostPattern: web*, paths: [/etc], severity: Critical, enabled: false}\n"
	scheduled := rules + strings.Replace(f.text(3, n), "number 9\n", "number 9\n  synchronization: {cron: 0 3 * * *, timeZone: Europe/Berlin}\n", 1)
	if out, _ = f.apply(f.text(3, n), 0, "--dry-run", "--prune"); !strings.Contains(out, "0 to add, 1 to change, 4 to remove") || !strings.Contains(out, `name: "host seven" -> "host 07"`) {
		t.Errorf("dry run of a removal:\n%s", out)
	}
	count(n)
	f.apply(scheduled, 0, "--prune")
	if out, _ = f.apply(scheduled, 0, "--dry-run"); out != "0 to add, 0 to change, 0 to remove\n" {
		t.Errorf("the schedule is set again:\n%s", out)
	}
	count(n - 3)
	if _, err := c.EncryptionKey(ctx, alien.ID); client.StatusOf(err) != 404 {
		t.Errorf("the key that was taken over is still there: %v", err)
	}

	exportAgain(t, node, f)
}

// exportAgain checks that an export, applied, changes nothing, and ends the server.
func exportAgain(t *testing.T, node *node, f *fleet) {
	data := f.data
	for _, args := range [][]string{{"export"}, {"apply", "-f", f.file}} {
		if got := runProgram(t, nil, append(args, "--data", data, "--server", node.url)...); got.code != 1 || !strings.Contains(got.stderr, "--server and --data cannot be given together") {
			t.Errorf("%s of two servers: %d %s", args[0], got.code, got.stderr)
		}
	}
	exported := runProgram(t, nil, "export", "--data", data)
	if exported.code != 0 || strings.Contains(exported.stdout, fleetUserPassword) || !strings.Contains(exported.stdout, "password: {env: SECRET_KEY_MAIN} # the server does not give it back") {
		t.Fatalf("export: %d\n%s%s", exported.code, exported.stdout, exported.stderr)
	}
	if err := os.WriteFile(f.file, []byte(exported.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	variables := []string{"SECRET_KEY_MAIN=" + resticfixture.Password, "SECRET_USER_ANN=" + fleetUserPassword, "SECRET_USER_ADMINISTRATOR=" + adminPassword}
	for _, want := range []string{"done:     ~ user \"administrator\"\n", "nothing to change\n"} { // who was nobody's
		if got := runProgram(t, variables, "apply", "-f", f.file, "--prune", "--data", data); got.code != 0 || got.stdout != want {
			t.Errorf("applying the export: %d\n%s%s", got.code, got.stdout, got.stderr)
		}
	}
	if got := runProgram(t, nil, "apply", "-f", f.file, "--data", data); got.code != 1 || !strings.Contains(got.stderr, "SECRET_KEY_MAIN is not set") {
		t.Errorf("a variable is not set: %d %s", got.code, got.stderr)
	}
	runProgram(t, variables, "config", "check").ran(t, 0) // serve takes such variables for no mistake
	if err := node.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if got := runProgram(t, variables, "apply", "-f", f.file, "--data", data); got.code != 1 || !strings.Contains(got.stderr, "no server runs on the data directory") {
		t.Errorf("without a server: %d %s", got.code, got.stderr)
	}
}

// A step that fails leaves the others, and the next time takes what is left.
func TestApplyInParts(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	node := start(t, data)
	f := newFleet(t, data, 3)
	hidden := f.paths[1] + ".away"
	if err := os.Rename(f.paths[1], hidden); err != nil {
		t.Fatal(err)
	}
	out, errs := f.apply(f.text(0, 3), 1)
	if !strings.Contains(out, `failed:   + repository "host 01": path: `) || strings.Count(out, "done: ") != 4 || !strings.Contains(errs, "1 of 5 steps are not done") {
		t.Errorf("in part:\n%s%s", out, errs)
	}
	if err := os.Rename(hidden, f.paths[1]); err != nil {
		t.Fatal(err)
	}
	if out, _ = f.apply(f.text(0, 3), 0); out != "done:     + repository \"host 01\"\n" {
		t.Errorf("again:\n%s", out)
	}

	// A key that is not there holds up those that need it.
	text := f.text(0, 3) + "- name: bert\n  role: viewer\n  password: {env: ANN_PASSWORD}\n"
	text = strings.Replace(text, "keys:\n", "keys:\n- name: other\n  password: {file: user}\n", 1)
	text = strings.Replace(text, f.paths[2]+"\n  key: main", f.paths[2]+"\n  key: other", 1)
	out, _ = f.apply(text, 1)
	if !strings.Contains(out, `done:     + key "other"`) || !strings.Contains(out, `failed:   ~ repository "host 02": encryptionKeyId: `) || !strings.Contains(out, `done:     + user "bert"`) {
		t.Errorf("with a wrong password:\n%s", out)
	}
	f.secret("user", resticfixture.Password)
	if out, _ = f.apply(text, 0); !strings.Contains(out, `~ key "other"`) || !strings.Contains(out, `~ repository "host 02"`) {
		t.Errorf("with the right one:\n%s", out)
	}

	// A key that is not of the file is called by its description.
	moved := strings.Replace(text, f.paths[2]+"\n  key: other", f.paths[2]+"\n  key: main", 1)
	moved = strings.Replace(moved, "- name: other\n  password: {file: user}\n", "", 1)
	if out, _ = f.apply(moved, 0, "--dry-run"); !strings.Contains(out, `    key: "other" -> "main"`) {
		t.Errorf("a key that is not of the file:\n%s", out)
	}

	// Mistakes are told before anything is done.
	for bad, says := range map[string]string{
		strings.Replace(text, "description: number 1", "descriptio: number 1", 1): `do you mean description?`,
		strings.Replace(text, "{file: key}", "swordfish", 1):                      "a secret must not stand in the file",
		strings.Replace(text, "key: main", "key: mian", 1):                        `there is no key "mian" in the file`,
		strings.Replace(text, "name: bert", "name: Ann", 1):                       "stands in the file twice",
		strings.Replace(text, "name: fleet", "name: other", 1):                    `the file "fleet" declares`,
		strings.Repeat("# comment\n", 1<<19):                                      "larger than 4 MiB",
		"name: a\nusers: &x []\nkeys: *x\n":                                       "is an alias",
	} {
		if _, errs := f.apply(bad, 1); !strings.Contains(errs, says) {
			t.Errorf("%q does not say %q", errs, says)
		}
	}

	// The same through a sign-in.
	u := node.user([]string{"ANN_PASSWORD=" + fleetUserPassword})
	u.must(0, "", "login", "--fingerprint", node.fingerprint(), node.url)
	f.apply(text, 0)
	if out := u.must(0, "", "apply", "-f", f.file, "--server", node.url); out != "nothing to change\n" {
		t.Errorf("through the server:\n%s", out)
	}
	u.must(1, "please name the server", "apply", "-f", f.file)
	u.must(1, "please name the file", "apply", "--server", node.url)
	if err := node.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}
