package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// ask makes a request with a token, "" for none.
func (n *node) ask(method, url, token string) (*http.Response, string) {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), method, url, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := n.client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return res, string(body)
}

// until asks for a page until its answer has a status and a text.
func (n *node) until(url string, status int, text string) {
	n.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		res, body := n.ask("GET", url, "")
		if res.StatusCode == status && strings.Contains(body, text) {
			return
		}
		if time.Now().After(end) {
			n.t.Fatalf("%s: %d %s, and not %d %s", url, res.StatusCode, body, status, text)
		}
	}
}

// scraper is a token for the metrics alone.
const scraper = "a-token-for-metrics-alone"

// monitored starts a server with a token for metrics and an address for monitoring.
func monitored(t *testing.T) (n *node, data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(scraper+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, data, "--metrics-listen", "127.0.0.1:0", "--metrics-token-file", file), data
}

// Who may read what, at the server's address and at that of monitoring.
func TestMonitoringPaths(t *testing.T) {
	t.Parallel()
	n, _ := monitored(t)
	watch := strings.TrimSuffix(n.metrics, "/metrics")
	if watch == n.metrics || !strings.HasPrefix(watch, "http://") {
		t.Fatalf("the metrics are on %q", n.metrics)
	}
	for _, tt := range []struct {
		method, url, token string
		status             int
		body               string // a part of it
	}{
		{"GET", n.url + "/healthz", "", 200, "alive\n"},
		{"HEAD", n.url + "/healthz", "", 200, ""},
		{"GET", n.url + "/HealthZ/", "", 200, "alive\n"},
		{"GET", n.url + "/readyz", "", 200, "ready\n"},
		{"GET", n.url + "/readyz", "nobody", 200, "ready\n"},
		{"HEAD", n.url + "/readyz", "", 200, ""},
		{"POST", n.url + "/readyz", "", 405, `use GET or HEAD`},
		{"GET", n.url + "/healthz?verbose=1&_=2", "", 400, `\"verbose\"`},
		{"GET", n.url + "/healthz?verbose=&_=2", "", 200, "alive\n"},
		{"GET", n.url + "/healthz/more", "", 404, "message"},
		{"GET", n.url + "/metrics", "", 401, "access token"},
		{"GET", n.url + "/metrics", scraper + "x", 401, "message"},
		{"GET", n.url + "/metrics", scraper[1:], 401, "message"},
		{"GET", n.url + "/metrics?name[]=go_threads", "", 401, "message"},
		{"GET", n.url + "/metrics?name[]=go_threads", scraper, 400, `\"name[]\"`},
		{"GET", n.url + "/metrics", scraper, 200, "syncline_build_info{"},
		{"GET", n.url + "/Metrics/", n.token, 200, "syncline_build_info{"},
		{"HEAD", n.url + "/metrics", n.token, 200, ""},
		{"DELETE", n.url + "/metrics", n.token, 405, "use GET or HEAD"},
		{"GET", n.url + "/v6/BackupRepositories", scraper, 401, "message"}, // it opens nothing else
		{"GET", watch + "/metrics", "", 200, "syncline_build_info{"},
		{"HEAD", watch + "/metrics", "", 200, ""},
		{"GET", watch + "/healthz", "", 200, "alive\n"},
		{"GET", watch + "/readyz/", "", 200, "ready\n"},
		{"PUT", watch + "/metrics", "", 405, "use GET or HEAD"},
		{"GET", watch + "/v6/BackupRepositories", n.token, 404, "/metrics"},
		{"GET", watch + "/", n.token, 404, "/metrics"},
	} {
		res, body := n.ask(tt.method, tt.url, tt.token)
		if res.StatusCode != tt.status || !strings.Contains(body, tt.body) {
			t.Errorf("%s %s: %d %s", tt.method, tt.url, res.StatusCode, body)
		}
		kind := "text/plain; charset=utf-8"
		switch {
		case tt.status != 200:
			kind = "application/json; charset=utf-8"
		case strings.Contains(strings.ToLower(tt.url), "/metrics"):
			kind = "text/plain; version=0.0.4; charset=utf-8"
		}
		if got := res.Header.Get("Content-Type"); got != kind {
			t.Errorf("%s %s: the type is %q", tt.method, tt.url, got)
		}
		if tt.method == "HEAD" && (body != "" || res.ContentLength <= 0) || tt.method == "GET" && res.ContentLength != int64(len(body)) {
			t.Errorf("%s %s: a length of %d for %d bytes", tt.method, tt.url, res.ContentLength, len(body))
		}
		if (res.StatusCode == 401) != (res.Header.Get("WWW-Authenticate") == "Bearer") || (res.StatusCode == 405) != (res.Header.Get("Allow") == "GET, HEAD") {
			t.Errorf("%s %s: %d with %v", tt.method, tt.url, res.StatusCode, res.Header)
		}
	}
	if log := n.output.String(); strings.Contains(log, scraper) {
		t.Error("the log shows the token")
	}
}

