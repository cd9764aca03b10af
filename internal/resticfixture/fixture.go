package resticfixture

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// SecondPassword also opens the checked-in repositories, with a key of its own.
const SecondPassword = "zweites Paßwort ✓"

// Fixture is one checked-in repository.
type Fixture struct {
	Name          string
	Version       int    // version of the repository format
	ResticVersion string // version of the restic that made the repository and its listings
	Compressed    bool
}

// List returns the checked-in repositories. Except for the large ones, each has
// five snapshots of odd files, from two hosts. "restic tag" has changed one of
// them.
func List() []Fixture {
	return []Fixture{
		{"v1-old", 1, "0.14.0", false},
		{"v2-old", 2, "0.14.0", true},
		{"v2-old-plain", 2, "0.14.0", false},
		{"v1-new", 1, "0.19.1-dev", false},
		{"v2-new", 2, "0.19.1-dev", true},
		{"v2-new-plain", 2, "0.19.1-dev", false},
		{"v2-large", 2, "0.19.1-dev", true},
	}
}

// Unpack unpacks a checked-in repository into a writable folder, which the test
// removes, and returns its path. Its keys are derived at once; those that restic made
// take half a second, and many times that with the race detector.
func Unpack(t testing.TB, name string) string {
	t.Helper()
	repo := unpack(t, name)
	keys := filepath.Join(repo, "keys")
	if err := errors.Join(os.RemoveAll(keys), os.Mkdir(keys, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, key := range quickKeys(t)[name] {
		sum := sha256.Sum256(key)
		if err := os.WriteFile(filepath.Join(keys, hex.EncodeToString(sum[:])), key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return repo
}

// quickKeys returns the files of keys that take the place of restic's, by the
// repository. TestQuickKeys makes them.
func quickKeys(t testing.TB) (keys map[string][]json.RawMessage) {
	t.Helper()
	b, err := os.ReadFile(keysFile(t))
	if err == nil {
		err = json.Unmarshal(b, &keys)
	}
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func keysFile(t testing.TB) string {
	t.Helper()
	return filepath.Join(moduleRoot(t), "testdata", "repos", "keys.json")
}

// unpack unpacks a repository as restic made it.
func unpack(t testing.TB, name string) string {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	r := tar.NewReader(bytes.NewReader(gunzip(t, name+".tar.gz")))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return filepath.Join(root.Name(), "repo")
		}
		if err != nil {
			t.Fatalf("fixture %s: %v", name, err)
		}
		if h.Typeflag == tar.TypeDir {
			err = root.MkdirAll(filepath.Clean(h.Name), 0o700)
		} else {
			var b []byte
			if b, err = io.ReadAll(r); err == nil {
				err = root.WriteFile(h.Name, b, 0o600)
			}
		}
		if err != nil {
			t.Fatalf("fixture %s: %v", name, err)
		}
	}
}

// Snapshots returns the output of "restic snapshots --json", an array, by the
// restic that made the fixture.
func (f Fixture) Snapshots(t testing.TB) []byte {
	t.Helper()
	return gunzip(t, f.Name+".snapshots.json.gz")
}

// SnapshotIDs returns the full ids of the fixture's snapshots, oldest first.
func (f Fixture) SnapshotIDs(t testing.TB) []string {
	t.Helper()
	var snapshots []struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(f.Snapshots(t), &snapshots); err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(snapshots))
	for i, s := range snapshots {
		ids[i] = s.ID
	}
	return ids
}

// Ls returns the output of "restic ls --json ID" for each snapshot, by full id:
// one line for the snapshot and one for each entry.
func (f Fixture) Ls(t testing.TB) map[string][]byte {
	t.Helper()
	listings := make(map[string][]byte)
	current := ""
	decodeLines(t, gunzip(t, f.Name+".ls.json.gz"), func(raw []byte, structType, id string) {
		if structType == "snapshot" {
			current = id
		}
		listings[current] = append(listings[current], raw...)
	})
	return listings
}

func gunzip(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(moduleRoot(t), "testdata", "repos", name))
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("fixture %s: %v", name, err)
	}
	b, err = io.ReadAll(r)
	if err != nil {
		t.Fatalf("fixture %s: %v", name, err)
	}
	return b
}

// moduleRoot finds the checkout, since tests run in their package's folder.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !strings.HasSuffix(dir, string(filepath.Separator)) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	t.Fatal("no go.mod above the test's folder")
	return ""
}
