package main_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// recorded is a program that writes its process id into a file and then becomes the real
// rclone.
type recorded struct{ path, pids, real string }

func recordRclone(t *testing.T) recorded {
	t.Helper()
	dir := t.TempDir()
	r := recorded{path: filepath.Join(dir, "rclone"), pids: filepath.Join(dir, "rclone.pids"), real: servers.Rclone(t)}
	r.write(t, `exec "`+r.real+`" "$@"`)
	return r
}

// write makes the program do something else, after it has written its process id.
func (r recorded) write(t *testing.T, script string) {
	t.Helper()
	if err := os.WriteFile(r.path, []byte("#!/bin/sh\necho $$ >>\"$0.pids\"\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// script returns what it does.
func (r recorded) script(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// all returns the process ids so far.
func (r recorded) all(t *testing.T) (pids []int) {
	t.Helper()
	text, err := os.ReadFile(r.pids)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for word := range strings.FieldsSeq(string(text)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// kill kills the last one.
func (r recorded) kill(t *testing.T) {
	t.Helper()
	if pids := r.all(t); len(pids) > 0 {
		_ = syscall.Kill(pids[len(pids)-1], syscall.SIGKILL)
	}
}

// none waits until none of them runs.
func (r recorded) none(t *testing.T, atLeast int) {
	t.Helper()
	pids := r.all(t)
	if len(pids) < atLeast {
		t.Errorf("%d programs were started, want at least %d", len(pids), atLeast)
	}
	for _, pid := range pids {
		waitUntil(t, fmt.Sprintf("process %d ends", pid), func() bool {
			// A zombie that its new parent does not ask for is at its end, too.
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || strings.Contains(string(status), ") Z ")
		})
	}
}

// waitUntil waits until something is so, for a minute at most.
func waitUntil(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); !so(); {
		select {
		case <-late:
			t.Fatalf("not in a minute: %s", what)
		case <-tick.C:
		}
	}
}

// TestRcloneIsRestics asks of remotes of each sort beside restic.
func TestRcloneIsRestics(t *testing.T) {
	t.Parallel()
	repo, ids, source := twoSnapshots(t)
	files := servers.ReadFolder(t, repo)
	far := servers.StartS3(t)
	far.Put(t, "bucket", "some folder/repo", files)
	config := servers.RcloneConfig(t, map[string][]string{
		"here": {"type = local"}, "far": far.RcloneRemote(), "short": {"type = alias", "remote = " + filepath.Dir(repo)},
	})
	env := []string{"RCLONE_CONFIG=" + config, "AWS_CA_BUNDLE="}
	rclone := recordRclone(t)
	flight := ":s3,provider=Other,endpoint='" + far.URL + "',access_key_id=" + far.AccessKey + ",secret_access_key=" + far.SecretKey + ":bucket/some folder/"
	for label, r := range map[string]struct {
		storedRepository
		none string
	}{
		"a local folder":     {storedRepository{address: "rclone:here:" + repo, options: []string{"-o", "rclone.program=" + rclone.path}}, "rclone:here:" + repo + "/none"},
		"an alias":           {storedRepository{address: "rclone:short:" + filepath.Base(repo) + "/", options: []string{"-o", "rclone.connections=2", "-o", "rclone.timeout=50s"}}, "rclone:short:none"},
		"S3":                 {storedRepository{address: "rclone:far:bucket/some folder/repo", options: []string{"-o", "rclone.args=serve restic --stdio --fast-list"}}, "rclone:far:bucket/none"},
		"without a remote":   {storedRepository{address: "rclone:" + repo}, "rclone:" + repo + "/none"},
		"a backend's option": {storedRepository{address: "rclone:" + flight + "repo", secrets: []string{far.SecretKey}}, "rclone:" + flight + "none"},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			r.env = env
			besideRestic(t, r.storedRepository, r.none, ids, source)
		})
	}
	t.Cleanup(func() { rclone.none(t, 10) })
}

// TestRcloneFails runs programs that do not work, beside restic.
func TestRcloneFails(t *testing.T) {
	t.Parallel()
	config := servers.RcloneConfig(t, map[string][]string{"here": {"type = local"}})
	env := []string{"RCLONE_CONFIG=" + config, "SYNCLINE_CACHE_DIR=" + t.TempDir()}
	servers.Rclone(t)
	for label, tt := range map[string]struct {
		args    []string
		message string
	}{
		"no such program":     {[]string{"-o", "rclone.program=no-such-rclone"}, "there is no program no-such-rclone; install it, or name it with its path"},
		"no such path":        {[]string{"-o", "rclone.program=/none/rclone"}, "there is no program rclone"},
		"a program that ends": {[]string{"-o", "rclone.program=sh -c 'echo my own words >&2; exit 3'"}, "sh ended (exit status 3) before it answered; its own lines say why"},
		"one that is silent":  {[]string{"-o", "rclone.program=sh -c 'exec sleep 1000'", "-o", "rclone.timeout=1s"}, "rclone gave no sign of life within 1s, and was ended; give it more time with -o rclone.timeout"},
		"no rclone":           {[]string{"-o", "rclone.program=sh -c 'exec cat'"}, "does not speak HTTP/2"},
		"wrong arguments":     {[]string{"-o", "rclone.args=serve none"}, "rclone ended (exit status 1) before it answered"},
		"wrong remote":        {[]string{"-r", "rclone:none:path"}, "rclone ended (exit status 1) before it answered"},
		"an unclosed quote":   {[]string{"-o", "rclone.program=sh 'x"}, "the quote ' is not closed"},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"-r", "rclone:here:/none", "snapshots"}, tt.args...)
			got, want := runProgram(t, env, args...), runPinned(t, env, append(args, "--no-cache")...)
			if got.code != want.code || got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, tt.message) {
				t.Errorf("exit code %d and %s, want %q; restic has %d and %s", got.code, got.stderr, tt.message, want.code, want.stderr)
			}
			// The program's own lines come as in restic.
			for line := range strings.Lines(want.stderr) {
				if strings.HasPrefix(line, "rclone: ") && !strings.Contains(line, "20") && !strings.Contains(got.stderr, strings.TrimSpace(line)) {
					t.Errorf("%q of restic is not in %q", line, got.stderr)
				}
			}
		})
	}
}

