package resticfixture

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"syncline.dev/syncline/internal/resticwriter"
)

func TestFixturesAreSound(t *testing.T) {
	for _, f := range List() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			repo := Unpack(t, f.Name)
			RunAs(t, repo, SecondPassword, "check", "--read-data")
			var config struct {
				Version int `json:"version"`
			}
			if err := json.Unmarshal(Run(t, repo, "cat", "config"), &config); err != nil {
				t.Fatal(err)
			}
			if config.Version != f.Version {
				t.Fatalf("format version %d, want %d", config.Version, f.Version)
			}
			ids := f.SnapshotIDs(t)
			listings := f.Ls(t)
			if len(ids) != len(snapshotIDs(t, repo)) || len(ids) != len(listings) || len(ids) < 2 {
				t.Fatalf("%d snapshots, %d listings, %d files", len(ids), len(listings), len(snapshotIDs(t, repo)))
			}
			// Another version of restic writes other fields of the same
			// entries.
			id := ids[0]
			got := bytes.Count(Run(t, repo, "ls", "--json", id), []byte("\n"))
			if want := bytes.Count(listings[id], []byte("\n")); got != want {
				t.Errorf("snapshot %s: restic lists %d lines, the fixture says %d", id, got, want)
			}
		})
	}
}

var update = flag.Bool("update", false, "make the keys anew that are derived at once")

// TestQuickKeys opens each repository with the keys that restic made and with those of
// Unpack, by both passwords: the master key is the same.
func TestQuickKeys(t *testing.T) {
	passwords := []string{Password, SecondPassword}
	if *update {
		made := make(map[string][]json.RawMessage)
		for _, f := range List() {
			for _, password := range passwords {
				key, err := resticwriter.KeyFile(password, RunAs(t, unpack(t, f.Name), password, "cat", "masterkey"), resticwriter.QuickWork)
				if err != nil {
					t.Fatal(err)
				}
				made[f.Name] = append(made[f.Name], key)
			}
		}
		b, err := json.MarshalIndent(made, "", "  ")
		if err == nil {
			err = os.WriteFile(keysFile(t), append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range List() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			slow, quick := unpack(t, f.Name), Unpack(t, f.Name)
			for _, password := range passwords {
				want := RunAs(t, slow, password, "cat", "masterkey")
				if got := RunAs(t, quick, password, "cat", "masterkey"); !bytes.Equal(got, want) {
					t.Errorf("the quick key for %q opens with another master key", password)
				}
			}
		})
	}
}

func TestEveryFixtureIsListed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(moduleRoot(t), "testdata", "repos", "*.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(List()) {
		t.Fatalf("%d archives and %d fixtures", len(files), len(List()))
	}
}

func TestTrees(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	MakeTree(t, a, 3, 200)
	MakeTree(t, b, 3, 200)
	first := scan(t, a)
	if !reflect.DeepEqual(first, scan(t, b)) {
		t.Fatal("the same seed made two trees")
	}
	if len(first) < 200 {
		t.Fatalf("only %d entries", len(first))
	}
	MutateTree(t, a, 9, 0.1)
	MutateTree(t, b, 9, 0.1)
	second := scan(t, a)
	if !reflect.DeepEqual(second, scan(t, b)) {
		t.Fatal("the same seed made two mutations")
	}
	if reflect.DeepEqual(first, second) {
		t.Fatal("nothing changed")
	}
	MakeTree(t, t.TempDir(), 4, 0)
}

// scan describes everything that MakeTree promises to repeat.
func scan(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		s := info.Mode().String()
		if d.Type().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil && !os.IsPermission(err) {
				return err
			}
			s += info.ModTime().UTC().String() + string(content)
		}
		rel, err := filepath.Rel(dir, path)
		all[rel] = s
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestBackup(t *testing.T) {
	for _, version := range []int{1, 2} {
		dir := t.TempDir()
		MakeTree(t, dir, 1, 30)
		repo := Init(t, version)
		ids := []string{Backup(t, repo, dir, "--tag", "one")}
		MutateTree(t, dir, 1, 0.2)
		ids = append(ids, Backup(t, repo, dir))
		var snapshots []struct {
			ID   string   `json:"id"`
			Tags []string `json:"tags"`
		}
		if err := json.Unmarshal(Run(t, repo, "snapshots", "--json"), &snapshots); err != nil {
			t.Fatal(err)
		}
		if len(snapshots) != 2 || snapshots[0].ID != ids[0] || snapshots[1].ID != ids[1] ||
			!slices.Equal(snapshots[0].Tags, []string{"one"}) {
			t.Fatalf("restic has %v, Backup said %v", snapshots, ids)
		}
	}
}
