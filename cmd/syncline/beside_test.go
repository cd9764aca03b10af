package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
)

// twoSnapshots makes a small repository in a folder, and returns the folder, the
// ids of its two snapshots and the path that they hold.
func twoSnapshots(t *testing.T) (repo string, ids []string, source string) {
	t.Helper()
	repo, source = resticfixture.Init(t, 2), filepath.Join(t.TempDir(), "src")
	if err := os.Mkdir(source, 0o755); err != nil {
		t.Fatal(err)
	}
	resticfixture.MakeTree(t, source, 7, 60)
	for seed := range uint64(2) {
		resticfixture.MutateTree(t, source, seed, 0.3)
		if err := os.WriteFile(filepath.Join(source, "budget.txt"), []byte("0"), 0o644); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, resticfixture.Backup(t, repo, source))
	}
	return repo, ids, source
}

// besideRestic asks restic and the program the same of one repository in a
// storage, which is a copy of what twoSnapshots made. The answers, the restored
// files and the exit codes are the same, and neither the answers nor the errors
// tell a secret. none is an address of the same storage without a repository.
func besideRestic(t *testing.T, r storedRepository, none string, ids []string, source string) {
	t.Helper()
	cache := "SYNCLINE_CACHE_DIR=" + t.TempDir()
	both := func(env []string, address string, args ...string) (want, got outcome) {
		t.Helper()
		all := slices.Concat([]string{"-r", address}, r.options, args)
		env = slices.Concat(r.env, env)
		want, got = runPinned(t, env, append(all, "--no-cache", "--no-lock")...), runProgram(t, append(env, cache), all...)
		if got.code != want.code {
			t.Errorf("%q: exit code %d and %s; restic has %d and %s", args, got.code, got.stderr, want.code, want.stderr)
		}
		for _, secret := range r.secrets {
			if strings.Contains(got.stdout+got.stderr, secret) {
				t.Errorf("%q tells the secret %q: %s", args, secret, got.stderr)
			}
		}
		return want, got
	}
	want, got := both(nil, r.address, "snapshots", "--json")
	for _, id := range ids {
		if !strings.Contains(want.stdout, id) || !strings.Contains(got.stdout, id) {
			t.Fatalf("snapshots: %+v, and restic's %+v", got, want)
		}
	}
	want, got = both(nil, r.address, "ls", "--json", "latest")
	compareLines(t, want.stdout, got.stdout)
	want, got = both(nil, r.address, "find", "--json", "budget.txt")
	compareFound(t, found(t, want.stdout, nil), found(t, got.stdout, nil))
	want, got = both(nil, r.address, "diff", "--json", ids[0], ids[1])
	changes, totals := diffLines(t, got.stdout)
	theirs, sums := diffLines(t, want.stdout)
	if len(changes) == 0 || !slices.Equal(changes, theirs) || fmt.Sprint(totals) != fmt.Sprint(sums) {
		t.Errorf("diff: %q %v, restic has %q %v", changes, totals, theirs, sums)
	}
	want, got = both(nil, r.address, "dump", ids[0], filepath.Join(source, "budget.txt"))
	if got.stdout != "0" || want.stdout != "0" {
		t.Errorf("dump: %q, restic has %q", got.stdout, want.stdout)
	}
	here, there := t.TempDir(), t.TempDir()
	restore := []string{"-r", r.address, "restore", ids[1]}
	if o := runPinned(t, r.env, slices.Concat(restore, r.options, []string{"--no-cache", "--no-lock", "--target", there})...); o.code != 0 {
		t.Errorf("restic restore: %s", o.stderr)
	}
	if o := runProgram(t, append(slices.Clone(r.env), cache), slices.Concat(restore, r.options, []string{"--target", here})...); o.code != 0 {
		t.Errorf("restore: %s", o.stderr)
	}
	resticfixture.SameTrees(t, there, here)
	if want, _ := both([]string{"RESTIC_PASSWORD=wrong"}, r.address, "snapshots", "--cache-dir", t.TempDir()); want.code != 12 {
		t.Errorf("restic with a wrong password: exit code %d", want.code)
	}
	if want, _ := both(nil, none, "snapshots"); want.code != 10 {
		t.Errorf("restic without a repository: exit code %d", want.code)
	}
}
