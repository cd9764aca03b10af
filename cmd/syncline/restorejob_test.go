//go:build linux

package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

type restoreJob struct {
	ID, State, Error, TargetPath string
	ProgressPercent              int
	Statistics                   struct{ Files, Folders, Failed, Unchanged, Bytes, TotalFiles, TotalBytes int }
}

// restore starts a job.
func (n *node) restore(point string, body map[string]any) (j restoreJob) {
	n.t.Helper()
	n.call("POST", "/v6/RestorePoints/"+point+"/RestoreJobs", body, 201, &j)
	return j
}

// restored follows a job to its end.
func (n *node) restored(id string) (last restoreJob) {
	n.t.Helper()
	n.follow("/v6/RestoreJobs/"+id+"/Events", func(data []byte) error {
		before := last.ProgressPercent
		if err := json.Unmarshal(data, &last); err != nil {
			return err
		}
		if last.ProgressPercent < before || (last.ProgressPercent == 100) != (last.State == "Succeeded") {
			n.t.Errorf("from %d %% to %+v", before, last)
		}
		return nil
	})
	if last.State == "Running" {
		n.t.Fatalf("the events of job %s end with %+v", id, last)
	}
	return last
}

// newestPoint returns the newest restore point and the folder backed up in it.
func (n *node) newestPoint() (id, folder string) {
	n.t.Helper()
	var points []struct {
		ID    string
		Paths []string
	}
	n.call("GET", "/v6/RestorePoints", nil, 200, &points)
	if len(points) == 0 {
		n.t.Fatal("there are no restore points")
	}
	return points[0].ID, points[0].Paths[0]
}

func sameFiles(t *testing.T, a, b string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "diff", "-r", a, b).CombinedOutput(); err != nil {
		t.Errorf("diff -r: %v: %.2000s", err, out)
	}
}

func TestRestoreJob(t *testing.T) {
	t.Parallel()
	repo, data := newRepository(t, 2000, 1), filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	n.finish(n.sync(n.attach("one", repo)).ID)
	point, src := n.newestPoint()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var targets []struct{ Name, Path string }
	n.call("GET", "/v6/RestoreTargets", nil, 200, &targets)
	n.call("POST", "/v6/RestorePoints/"+point+"/RestoreJobs", map[string]any{"targetPath": root}, 403, nil)
	if targets == nil || len(targets) > 0 {
		t.Errorf("targets without the flag: %v", targets)
	}
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	n = start(t, data, "--restore-root", root)
	n.call("GET", "/v6/RestoreTargets", nil, 200, &targets)
	if len(targets) != 1 || targets[0].Path != root || targets[0].Name != filepath.Base(root) {
		t.Errorf("targets: %v", targets)
	}
	job := n.restored(n.restore(point, map[string]any{
		"targetPath": filepath.Join(root, "some", "folder"), "paths": []string{src + "/dir001", src + "/dir002"}, "verify": true,
	}).ID)
	if job.State != "Succeeded" || job.Statistics.Files == 0 || job.Statistics.Files != job.Statistics.TotalFiles || job.Statistics.Bytes != job.Statistics.TotalBytes {
		t.Errorf("ended as %+v", job)
	}
	sameFiles(t, src+"/dir001", filepath.Join(root, "some", "folder", src, "dir001"))
	there, err := os.ReadDir(filepath.Join(root, "some", "folder", src))
	if err != nil || len(there) != 2 {
		t.Errorf("restored %v, %v", there, err)
	}
	testRestoreJobPlaces(t, n, point, root, src)
	testRestoreJobKilled(t, n, data, point, root, src)
}

