//go:build !windows

package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSignalAtPipe ends commands that wait for a pipe which somebody has opened and
// nobody writes to: one signal is enough.
func TestSignalAtPipe(t *testing.T) {
	t.Parallel()
	data, repo := t.TempDir(), newRepository(t, 1, 1)
	start(t, data)
	const interrupted = 130
	codes := map[string]int{"first password": 0} // a server that is told to stop stops cleanly
	for name, pipe := range map[string]func(pipe, fleet string) (env, args []string){
		"password of a repository": func(pipe, _ string) (env, args []string) {
			return nil, []string{"snapshots", "-r", repo, "--password-file", pipe}
		},
		"repository": func(pipe, _ string) (env, args []string) {
			return nil, []string{"snapshots", "--repository-file", pipe}
		},
		"certificates": func(pipe, _ string) (env, args []string) {
			return nil, []string{"snapshots", "-r", "s3:https://127.0.0.1:1/bucket", "--cacert", pipe}
		},
		"patterns": func(pipe, _ string) (env, args []string) {
			return nil, []string{"restore", "-r", repo, "latest", "--target", t.TempDir(), "--include-file", pipe}
		},
		"passphrase": func(pipe, _ string) (env, args []string) {
			return nil, []string{"backup-state", "--data", data, "--with-key", "--passphrase-file", pipe, filepath.Join(t.TempDir(), "copy")}
		},
		"file of apply": func(pipe, _ string) (env, args []string) {
			return nil, []string{"apply", "--data", data, "-f", pipe}
		},
		"secret of apply": func(pipe, fleet string) (env, args []string) {
			return nil, []string{"apply", "--data", data, "-f", fleet}
		},
		"first password": func(pipe, _ string) (env, args []string) {
			return []string{"SYNCLINE_ADMIN_PASSWORD_FILE=" + pipe}, []string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := filepath.Join(t.TempDir(), "pipe")
			fleet := filepath.Join(filepath.Dir(at), "fleet.yaml")
			if err := os.WriteFile(fleet, []byte("name: piped\nkeys:\n- name: main\n  password: {file: pipe}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(at, 0o600); err != nil {
				t.Fatal(err)
			}
			env, args := pipe(at, fleet)
			cmd := exec.CommandContext(t.Context(), program, args...)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			cmd.Env = append(os.Environ(), append(env, "XDG_CACHE_HOME="+t.TempDir(), "SYNCLINE_ADMIN_PASSWORD=", "RESTIC_PASSWORD=")...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			writer, err := os.OpenFile(at, os.O_WRONLY, 0) // waits for the command to read
			if err != nil {
				t.Fatal(err)
			}
			defer writer.Close()
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			want, ok := codes[name]
			if !ok {
				want = interrupted
			}
			if err := cmd.Wait(); cmd.ProcessState.ExitCode() != want {
				t.Errorf("exit code %d, %v:\n%s", cmd.ProcessState.ExitCode(), err, out.String())
			}
		})
	}
}