// A server without the flags has no address for monitoring, and takes users' tokens.
func TestMetricsWithoutFlags(t *testing.T) {
	t.Parallel()
	n := start(t, filepath.Join(t.TempDir(), "data"))
	if n.metrics != "" {
		t.Errorf("metrics are on %s", n.metrics)
	}
	for token, status := range map[string]int{n.token: 200, "": 401, scraper: 401} {
		if res, body := n.ask("GET", n.url+"/metrics", token); res.StatusCode != status {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	}
}

// The metrics tell what restic tells, and what the sessions did.
func TestMetricsAreTrue(t *testing.T) {
	t.Parallel()
	n, data := monitored(t)
	repo := newRepository(t, 5, 2)
	id := n.attach("Two hosts", repo)
	n.finish(n.sync(id).ID)
	n.attach("Never", newRepository(t, 1, 1))
	_, text := n.ask("GET", n.metrics, "")
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) != 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	want := []string{
		`syncline_repository_in_sync{repository="Two hosts"} 1`, `syncline_repository_in_sync{repository="Never"} 0`,
		`syncline_repository_catalog_usable{repository="Two hosts"} 1`, `syncline_repository_catalog_usable{repository="Never"} 0`,
		`syncline_backup_series_left_out{repository="Two hosts"} 0`,
		`syncline_sync_sessions_total{repository="Two hosts",result="Success"} 1`,
		`syncline_sync_sessions_total{repository="Two hosts",result="Failed"} 0`,
		`syncline_sync_sessions_total{repository="Never",result="Success"} 0`,
		`syncline_sync_duration_seconds_count 1`,
		`syncline_storage_requests_total{kind="list snapshots",repository="Two hosts"} `,
		`syncline_storage_requests_total{kind="get data",repository="Two hosts"} `,
	}
	var snapshots []struct {
		Hostname string
		Time     time.Time
		Paths    []string
	}
	if err := json.Unmarshal(restic(t, repo, "snapshots", "--json"), &snapshots); err != nil || len(snapshots) != 2 {
		t.Fatal(snapshots, err)
	}
	for _, s := range snapshots {
		want = append(want, fmt.Sprintf(`syncline_backup_last_timestamp_seconds{host=%q,paths=%q,repository="Two hosts"} `, s.Hostname, s.Paths[0]))
		value := regexp.MustCompile(`last_timestamp_seconds{host="` + s.Hostname + `",.*} (\S+)`).FindStringSubmatch(text)
		var seconds float64
		if len(value) == 2 {
			_, _ = fmt.Sscan(value[1], &seconds)
		}
		if seconds != float64(s.Time.UnixMilli())/1000 {
			t.Errorf("the last backup of %s is %v, restic says %v", s.Hostname, value, s.Time)
		}
	}
	for _, line := range want {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("there is no %s", line)
		}
	}
	if regexp.MustCompile(`last_timestamp_seconds{.*repository="Never"`).MatchString(text) || strings.Contains(text, `left_out{repository="Never"}`) {
		t.Error("backups of a repository without a catalog are told")
	}

	// A session that fails is counted, and so is what it asked for.
	if err := os.Rename(filepath.Join(repo, "config"), filepath.Join(repo, "config-away")); err != nil {
		t.Fatal(err)
	}
	n.events(n.sync(id).ID)
	n.until(n.metrics, 200, "\n"+`syncline_sync_sessions_total{repository="Two hosts",result="Failed"} 1`+"\n")
	n.until(n.metrics, 200, "\n"+`syncline_repository_in_sync{repository="Two hosts"} 0`+"\n")
	_, text = n.ask("GET", n.metrics, "")
	if !strings.Contains(text, `last_timestamp_seconds{host="host-1"`) {
		t.Error("the catalog is there, and its backups are not told any more")
	}

	// A catalog that is missing knows no backups.
	if err := os.Rename(filepath.Join(data, "catalogs"), filepath.Join(data, "away")); err != nil {
		t.Fatal(err)
	}
	n.until(n.metrics, 200, "\n"+`syncline_repository_catalog_usable{repository="Two hosts"} 0`+"\n")
	if _, text = n.ask("GET", n.metrics, ""); strings.Contains(text, "last_timestamp_seconds{") {
		t.Error("backups of a missing catalog are told")
	}
}

