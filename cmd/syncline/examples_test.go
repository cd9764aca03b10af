package main_test

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/programtest"
	"syncline.dev/syncline/internal/resticfixture"
)

const examples = "../../examples/"

// newest asks a server for its newest version, as clients do.
func (n *node) newest() string {
	n.t.Helper()
	for _, version := range []string{"v8", "v7", "v6"} {
		if status, _ := n.tried("GET", "/"+version+"/ServiceInstance", nil); status == 200 {
			return version
		}
	}
	n.t.Fatal("the server serves no version")
	return ""
}

// exampleServer is a server with three hosts: "alive" is backed up in time, "late" is late by
// a rule, and "over" is retired. It has a viewer and an operator.
func exampleServer(t *testing.T) (n *node, env []string, repo string) {
	repo, src := resticfixture.Init(t, 2), t.TempDir()
	writeFiles(t, src, map[string]string{"file": "content"})
	now := time.Now()
	for i := range 6 {
		for host, ago := range map[string]time.Duration{"alive": time.Hour, "late": 4 * time.Hour, "over": time.Hour} {
			resticfixture.Backup(t, repo, src, "--host", host, "--time", now.Add(-time.Duration(5-i)*24*time.Hour-ago).Local().Format(time.DateTime))
		}
	}
	n = start(t, filepath.Join(t.TempDir(), "data"))
	key := n.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	n.call("POST", "/v6/AlarmRules", object{"name": "hourly", "hostPattern": "late", "maxAge": "3h", "severity": "Warning"}, 201, nil)
	n.sync(n.add("/v6/BackupRepositories", 200, object{"name": "main", "path": repo, "encryptionKeyId": key, "retentionType": "ItemLevel"}))
	for _, m := range n.machines("late Late", "alive InTime", "over InTime").Results {
		if m.HostName == "over" {
			n.call("POST", "/v6/Machines/"+m.ID+"/Retire", nil, 200, nil)
		}
	}
	for _, role := range []string{"viewer", "operator"} {
		n.call("POST", "/v6/Users", object{"name": role, "role": role, "password": adminPassword}, 200, nil)
	}
	cert, password := filepath.Join(t.TempDir(), "server.pem"), filepath.Join(t.TempDir(), "password")
	conn, err := tls.Dial("tcp", strings.TrimPrefix(n.url, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	block := &pem.Block{Type: "CERTIFICATE", Bytes: conn.ConnectionState().PeerCertificates[0].Raw}
	for file, text := range map[string][]byte{cert: pem.EncodeToMemory(block), password: []byte(adminPassword + "\n")} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return n, []string{
		"SYNCLINE_USER=viewer", "SYNCLINE_PASSWORD=" + adminPassword, "SYNCLINE_PASSWORD_FILE=" + password, "SYNCLINE_CACERT=" + cert,
		"SYNCLINE_MONITOR_CONF=" + filepath.Join(t.TempDir(), "none"), "TZ=UTC",
	}, repo
}

// TestExamples runs the programs of examples/ against a server.
func TestExamples(t *testing.T) {
	t.Parallel()
	needtest.Full(t, "Python, curl and jq")
	n, env, repo := exampleServer(t)
	served := n.newest()
	goProgram := filepath.Join(t.TempDir(), "syncall")
	if err := programtest.Build(t.Context(), examples+"go", goProgram); err != nil {
		t.Fatal(err)
	}
	report, monitor, snapshots := examples+"python/backup_report.py", examples+"monitoring/syncline-monitor.sh", examples+"curl/new-snapshots.sh"
	check := func(code int, stdout, stderr, program string, args ...string) string {
		t.Helper()
		got := run(t, program, env, args...)
		if got.code != code || !regexp.MustCompile(stdout).MatchString(got.stdout) || !strings.Contains(got.stderr, stderr) || stderr == "" && got.stderr != "" {
			t.Errorf("%s %q: exit code %d instead of %d\n%s\n%s", program, args, got.code, code, got.stdout, got.stderr)
		}
		if strings.Contains(got.stdout+got.stderr, adminPassword) {
			t.Errorf("%s tells the password", program)
		}
		return got.stdout
	}
	check(1, `(?s)^Success +\S+Z alive: /.* \(main\)\nWarning +\S+Z late: /.* \(main\)\n$`, "", report, n.url)
	var told struct {
		Version string
		Jobs    []struct{ Name, LastStatus string }
	}
	if err := json.Unmarshal([]byte(check(1, "", "", report, "--json", n.url+"/")), &told); err != nil || told.Version != served || len(told.Jobs) != 2 {
		t.Errorf("%+v, %v", told, err)
	}
	var zabbix []struct {
		ID, Name, LastStatus string
		Status               int
		LastRun              int64
	}
	if err := json.Unmarshal([]byte(check(0, "", "", monitor, "zabbix", n.url)), &zabbix); err != nil || len(zabbix) != 2 || zabbix[1].Status != 1 || time.Since(time.Unix(zabbix[0].LastRun, 0)) > 3*time.Hour {
		t.Errorf("%+v, %v", zabbix, err)
	}
	check(0, `(?s)^0 "Syncline" - `+served+` at https://\S+\n0 "Backup alive: /\S+ \(main\)" age=\d+ Success, last backup \S+Z\n1 "Backup late: /\S+ \(main\)" age=\d+ Warning, last backup \S+Z\n$`, "", monitor, "checkmk", n.url)
	if lines := strings.Split(strings.TrimSpace(check(0, `(?m)^\S+Z\t(alive|over)\t/\S+$`, "", snapshots, n.url, "3")), "\n"); len(lines) != 2 {
		t.Errorf("the snapshots of three hours are %q", lines)
	}
	check(1, "^$", "", snapshots, n.url, "0")
	env = append(env, "SYNCLINE_USER=operator")
	check(0, "^main is up to date\n$", "", goProgram, n.url)

	// A repository that is away is told, and so is a server that refuses or is away.
	if err := os.Rename(repo, repo+"-away"); err != nil {
		t.Fatal(err)
	}
	check(1, "^$", "main: Failed ", goProgram, n.url)
	trouble := func(says string) {
		t.Helper()
		check(3, "^$", says, report, n.url)
		check(3, "^$", "new-snapshots.sh: ", snapshots, n.url)
		check(1, "^$", "syncline-monitor.sh: ", monitor, "zabbix", n.url)
		check(0, `^2 "Syncline" - .+\n$`, "", monitor, "checkmk", n.url)
		check(3, "^$", "syncall: ", goProgram, n.url)
	}
	good := slices.Clone(env)
	env = append(env, "SYNCLINE_USER=nobody")
	trouble("user name or the password")
	env = append(slices.Clone(good), "SYNCLINE_CACERT=")
	trouble("certificate")
	env = good
	n.end()
	trouble("cannot be asked")
}

// TestExampleOfAnOlderServer asks a server that has only v6: one that fails has no empty answer.
func TestExampleOfAnOlderServer(t *testing.T) {
	needtest.Full(t, "curl and jq")
	for _, c := range []struct {
		status, code   int
		answer, stderr string
	}{
		{http.StatusConflict, 3, `{"message":"the catalog is missing"}`, "the catalog is missing"},
		{http.StatusOK, 1, `[]`, ""},
		{http.StatusOK, 0, `[{"backupTime":"2026-11-23T10:00:00Z","hostName":"web1","paths":["/srv"]}]`, ""},
	} {
		mux := http.NewServeMux()
		tell := func(pattern string, status int, body string) {
			mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			})
		}
		tell("GET /v6/ServiceInstance", http.StatusUnauthorized, `{"message":"sign in"}`)
		tell("POST /v6/token", http.StatusOK, `{"access_token":"token"}`)
		tell("GET /v6/RestorePoints", c.status, c.answer)
		server := httptest.NewServer(mux)
		got := run(t, examples+"curl/new-snapshots.sh", []string{"SYNCLINE_USER=ada", "SYNCLINE_PASSWORD=" + adminPassword, "SYNCLINE_CACERT="}, server.URL)
		server.Close()
		if got.code != c.code || !strings.Contains(got.stderr, c.stderr) || (got.stdout != "") != (c.code == 0) {
			t.Errorf("%s: exit code %d instead of %d\n%s\n%s", c.answer, got.code, c.code, got.stdout, got.stderr)
		}
	}
}
