//go:build linux

package main_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
)

// oddRepository is one that no restic made: a link and a folder have one name,
// and there is all that lends rights.
func oddRepository(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repo")
	repo, err := resticwriter.Create(dir, repoPassword)
	if err != nil {
		t.Fatal(err)
	}
	const times = `"mtime":"2024-05-01T10:00:00Z","atime":"2024-05-01T10:00:00Z","ctime":"2024-05-01T10:00:00Z","uid":0,"gid":0`
	add := func(kind, text string) resticwriter.ID {
		p := resticwriter.NewPacker(repo, kind, true)
		id := resticwriter.ID(sha256.Sum256([]byte(text)))
		if err := errors.Join(p.Add(id, []byte(text)), p.Flush()); err != nil {
			t.Fatal(err)
		}
		return id
	}
	content := fmt.Sprintf(`"size":5,"content":["%s"]`, add("data", "hello"))
	sub := add("tree", `{"nodes":[{"name":"f","type":"file","mode":420,`+times+`,`+content+"}]}\n")
	capability := base64.StdEncoding.EncodeToString([]byte("\x01\x00\x00\x02\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00"))
	root := add("tree", `{"nodes":[`+strings.Join([]string{
		`{"name":"alias","type":"symlink","mode":134218239,` + times + `,"linktarget":"real","content":null}`,
		`{"name":"alias","type":"dir","mode":2147484141,` + times + `,"content":null,"subtree":"` + sub.String() + `"}`,
		`{"name":"null","type":"chardev","mode":69206454,"device":259,` + times + `,"content":null}`,
		`{"name":"prog","type":"file","mode":8389101,` + times + `,` + content + `,"extended_attributes":[{"name":"security.capability","value":"` + capability + `"}]}`,
	}, ",")+"]}\n")
	_, err = repo.StoreJSON("snapshots", map[string]any{
		"time": time.Date(2024, 5, 2, 9, 0, 0, 0, time.UTC), "tree": root, "paths": []string{"/odd"}, "hostname": "h", "username": "u",
	})
	if err = errors.Join(err, repo.Flush()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestRestoreOdd restores what is there twice and what lends rights: by a
// command as restic does, by a command from a server, and by jobs.
func TestRestoreOdd(t *testing.T) {
	t.Parallel()
	needtest.Root(t, "restore all of this")
	repo, data, root := oddRepository(t), filepath.Join(t.TempDir(), "data"), t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	_, stderr, code := command(t, repo, t.TempDir(), "restore", "latest", "--target", at("command"))
	if code != 0 || !strings.Contains(stderr, "/alias: it has another name") || !strings.Contains(stderr, "alias (2)") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	checkOdd(t, at("command"), true)

	n := start(t, data, "--restore-root", root)
	n.finish(n.sync(n.attach("odd", repo)).ID)
	u := n.user([]string{"SYNCLINE_SERVER=" + n.url})
	u.must(0, "", "login", "--fingerprint", n.fingerprint(), n.url)
	if _, stderr, code = u.run("restore", "latest", "--target", at("from server")); code != 0 || !strings.Contains(stderr, "alias (2)") {
		t.Errorf("from a server: exit %d: %s", code, stderr)
	}
	checkOdd(t, at("from server"), true)
	log := restoreOddJob(t, n, at("job"))
	for _, want := range []string{
		"/null: it is a device", "/prog: its set-id bits", "/prog: an attribute that the system trusts is left out: security.capability",
		"/alias: it has another name, because the folder has its name twice: alias (2)",
		"1 items have set-id bits", "1 security.* and trusted.* attributes", "1 device nodes are left out; the operator allows them with syncline serve --restore-privileged",
	} {
		if strings.Count(log, want) != 1 {
			t.Errorf("the log has %q not once:\n%s", want, log)
		}
	}
	checkOdd(t, at("job"), false)
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n = start(t, data, "--restore-root", root, "--restore-privileged")
	if log := restoreOddJob(t, n, at("privileged")); strings.Contains(log, "left out") || !strings.Contains(log, "alias (2)") {
		t.Errorf("the log of a privileged job:\n%s", log)
	}
	checkOdd(t, at("privileged"), true)
}

// restoreOddJob runs a job to its end and returns its log.
func restoreOddJob(t *testing.T, n *node, target string) (log string) {
	t.Helper()
	point, _ := n.newestPoint()
	job := n.restored(n.restore(point, map[string]any{"targetPath": target}).ID)
	if job.State != "Succeeded" || job.Statistics.Failed != 0 {
		t.Errorf("ended as %+v", job)
	}
	var page struct {
		Results []struct{ Level, Message string }
	}
	n.call("GET", "/v6/RestoreJobs/"+job.ID+"/LogItems", nil, 200, &page)
	for _, x := range page.Results {
		log += x.Level + " " + x.Message + "\n"
	}
	return log
}

// checkOdd checks what came of the odd repository.
func checkOdd(t *testing.T, target string, privileged bool) {
	t.Helper()
	if to, err := os.Readlink(filepath.Join(target, "alias")); err != nil || to != "real" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if text, err := os.ReadFile(filepath.Join(target, "alias (2)", "f")); err != nil || string(text) != "hello" {
		t.Errorf("the folder's file holds %q, %v", text, err)
	}
	fi, err := os.Stat(filepath.Join(target, "prog"))
	if err != nil {
		t.Fatal(err)
	}
	attributes := resticfixture.Attributes(t, filepath.Join(target, "prog"))
	if (fi.Mode()&os.ModeSetuid != 0) != privileged || strings.Contains(attributes, "security.") != privileged {
		t.Errorf("%s: the program is %v%s", target, fi.Mode(), attributes)
	}
	if _, err := os.Lstat(filepath.Join(target, "null")); (err == nil) != privileged {
		t.Errorf("%s: of the device: %v", target, err)
	}
}