// The server is not ready while its database or the folder of its catalogs is gone.
func TestReadiness(t *testing.T) {
	t.Parallel()
	n, data := monitored(t)
	for _, tt := range []struct {
		file, said string
		another    bool // lies in its place
	}{
		{"syncline.db", "not ready: the file of the database is gone, or another one lies in its place\n", false},
		{"syncline.db", "not ready: the file of the database is gone, or another one lies in its place\n", true},
		{"catalogs", "not ready: the folder of the catalogs cannot be read\n", false},
		{"catalogs", "not ready: the folder of the catalogs cannot be read\n", true},
	} {
		n.until(n.url+"/readyz", 200, "ready\n") // an answer is told for a second
		path := filepath.Join(data, tt.file)
		err := os.Rename(path, path+"-away")
		if err == nil && tt.another {
			err = os.WriteFile(path, nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		n.until(n.url+"/readyz", 503, tt.said)
		if res, body := n.ask("GET", n.url+"/healthz", ""); res.StatusCode != 200 {
			t.Errorf("the server is not alive: %s", body)
		}
		if tt.another {
			err = os.Remove(path)
		}
		if err := errors.Join(err, os.Rename(path+"-away", path)); err != nil {
			t.Fatal(err)
		}
		n.until(n.url+"/readyz", 200, "ready\n")
	}
	if err := n.signal(syscall.SIGTERM); err != nil { // after which the log is whole
		t.Fatal(err)
	}
	if log := n.output.String(); strings.Count(log, "the server is not ready") != 4 || strings.Count(log, "the server is ready again") != 4 {
		t.Errorf("the log has other changes:\n%s", log)
	}
}

// The server does not begin when it cannot do as its flags say.
func TestMonitoringFlags(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(scraper), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ flag, value, want string }{
		{"--metrics-token-file", file, "--metrics-token-file: the file " + file + " can be read or changed by other users (mode 0644); run chmod 600"},
		{"--metrics-token-file", file + "x", "--metrics-token-file: the file " + file + "x cannot be read"},
		{"--metrics-listen", takenPort(t), "--metrics-listen: another program already listens"},
		{"--metrics-listen", "nowhere", "--metrics-listen: cannot listen on nowhere"},
	} {
		data := filepath.Join(t.TempDir(), "data")
		said := refusal(t, "SYNCLINE_ADMIN_PASSWORD="+adminPassword, "--data", data, tt.flag, tt.value)
		if !strings.Contains(said, tt.want) || strings.Contains(said, scraper) {
			t.Errorf("%s %s: %s", tt.flag, tt.value, said)
		}
	}
}
