package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSwappedCatalogIsNotShown puts the catalog of one repository where that of
// another belongs, with the server running and at rest: what is in it is not shown as
// the other's, and the next session builds the right one.
func TestSwappedCatalogIsNotShown(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	repo, other := n.attach("two", newRepository(t, 30, 2)), n.attach("three", newRepository(t, 30, 3))
	n.finish(n.sync(repo).ID)
	n.finish(n.sync(other).ID)
	for _, running := range []bool{true, false} {
		n.wantWhole(repo, 2)
		if err := n.signal(syscall.SIGTERM); err != nil { // the files are whole
			t.Fatal(err)
		}
		if running {
			n = start(t, data)
			n.wantWhole(repo, 2)
		}
		var mine string
		for _, f := range catalogFiles(t, data, repo) {
			if strings.HasSuffix(f, ".catalog") {
				mine = f
			}
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range catalogFiles(t, data, other) {
			if _, end, ok := strings.Cut(f, ".catalog"); ok && end != "-shm" {
				content, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(mine+end, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !running {
			n = start(t, data)
		}
		n.refused("GET", "/v6/RestorePoints?repositoryId="+repo, nil, 409)
		if _, header, body := n.get("/v6/RestorePoints"); header.Get("Syncline-Incomplete") != repo {
			t.Errorf("%q is left out: %s", header.Get("Syncline-Incomplete"), body)
		}
		if !n.outOfSync(repo) {
			t.Error("a repository with another one's catalog counts as in sync")
		}
		n.finish(n.sync(repo).ID)
	}
	n.wantWhole(repo, 2)
	n.wantWhole(other, 3)
}

// TestCatalogThatDoesNotOpen has the system refuse the file of one catalog: the other
// repositories are answered for, and the one is named.
func TestCatalogThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	repo, other := n.attach("two", newRepository(t, 30, 2)), n.attach("three", newRepository(t, 30, 3))
	n.finish(n.sync(repo).ID)
	n.finish(n.sync(other).ID)
	for _, f := range catalogFiles(t, data, repo) {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, ".catalog") {
			if err := os.Mkdir(f, 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	if status, header, body := n.get("/v6/RestorePoints"); status != 200 || header.Get("Syncline-Incomplete") != repo || strings.Count(body, `"snapshotId"`) != 3 {
		t.Errorf("status %d, %q is left out: %s", status, header.Get("Syncline-Incomplete"), body)
	}
	want := fmt.Sprintf(`"notSearched":[{"repositoryId":%q,"reason":"Damaged"}]`, repo)
	if status, _, body := n.get("/v6/Search?query=f"); status != 200 || !strings.Contains(body, want) {
		t.Errorf("status %d: %s", status, body)
	}
	if !n.outOfSync(repo) {
		t.Error("a repository with a catalog that does not open counts as in sync")
	}
	n.refused("GET", "/v6/RestorePoints?repositoryId="+repo, nil, 503)
}