// testRestoreJobPlaces asks for places that must not be written to.
func testRestoreJobPlaces(t *testing.T, n *node, point, root, src string) {
	outside := t.TempDir()
	if err := errors.Join(os.Symlink(outside, filepath.Join(root, "link")), os.WriteFile(filepath.Join(root, "file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for path, status := range map[string]int{
		outside: 403, root + "/../x": 403, root + "x": 403, "/": 403, "relative": 400, root + "/\x01": 400,
	} {
		n.call("POST", "/v6/RestorePoints/"+point+"/RestoreJobs", map[string]any{"targetPath": path}, status, nil)
	}
	n.call("POST", "/v6/RestorePoints/"+point+"/RestoreJobs", map[string]any{"targetPath": root + "/a", "paths": []string{src + "/none"}}, 404, nil)
	n.call("POST", "/v6/RestorePoints/"+point+"/RestoreJobs", map[string]any{"targetPath": root + "/a", "include": []string{"["}}, 400, nil)
	n.call("POST", "/v6/RestorePoints/"+point+"/RestoreJobs", map[string]any{"targetPath": root + "/a", "include": []string{"a"}, "exclude": []string{"b"}}, 400, nil)
	for _, name := range []string{"link", "link/below", "file", "file/below"} {
		job := n.restored(n.restore(point, map[string]any{"targetPath": filepath.Join(root, name)}).ID)
		if job.State != "Failed" || !strings.Contains(job.Error, "target folder") || strings.Contains(job.Error, outside) {
			t.Errorf("%s: ended as %+v", name, job)
		}
	}
	if names, err := os.ReadDir(outside); err != nil || len(names) > 0 {
		t.Errorf("outside of the allowed folder are %v, %v", names, err)
	}
}

// testRestoreJobKilled kills the server while a job runs; the next start
// completes it.
func testRestoreJobKilled(t *testing.T, n *node, data, point, root, src string) {
	target := filepath.Join(root, "all")
	id := n.restore(point, map[string]any{"targetPath": target}).ID
	if err := n.signal(syscall.SIGKILL); err == nil {
		t.Error("the server was not killed")
	}
	n = start(t, data, "--restore-root", root)
	if job := n.restored(id); job.State != "Succeeded" {
		t.Fatalf("ended as %+v", job)
	}
	sameFiles(t, src, filepath.Join(target, src))
	var jobs []restoreJob
	n.call("GET", "/v6/RestoreJobs?limit=2", nil, 200, &jobs)
	if len(jobs) != 2 || jobs[0].ID != id || jobs[1].ID == id {
		t.Errorf("the newest jobs are %+v", jobs)
	}
	again := n.restored(n.restore(point, map[string]any{"targetPath": target, "overwrite": "Never"}).ID)
	if again.State != "Succeeded" || again.Statistics.Bytes != 0 {
		t.Errorf("again: %+v", again)
	}
	testRestoreJobDamage(t, n, point, root)
}

// testRestoreJobDamage cuts the packs short: the job fails at once and its
// log names the files.
func testRestoreJobDamage(t *testing.T, n *node, point, root string) {
	var repos []struct{ Path string }
	n.call("GET", "/v6/BackupRepositories", nil, 200, &repos)
	packs, err := filepath.Glob(filepath.Join(repos[0].Path, "data", "*", "*"))
	if err != nil || len(packs) == 0 {
		t.Fatal(packs, err)
	}
	for _, pack := range packs {
		if err := errors.Join(os.Chmod(pack, 0o600), os.Truncate(pack, 10)); err != nil {
			t.Fatal(err)
		}
	}
	job := n.restored(n.restore(point, map[string]any{"targetPath": filepath.Join(root, "damaged")}).ID)
	if job.State != "Failed" || job.Statistics.Failed == 0 || !strings.Contains(job.Error, "could not be restored") {
		t.Errorf("ended as %+v", job)
	}
	var page struct {
		Results []struct{ Level, Message string }
	}
	n.call("GET", "/v6/RestoreJobs/"+job.ID+"/LogItems?limit=10000", nil, 200, &page)
	if len(page.Results) != job.Statistics.Failed || slices.ContainsFunc(page.Results, func(x struct{ Level, Message string }) bool {
		return x.Level != "Error" || !strings.Contains(x.Message, "/file ") || !strings.Contains(x.Message, "damaged")
	}) {
		t.Errorf("the log has %d items, %d failed: %.500v", len(page.Results), job.Statistics.Failed, page.Results)
	}
}

func TestRestoreRoots(t *testing.T) {
	t.Parallel()
	data, catalogs, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "file")
	err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink(data, file+" link"), os.Mkdir(filepath.Join(catalogs, "folder"), 0o700))
	if err != nil {
		t.Fatal(err)
	}
	for root, want := range map[string]string{
		filepath.Join(data, "none"): "make the directory",
		file:                        "make the directory",
		data:                        "the server's own data",
		file + " link":              "the server's own data",
		filepath.Dir(data):          "the server's own data",

		catalogs:                          "the server's own data",
		filepath.Join(catalogs, "folder"): "the server's own data",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // where it runs after all
		defer cancel()
		out, err := exec.CommandContext(ctx, program, "serve", "--data", data, "--catalogs", catalogs, "--listen", "127.0.0.1:0", "--restore-root", root).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v: %s", root, err, out)
		}
	}
}
