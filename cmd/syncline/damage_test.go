package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
)

// damaged is a fixture of which all files of a kind were changed, or taken
// away where change is nil.
func damaged(t *testing.T, kind string, change func([]byte) []byte) string {
	t.Helper()
	repo := resticfixture.Unpack(t, "v2-old")
	err := filepath.WalkDir(filepath.Join(repo, kind), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.Remove(path)
		}
		if err == nil && change != nil {
			err = os.WriteFile(path, change(content), 0o600)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// damagePacks flips a bit in every pack of a repository.
func damagePacks(t *testing.T, repo string) {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(repo, "data", "*", "*"))
	if err != nil || len(packs) == 0 {
		t.Fatal(packs, err)
	}
	for _, pack := range packs {
		b, err := os.ReadFile(pack)
		if err != nil {
			t.Fatal(err)
		}
		b[10] ^= 1
		if err := errors.Join(os.Chmod(pack, 0o600), os.WriteFile(pack, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func cut(b []byte) []byte { return b[:len(b)/2] }

func flip(b []byte) []byte {
	b[len(b)/3] ^= 0x10
	return b
}

// ofVersion is an empty repository of a format version.
func ofVersion(t *testing.T, version int) string {
	t.Helper()
	dir := t.TempDir()
	w, err := resticwriter.Create(dir, resticfixture.Password)
	if err == nil {
		config := fmt.Sprintf(`{"version":%d,"id":"%064d","chunker_polynomial":"3da3358b4dc173"}`, version, 1)
		err = os.WriteFile(filepath.Join(dir, "config"), w.Seal([]byte(config)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDamageOverTheAPI attaches repositories that are damaged, and damages
// some that are attached: what a client of the API reads then, and what not.
func TestDamageOverTheAPI(t *testing.T) {
	t.Parallel()
	n := start(t, filepath.Join(t.TempDir(), "data"))
	key := n.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	wrong := n.add("/v6/EncryptionKeys", 200, object{"password": "guess"})
	body := func(name, path, key string) object {
		return object{"name": name, "path": path, "encryptionKeyId": key, "retentionType": "ItemLevel"}
	}
	for _, c := range []struct {
		name, path, key string
		status          int
		message         string
	}{
		{"wrong password", damaged(t, "locks", nil), wrong, 400, "encryptionKeyId: wrong password"},
		{"no repository", t.TempDir(), key, 400, "path: there is no restic repository"},
		{"a later version", ofVersion(t, 3), key, 400, "format version that this Syncline does not read"},
		{"no config", damaged(t, "config", nil), key, 409, "config"},
		{"half a config", damaged(t, "config", cut), key, 409, "the repository is damaged: config"},
		{"a flipped config", damaged(t, "config", flip), key, 409, "the repository is damaged: config"},
		{"no keys", damaged(t, "keys", nil), key, 409, "the repository is damaged: keys: there is no key file"},
		{"half a key", damaged(t, "keys", cut), key, 409, "the repository is damaged: key"},
	} {
		m := n.refused("POST", "/v6/BackupRepositories", body(c.name, c.path, c.key), c.status)
		if !strings.Contains(m, c.message) || strings.Contains(m, c.path) {
			t.Errorf("%s: got %q, want %q and no path", c.name, m, c.message)
		}
	}
	for _, c := range []struct {
		name, path, message, log string
	}{
		{"half snapshots", damaged(t, "snapshots", cut), "5 snapshots cannot be shown", "Snapshot "},
		{"flipped snapshots", damaged(t, "snapshots", flip), "5 snapshots cannot be shown", "Snapshot "},
		{"half indexes", damaged(t, "index", cut), "run restic check on the repository", "Index "},
		{"flipped indexes", damaged(t, "index", flip), "run restic check on the repository", "Index "},
		{"no indexes", damaged(t, "index", nil), "5 snapshots cannot be shown", "is in no index"},
		{"no packs", damaged(t, "data", nil), "5 snapshots cannot be shown", "cannot be read from pack"},
		{"half packs", damaged(t, "data", cut), "snapshots cannot be shown", "cannot be read from pack"},
		{"flipped packs", damaged(t, "data", flip), "1 snapshot cannot be shown, 4 snapshots are incomplete", "cannot be read from pack"},
	} {
		id := n.add("/v6/BackupRepositories", 200, body(c.name, c.path, key))
		all := n.events(n.sync(id).ID)
		last := all[len(all)-1]
		var log struct{ Results []struct{ Message string } }
		n.call("GET", "/v6/RepositorySynchronizeSessions/"+last.ID+"/LogItems", nil, 200, &log)
		var text []string
		for _, i := range log.Results {
			text = append(text, i.Message)
		}
		if last.State != "Failed" || !strings.Contains(last.Error, c.message) || !strings.Contains(strings.Join(text, "\n"), c.log) {
			t.Errorf("%s: %+v, want %q and in the log %q:\n%s", c.name, last, c.message, c.log, strings.Join(text, "\n"))
		}
		if strings.Contains(last.Error+strings.Join(text, "\n"), c.path) {
			t.Errorf("%s: the server's path is told: %+v %q", c.name, last, text)
		}
		var repo struct{ IsOutOfSync bool }
		n.call("GET", "/v6/BackupRepositories/"+id, nil, 200, &repo)
		if !repo.IsOutOfSync {
			t.Errorf("%s: the repository counts as in sync", c.name)
		}
	}

	// One that was good vanishes, and comes back.
	path := damaged(t, "locks", nil)
	id := n.add("/v6/BackupRepositories", 200, body("good", path, key))
	n.finish(n.sync(id).ID)
	away := path + ".away"
	if err := os.Rename(path, away); err != nil {
		t.Fatal(err)
	}
	all := n.events(n.sync(id).ID)
	if last := all[len(all)-1]; last.State != "Failed" || !strings.Contains(last.Error, "does not exist") {
		t.Errorf("a folder that vanished: %+v", last)
	}
	if got := n.points(id); len(got) != 5 || !slices.ContainsFunc(got, func(p object) bool { return p["snapshotId"] != nil }) {
		t.Errorf("%d restore points are left", len(got))
	}
	if err := os.Rename(away, path); err != nil {
		t.Fatal(err)
	}
	n.finish(n.sync(id).ID)
}

// TestDamagedLater damages a repository that was synchronized: what is known of it is
// shown, and the damage is told. A list of snapshots needs no index.
func TestDamagedLater(t *testing.T) {
	t.Parallel()
	needtest.Full(t, "time")
	path := damaged(t, "locks", nil)
	ask := func(cache string) outcome {
		return runProgram(t, []string{"SYNCLINE_CACHE_DIR=" + cache}, "-r", path, "snapshots", "--json")
	}
	cache := t.TempDir()
	before := ask(cache)
	if before.code != 0 || strings.Count(before.stdout, `"short_id"`) != 5 {
		t.Fatalf("%+v", before)
	}
	for _, c := range []struct {
		what, broken, told string
		code               int
	}{
		{"no config", damaged(t, "config", nil), "damaged: config", 1},
		{"half a config", damaged(t, "config", cut), "damaged: config", 1},
		{"no keys", damaged(t, "keys", nil), "damaged: keys", 1},
		{"half a key", damaged(t, "keys", cut), "damaged: key", 1},
		{"no indexes", damaged(t, "index", nil), "is empty or gone", 0},
	} {
		if err := errors.Join(os.RemoveAll(path), os.Rename(c.broken, path)); err != nil {
			t.Fatal(err)
		}
		if got := ask(cache); got.code != c.code || got.stdout != before.stdout || !strings.Contains(got.stderr, c.told) {
			t.Errorf("%s: %+v", c.what, got)
		}
		if got := ask(t.TempDir()); got.code != c.code || strings.Contains(got.stdout, "short_id") != (c.code == 0) || !strings.Contains(got.stderr, "damaged") {
			t.Errorf("%s, never seen before: %+v", c.what, got)
		}
	}
}
