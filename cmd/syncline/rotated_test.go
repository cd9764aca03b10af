package main_test

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
)

// rotation is two repositories that lie at one place in turn, as two disks do.
type rotation struct {
	t     *testing.T
	place string
	disks [2]string
	there int
}

func newRotation(t *testing.T) *rotation {
	t.Helper()
	dir := t.TempDir()
	r := &rotation{t: t, place: filepath.Join(dir, "place"), there: -1}
	for i, name := range []string{"v2-old", "v2-old-plain"} {
		r.disks[i] = resticfixture.Unpack(t, name)
	}
	return r
}

// put brings a disk to the place, and takes the other one away.
func (r *rotation) put(i int) {
	r.t.Helper()
	if r.there >= 0 {
		if err := os.Rename(r.place, r.disks[r.there]); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := os.Rename(r.disks[i], r.place); err != nil {
		r.t.Fatal(err)
	}
	r.there = i
}

// TestAnotherRepositoryAtThePlace has a server find another repository where one
// was attached: it says so, keeps what it knows, and goes on when that one is
// back.
func TestAnotherRepositoryAtThePlace(t *testing.T) {
	t.Parallel()
	disks := newRotation(t)
	disks.put(0)
	n := start(t, filepath.Join(t.TempDir(), "data"))
	id := n.attachFixture("rotated", disks.place)
	n.finish(n.sync(id).ID)
	known := withoutSightings(n.points(id))
	var points []struct{ ID string }
	n.call("GET", "/v6/RestorePoints?repositoryId="+id, nil, 200, &points)
	var page struct {
		Results []struct{ Path string }
	}
	n.call("GET", "/v6/Search?query=*&mode=pattern&type=file&limit=1&repositoryId="+id, nil, 200, &page)
	if len(known) == 0 || len(page.Results) != 1 {
		t.Fatalf("%d restore points and %v", len(known), page)
	}
	content := "/v6/RestorePoints/" + points[0].ID + "/Content?path=" + url.QueryEscape(page.Results[0].Path)
	var state struct{ IsOutOfSync bool }
	for range 2 {
		disks.put(1)
		all := n.events(n.sync(id).ID)
		last := all[len(all)-1]
		if last.State != "Failed" || !strings.Contains(last.Error, "another repository lies there") {
			t.Errorf("with another repository there the session ended as %+v", last)
		}
		n.call("GET", "/v6/BackupRepositories/"+id, nil, 200, &state)
		if !state.IsOutOfSync || !sameObjects(withoutSightings(n.points(id)), known) {
			t.Errorf("with another repository there: %+v, and %d restore points of %d", state, len(n.points(id)), len(known))
		}
		if message := n.refused("GET", content, nil, 409); !strings.Contains(message, "another repository") {
			t.Errorf("content is refused with %q", message)
		}
		disks.put(0)
		if last := n.finish(n.sync(id).ID); last.Statistics.SnapshotsAdded != 0 || !sameObjects(withoutSightings(n.points(id)), known) {
			t.Errorf("the right one is back: %+v, and the same restore points: %v", last, sameObjects(withoutSightings(n.points(id)), known))
		}
		if n.call("GET", "/v6/BackupRepositories/"+id, nil, 200, &state); state.IsOutOfSync {
			t.Error("the right one is back, and is out of sync")
		}
	}
}

func sameObjects(a, b []object) bool {
	return slices.EqualFunc(a, b, func(a, b object) bool {
		return a["backupTime"] == b["backupTime"] && a["snapshotId"] == b["snapshotId"]
	})
}

// TestCommandsOnRotatedDisks has commands answer from what is there, and keep a
// catalog of each repository.
func TestCommandsOnRotatedDisks(t *testing.T) {
	t.Parallel()
	disks, cache := newRotation(t), t.TempDir()
	ask := func(args ...string) outcome {
		t.Helper()
		o := runProgram(t, []string{"SYNCLINE_CACHE_DIR=" + cache}, append(args, "-r", disks.place)...)
		if o.code != 0 {
			t.Errorf("%q ended with %d: %s", args, o.code, o.stderr)
		}
		return o
	}
	catalogs := func() []string {
		names, err := filepath.Glob(filepath.Join(cache, "*.catalog"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	var first [2]outcome
	for i := range disks.disks {
		disks.put(i)
		first[i] = ask("ls", "--json", "latest")
	}
	if first[0].stdout == first[1].stdout || !strings.Contains(first[1].stderr, "another repository lies there than the last time") {
		t.Fatalf("of the second disk: %q, the same list: %v", first[1].stderr, first[0].stdout == first[1].stdout)
	}
	kept := catalogs()
	if len(kept) != 2 {
		t.Fatalf("two repositories have the catalogs %q", kept)
	}
	for i := range disks.disks {
		disks.put(i)
		if o := ask("ls", "--json", "latest"); o.stdout != first[i].stdout || strings.Contains(o.stderr, "anew") {
			t.Errorf("disk %d is back: %q, the same list: %v", i, o.stderr, o.stdout == first[i].stdout)
		}
		if o := ask("ls", "--no-sync", "--json", "latest"); o.stdout != first[i].stdout {
			t.Errorf("disk %d without synchronizing: %q", i, o.stderr)
		}
		disks.put(1 - i)
		ask("dump", "--no-sync", "--archive", "tar", "--target", filepath.Join(t.TempDir(), "out"), "latest", "/")
	}
	if got := catalogs(); !slices.Equal(got, kept) {
		t.Errorf("the catalogs were %q and are %q", kept, got)
	}
}
