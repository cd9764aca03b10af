package main_test

import (
	"strings"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
)

// Global flags that do nothing for a command are refused by name, and are not in
// its help; its own flags of the same name are both.
func TestGlobalFlagsOfCommandsWithoutRepository(t *testing.T) {
	t.Parallel()
	const dir = "--data=/nowhere/data"
	for _, tt := range []struct {
		refused string
		args    []string
	}{
		{"--cache-dir does nothing for syncline serve", []string{"serve", dir, "--cache-dir", "x"}},
		{"--insecure-tls does nothing for syncline serve", []string{"serve", dir, "--insecure-tls"}},
		{"--repo does nothing for syncline serve", []string{"serve", dir, "-r", "x"}},
		{"--limit-download does nothing for syncline demo", []string{"demo", "--limit-download", "5"}},
		{"--json does nothing for syncline user list", []string{"user", "list", dir, "--json"}},
		{"--cacert does nothing for syncline user list", []string{"user", "list", dir, "--cacert", "x"}},
		{"--insecure-tls does nothing for syncline login", []string{"login", "--insecure-tls", "https://127.0.0.1:1"}},
		{"--no-sync does nothing for syncline logout", []string{"logout", "--no-sync", "https://127.0.0.1:1"}},
	} {
		if got := runProgram(t, nil, tt.args...); got.code != 1 || !strings.Contains(got.stderr, tt.refused) {
			t.Errorf("%q: exit code %d, %s", tt.args, got.code, got.stderr)
		}
	}
	// A flag that a command takes gets to the command's next error.
	for _, args := range [][]string{
		{"user", "list", dir, "-v"},
		{"user", "list", dir, "--no-lock"}, // which means nothing anywhere
		{"login", "--cacert", "/nowhere/ca", "https://127.0.0.1:1"},
		{"serve", dir, "--cacert", "/nowhere/ca"},
	} {
		if got := runProgram(t, []string{"SYNCLINE_SERVER=https://127.0.0.1:1"}, args...); got.code != 1 || !strings.Contains(got.stderr, "/nowhere") {
			t.Errorf("%q: exit code %d, %s", args, got.code, got.stderr)
		}
	}
	for _, tt := range []struct{ args, has, hasNot string }{
		{"serve --help", "--cacert file", "--cache-dir"},
		{"help demo", "--verbose", "--repo"},
		{"user add --help", "--data directory", "--repo"},
		{"login --help", "--cacert file", "--key-hint"},
		{"logout --help", "--server", "--key-hint"},
		{"ls --help", "--cache-dir", "--no-lock"},
	} {
		got := runProgram(t, nil, strings.Fields(tt.args)...)
		if got.code != 0 || !strings.Contains(got.stdout, tt.has) || strings.Contains(got.stdout, tt.hasNot) {
			t.Errorf("%s: exit code %d, %s", tt.args, got.code, got.stdout)
		}
	}
}

// Flags of what is opened here are refused also where a variable names the server.
func TestFlagsOfOpeningWithServerVariable(t *testing.T) {
	t.Parallel()
	for _, env := range [][]string{{"SYNCLINE_SERVER=https://127.0.0.1:1"}, {"SYNCLINE_SERVER="}} {
		args := []string{"snapshots", "--limit-download", "5"}
		if env[0] == "SYNCLINE_SERVER=" {
			args = append(args, "--server", "https://127.0.0.1:1")
		}
		if got := runProgram(t, env, args...); got.code != 1 || !strings.Contains(got.stderr, "--limit-download is for what is opened here") {
			t.Errorf("%v: exit code %d, %s", env, got.code, got.stderr)
		}
	}
}

// A number that is none is told in plain words.
func TestNoNumber(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ args, want string }{
		{"serve --history-count x", `invalid argument "x" for "--history-count" flag: it must be a whole number`},
		{"serve --history-days 99999999999999999999", "the number is too large"},
		{"ls --json=maybe", "it must be true or false"},
	} {
		if got := runProgram(t, nil, strings.Fields(tt.args)...); got.code != 1 || !strings.Contains(got.stderr, tt.want) || strings.Contains(got.stderr, "strconv") {
			t.Errorf("%s: exit code %d, %s", tt.args, got.code, got.stderr)
		}
	}
}

// A command that finds no password says how to give one.
func TestNoPassword(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Unpack(t, "v2-old")
	got := runProgram(t, []string{"RESTIC_PASSWORD=", "SYNCLINE_CACHE_DIR=" + t.TempDir()}, "snapshots", "-r", repo)
	if got.code != 1 || !strings.Contains(got.stderr, "RESTIC_PASSWORD, --password-file or --password-command") {
		t.Errorf("exit code %d, %s", got.code, got.stderr)
	}
}
