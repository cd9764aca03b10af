//go:build !windows

package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSecretKeyFile runs a server whose key lies elsewhere than its data: the key is not
// copied there, users are managed without it, and neither a start without it nor one with
// another key touches the passwords that it sealed.
func TestSecretKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, file, other := filepath.Join(t.TempDir(), "data"), filepath.Join(dir, "key"), filepath.Join(dir, "other")
	for path, letter := range map[string]string{file: "k", other: "o"} {
		if err := os.WriteFile(path, bytes.Repeat([]byte(letter), 32), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := start(t, data, "--secret-key-file", file)
	repo := n.attach("full", newRepository(t, 3, 1))
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(data, "secret.key")); !os.IsNotExist(err) {
		t.Errorf("the key is in the data directory, too: %v", err)
	}
	if got := runProgram(t, nil, "user", "list", "--data", data); got.code != 0 || !strings.Contains(got.stdout, "administrator") {
		t.Errorf("users without the key: %+v", got)
	}
	for want, args := range map[string][]string{
		"name its place with --secret-key-file":                                     {"--data", data},
		"--secret-key-file: the file " + dir + "/none cannot be read (no such file": {"--data", data, "--secret-key-file", dir + "/none"},
	} {
		if said := refusal(t, "", args...); !strings.Contains(said, want) {
			t.Errorf("%q is not in: %s", want, said)
		}
	}
	n = start(t, data, "--secret-key-file", file)
	n.finish(n.sync(repo).ID)
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// A key that an earlier start made is not set aside for another one.
	made := filepath.Join(dir, "made")
	if err := start(t, made).signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if said := refusal(t, "", "--data", made, "--secret-key-file", other); !strings.Contains(said, "holds another key than") {
		t.Error(said)
	}
	if err := start(t, made, "--secret-key-file", filepath.Join(made, "secret.key")).signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}
