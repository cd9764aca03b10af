package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
)

func TestHistoryForPeople(t *testing.T) {
	t.Parallel()
	src, repo := t.TempDir(), resticfixture.Init(t, 2)
	file := filepath.Join(src, "docs", "a \x1b.txt")
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.Local)
	write := func(text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644), os.Chtimes(file, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	backup := func(host string) {
		t.Helper()
		id := resticfixture.Backup(t, repo, src, "--host", host, "--time", fmt.Sprintf("2026-11-1%d 10:00:00", len(ids)))
		ids = append(ids, id)
	}
	write("one")
	backup("web")
	backup("web")
	write(strings.Repeat("x", 2000))
	backup("web")
	backup("db server")
	if err := os.RemoveAll(filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	backup("web")

	env := []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}
	when := func(i int) string { return ids[i][:8] + fmt.Sprintf(" 2026-11-1%d 10:00:00", i) }
	line := func(event string, first, last, count int, rest string) string {
		return strings.TrimRight(fmt.Sprintf("%-8s  %s  %s  %9d  %s", event, when(first), when(last), count, rest), " ") + "\n"
	}
	header := func(host string) string {
		return fmt.Sprintf("%-8s  %-28s  %-28s  %9s  %s%-10s  %10s  %s\n", "Event", "First snapshot", "Last snapshot", "Snapshots", host, "Mode", "Size", "Modified")
	}
	modified := at.Format(time.DateTime)
	small, large := "-rw-r--r--           3  "+modified, "-rw-r--r--        2000  "+modified
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr string // of stderr a part
	}{
		{[]string{file}, 0, header("Host       ") + line("appeared", 0, 1, 2, "web        "+small) + line("changed", 2, 2, 1, "web        "+large) +
			line("appeared", 3, 3, 1, "db server  "+large) + line("vanished", 4, 4, 1, "web"), ""},
		{[]string{"-H", "web", "-q", "--human-readable", file}, 0, line("appeared", 0, 1, 2, "-rw-r--r--         3 B  "+modified) +
			line("changed", 2, 2, 1, "-rw-r--r--   1.953 KiB  "+modified) + line("vanished", 4, 4, 1, ""), ""},
		{[]string{"--host", "none", file}, 1, "", "in any of the snapshots"},
		{[]string{"/no\x1bne"}, 1, "", `there is no "/no\x1bne" in any of the snapshots`},
		{[]string{"docs"}, 1, "", "must be absolute"},
		{nil, 2, "", "accepts 1 arg(s)"},
	} {
		got := runProgram(t, env, append([]string{"-r", repo, "history"}, tt.args...)...)
		if got.code != tt.code || got.stdout != tt.stdout || !strings.Contains(got.stderr, tt.stderr) {
			t.Errorf("history %q: exit code %d, want %d\n%s\nwant\n%s\nstderr %s", tt.args, got.code, tt.code, got.stdout, tt.stdout, got.stderr)
		}
	}
	folder := runProgram(t, env, "-r", repo, "history", "-H", "web", filepath.Dir(file)+"/")
	if strings.Count(folder.stdout, "\n") != 4 || !strings.Contains(folder.stdout, "drwxr-xr-x") {
		t.Errorf("the folder's history is\n%s", folder.stdout)
	}
	raw := runProgram(t, env, "-r", repo, "--json", "history", file)
	var list []struct {
		Path, Hostname, Event string
		First                 string `json:"first_snapshot"`
		Last                  string `json:"last_snapshot"`
		Snapshots             int
		Node                  *struct {
			Path string
			Size int
			Type string `json:"struct_type"`
		}
	}
	if err := json.Unmarshal([]byte(raw.stdout), &list); err != nil || len(list) != 4 {
		t.Fatal(err, raw)
	}
	if x := list[0]; x.Path != file || x.Hostname != "web" || x.Event != "appeared" || x.First != ids[0] || x.Last != ids[1] || x.Snapshots != 2 ||
		x.Node == nil || x.Node.Path != file || x.Node.Size != 3 || x.Node.Type != "node" || list[3].Node != nil {
		t.Errorf("the history in JSON is %s", raw.stdout)
	}
}

// TestHistoryOfRelativeBackups has restic back up relative paths, from two
// folders.
func TestHistoryOfRelativeBackups(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Init(t, 2)
	homes := [2]string{t.TempDir(), t.TempDir()}
	for _, home := range homes {
		if err := errors.Join(os.Mkdir(filepath.Join(home, "docs"), 0o755), os.WriteFile(filepath.Join(home, "docs", "file"), []byte(home), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	backup := func(home, what string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), resticfixture.Restic(t), "--no-cache", "-r", repo, "backup", "--host", "h", what)
		cmd.Dir, cmd.Env = home, append(os.Environ(), "RESTIC_PASSWORD="+resticfixture.Password)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	backup(homes[0], "docs")
	backup(homes[1], "docs")
	backup(homes[0], ".")
	if err := os.Remove(filepath.Join(homes[0], "docs", "file")); err != nil {
		t.Fatal(err)
	}
	backup(homes[0], "docs")
	backup(homes[1], "docs")
	backup(homes[0], ".")
	o := runProgram(t, []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}, "-r", repo, "--json", "history", "/docs/file")
	var list []struct {
		Event     string
		Snapshots int
	}
	if err := json.Unmarshal([]byte(o.stdout), &list); err != nil {
		t.Fatal(err, o)
	}
	if got, want := fmt.Sprint(list), "[{appeared 2} {appeared 2} {vanished 2}]"; got != want {
		t.Errorf("the history is %s, want %s", got, want)
	}
}