// TestRcloneVariables hands rclone's own variables on to it, as restic does: rclone
// refuses a value, and the command fails with its words.
func TestRcloneVariables(t *testing.T) {
	t.Parallel()
	servers.Rclone(t)
	const variable, refused = "RCLONE_BWLIMIT=x", `from environment variable RCLONE_BWLIMIT="x"`
	args := []string{"-r", "rclone:" + t.TempDir(), "snapshots"}
	got := runProgram(t, []string{variable, "SYNCLINE_CACHE_DIR=" + t.TempDir()}, args...)
	want := runPinned(t, []string{variable}, append(args, "--no-cache")...)
	if got.code != 1 || want.code != 1 || !strings.Contains(got.stderr, refused) || !strings.Contains(want.stderr, refused) {
		t.Errorf("exit code %d and %s; restic has %d and %s", got.code, got.stderr, want.code, want.stderr)
	}
}

// TestRcloneDies kills rclone while a repository is synchronized.
func TestRcloneDies(t *testing.T) {
	t.Parallel()
	repo, rclone, far := resticfixture.Unpack(t, "v2-old"), recordRclone(t), servers.StartS3(t)
	far.Put(t, "bucket", "repo", servers.ReadFolder(t, repo))
	var mu sync.Mutex
	packs := 0
	behind := *far
	behind.URL = servers.StartDoor(t, far.URL, func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/data/") {
			if packs++; packs == 2 || packs == 4 {
				rclone.kill(t)
			}
		}
		return false
	})
	env := []string{"RCLONE_CONFIG=" + servers.RcloneConfig(t, map[string][]string{"far": behind.RcloneRemote()}), "AWS_CA_BUNDLE="}
	data, want := t.TempDir(), t.TempDir()
	if o := runProgram(t, nil, "-r", repo, "--cache-dir", filepath.Join(want, "catalogs"), "sync"); o.code != 0 {
		t.Fatal(o.stderr)
	}
	o := runProgram(t, env, "-r", "rclone:far:bucket/repo", "-o", "rclone.program="+rclone.path, "--cache-dir", filepath.Join(data, "catalogs"), "sync", "-v")
	if o.code != 0 || !regexp.MustCompile(`failed and is tried again in [0-9.]+m?s: rclone ended \(signal: killed\)`).MatchString(o.stderr) {
		t.Errorf("exit code %d and %s; want another try, and success", o.code, o.stderr)
	}
	if dump(t, data) != dump(t, want) {
		t.Error("the catalog differs from the local folder's")
	}
	rclone.none(t, 2)
}

// TestRcloneLeavesNothing ends commands in several ways. None of their programs runs on.
func TestRcloneLeavesNothing(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Unpack(t, "v2-old")
	servers.Rclone(t)
	const stubborn = "trap '' INT TERM HUP; sleep 1000 & echo $! >>\"$0.pids\"; while :; do wait; done"
	for label, tt := range map[string]struct {
		script string // "" for rclone itself
		signal syscall.Signal
		code   int
	}{
		"done":                     {"", 0, 0},
		"killed":                   {"", syscall.SIGKILL, -1},
		"interrupted":              {"exec sleep 1000", syscall.SIGINT, 130},
		"terminated":               {"exec sleep 1000", syscall.SIGTERM, 130},
		"interrupted and stubborn": {stubborn, syscall.SIGINT, 130},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			rclone := recordRclone(t)
			if tt.script != "" {
				rclone.write(t, tt.script)
			}
			cmd := exec.CommandContext(t.Context(), program, "-r", "rclone:"+repo, "-o", "rclone.program="+rclone.path, "--cache-dir", t.TempDir(), "snapshots")
			cmd.Env = append(os.Environ(), "RESTIC_PASSWORD="+resticfixture.Password)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			least := strings.Count(rclone.script(t), "pids")
			waitUntil(t, "the program is started", func() bool { return len(rclone.all(t)) >= least })
			if tt.signal != 0 {
				_ = cmd.Process.Signal(tt.signal)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != tt.code && tt.code >= 0 {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			rclone.none(t, least)
		})
	}
}

// TestRcloneAsks gives the terminal to a program that asks its user for something.
func TestRcloneAsks(t *testing.T) {
	t.Parallel()
	rclone := recordRclone(t)
	rclone.write(t, `read answer </dev/tty; echo "answer: $answer" >&2; exec '`+servers.Rclone(t)+`' "$@"`)
	repo := resticfixture.Unpack(t, "v2-old")
	// script gives the program a terminal of its own.
	command := fmt.Sprintf("'%s' -r 'rclone:%s' -o 'rclone.program=%s' --cache-dir '%s' snapshots --json; echo status $?", program, repo, rclone.path, t.TempDir())
	cmd := exec.CommandContext(t.Context(), "script", "-qec", command, "/dev/null")
	cmd.Env = append(os.Environ(), "RESTIC_PASSWORD="+resticfixture.Password)
	cmd.Stdin = strings.NewReader("open sesame\n")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "rclone: answer: open sesame") || !strings.Contains(string(out), "status 0") {
		t.Errorf("%v: %s", err, out)
	}
}
