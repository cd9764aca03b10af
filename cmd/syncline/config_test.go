package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// configFile writes a configuration file and returns its path.
func configFile(t *testing.T, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "syncline.yaml")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// serve takes its settings from the file; a variable goes before it, and a flag before
// both.
func TestServeWithFile(t *testing.T) {
	t.Parallel()
	roots := t.TempDir()
	data := filepath.Join(t.TempDir(), "data")
	file := configFile(t, "data: /nowhere/at/all", "listen: 192.0.2.1:1", "metrics-listen: 127.0.0.1:0", "restore-root:", "  - "+roots)
	n := startWith(t, []string{"SYNCLINE_ADMIN_PASSWORD=" + adminPassword, "SYNCLINE_CONFIG=" + file, "SYNCLINE_LISTEN=192.0.2.2:1"}, data).as(adminPassword)
	if n.metrics == "" {
		t.Error("the address for monitoring in the file is not taken")
	}
	var targets []struct{ Name string }
	n.call("GET", "/v6/RestoreTargets", nil, 200, &targets)
	if len(targets) != 1 || targets[0].Name != filepath.Base(roots) {
		t.Errorf("restores go to %v", targets)
	}
}

// config check finds the mistakes of the start without a start.
func TestConfigCheck(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	good := configFile(t, "data: "+data, "history-count: 5", "trusted-proxy: [10.0.0.0/8]")
	got := runProgram(t, nil, "config", "check", good)
	if got.code != 0 || got.stdout != "the settings are right ("+good+")\n" || got.stderr != "" {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("the check has made the data directory")
	}
	if got := runProgram(t, []string{"SYNCLINE_CONFIG="}, "config", "check"); got.code != 0 || !strings.Contains(got.stdout, "there is no configuration file") {
		t.Errorf("%+v", got)
	}
	bad := configFile(t, "histroy-count: 5", "listen: 4443", "data: "+data)
	for _, tt := range []struct {
		args []string
		env  string
		says []string
	}{
		{[]string{bad}, "", []string{bad + `:1: there is no setting "histroy-count"; do you mean history-count?`}},
		{[]string{bad}, "SYNCLINE_HISTORY_DAYS=long", []string{bad + ":1:", "SYNCLINE_HISTORY_DAYS must be a whole number", "2 mistakes"}},
		{[]string{good, "--listen", ":65536"}, "", []string{"--listen: cannot listen on :65536"}},
		{[]string{good, "--listen", "x"}, "", []string{"--listen: cannot listen on x"}},
		{[]string{good}, "SYNCLINE_TLS_KEY=/x", []string{"SYNCLINE_TLS_KEY: ", "go together"}},
		{[]string{good, "--tls-cert", good, "--tls-key", good}, "", []string{"--tls-cert: ", "holds no PEM"}},
		{
			[]string{configFile(t, "tls-cert: /x", "tls-key: /y", "cacert: "+good, "metrics-token-file: /z", "min-free: much", "catalog-min-free: 1X",
				"restore-root: /none/at/all", "trusted-proxy: 0.0.0.0/0", "history-days: -1", "data: "+good)},
			"",
			[]string{":1: tls-cert: ", ":3: cacert: ", ":4: metrics-token-file: ", `:5: min-free: "much" is not a size`, ":6: catalog-min-free: ", ":7: restore-root: ", ":8: trusted-proxy: ", ":9: history-days: -1 is out of range", ":10: data: ", "9 mistakes"},
		},
		{[]string{filepath.Join(data, "none")}, "", []string{"cannot be read"}},
		{[]string{""}, "", []string{"empty"}},
		{nil, "SYNCLINE_DATABASE=mysql://u:hunter2@x", []string{"SYNCLINE_DATABASE: the URL of the database must begin with postgres://"}},
		{nil, "SYNCLINE_DATABASE=postgres://u:hunt/er2@x", []string{"SYNCLINE_DATABASE: the URL of the database cannot be read"}},
		{nil, "SYNCLINE_DATABASE=postgres://u:1/hunter2@x/y", []string{"SYNCLINE_DATABASE: the URL of the database cannot be read"}},
		{nil, "SYNCLINE_DATABASE=postgres://u:1?hunter2@x/y", []string{"SYNCLINE_DATABASE: the URL of the database cannot be read"}},
		{nil, "SYNCLINE_DATABASE=postgres://u:h@hunter2@x/y", []string{"SYNCLINE_DATABASE: the URL of the database cannot be read"}},
		{[]string{good, "--database", "postgres://u:1#hunter2@x/y"}, "", []string{"--database: the URL of the database cannot be read"}},
		{[]string{good, "--database", "postgres://u:hunter2@x/y"}, "", []string{"--database: every user of this machine can read a password on the command line", "SYNCLINE_DATABASE", "PGPASSFILE"}},
		{[]string{good, "--database", "postgres://u@x/y?password=hunter2"}, "", []string{"--database: every user"}},
		{[]string{good, "--database", "postgres://u@x/y", "--catalogs", "z"}, "", []string{"--catalogs: it has no effect with a database"}},
	} {
		got := runProgram(t, []string{tt.env}, append([]string{"config", "check"}, tt.args...)...)
		for _, says := range tt.says {
			if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, says) {
				t.Errorf("%q %s: %d %s, and not %s", tt.args, tt.env, got.code, got.stderr, says)
			}
		}
		if strings.Contains(got.stderr, "hunt") {
			t.Errorf("a password comes out: %s", got.stderr)
		}
		if tt.args == nil || tt.args[0] == "" {
			continue
		}
		args := append([]string{"serve", "--config", tt.args[0], "--data", data}, tt.args[1:]...)
		if strings.Contains(strings.Join(tt.says, ""), ":10: data") {
			args = args[:3] // its own is wrong
		}
		if got := runProgram(t, []string{tt.env}, args...); got.code != 1 {
			t.Errorf("serve %q: %+v", tt.args, got)
		}
	}
	if got := runProgram(t, nil, "config", "check", good, good); got.code != 2 {
		t.Errorf("two files: %+v", got)
	}
}

func TestConfigShow(t *testing.T) {
	t.Parallel()
	file := configFile(t, "data: /srv/syncline", "", "trusted-proxy: [10.0.0.1, 10.0.0.2]", "listen: ':1'")
	got := runProgram(t, []string{"SYNCLINE_CONFIG=" + file, "SYNCLINE_LISTEN=:2", "SYNCLINE_HISTORY_COUNT=7"}, "config", "show", "--listen", ":3")
	for _, want := range []string{
		`data +/srv/syncline +` + file + `:1`, `trusted-proxy +10\.0\.0\.1,10\.0\.0\.2 +` + file + `:3`, `listen +:3 +--listen`,
		`history-count +7 +SYNCLINE_HISTORY_COUNT`, `debug +false +default`, `tls-cert +\(a self-signed one\) +default`,
	} {
		if got.code != 0 || !regexp.MustCompile(`(?m)^`+want+`$`).MatchString(got.stdout) {
			t.Errorf("%d %s%s, and not %s", got.code, got.stdout, got.stderr, want)
		}
	}
	got = runProgram(t, []string{"SYNCLINE_DATABASE=postgres://u:hunter2@host/db"}, "config", "show")
	if got.code != 0 || strings.Contains(got.stdout+got.stderr, "hunter2") || !regexp.MustCompile(`(?m)^database +\(secret\) +SYNCLINE_DATABASE$`).MatchString(got.stdout) {
		t.Errorf("the database is shown as %+v", got)
	}
}
