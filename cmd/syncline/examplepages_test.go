package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/needtest"
)

// manyRows stands for a server of v8 that has more rows than a page takes. Its jobs have
// times with fractions and names with quotation marks.
func manyRows(t *testing.T, n int) string {
	t.Helper()
	tell := func(w http.ResponseWriter, status int, answer object) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit, offset := 30, 0
		if text := r.URL.Query().Get("limit"); text != "" {
			limit, _ = strconv.Atoi(text)
			offset, _ = strconv.Atoi(r.URL.Query().Get("offset"))
		}
		row := object{"isEnabled": true, "lastStatus": "Success", "lastRun": "2026-11-23T10:00:00.123456789Z", "backupTime": "2026-11-23T10:00:00Z", "hostName": "web1", "paths": []string{"/srv"}}
		switch {
		case r.URL.Path == "/v8/token":
			tell(w, 200, object{"access_token": "the token"})
		case r.Header.Get("Authorization") != "Bearer the token":
			tell(w, 401, object{"message": "sign in"})
		default:
			rows, links := []object{}, object{}
			for i := offset; i < min(offset+limit, n); i++ {
				rows = append(rows, with(row, object{"id": strconv.Itoa(i), "name": fmt.Sprintf("the \"job\" %05d", i)}))
			}
			if offset+limit < n {
				links["next"] = object{"href": fmt.Sprintf("%s?limit=%d&offset=%d", r.URL.Path, limit, offset+limit)}
			}
			tell(w, 200, object{"limit": limit, "offset": offset, "results": rows, "_links": links})
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestExamplesReadEveryPage runs the examples against more rows than a page has.
func TestExamplesReadEveryPage(t *testing.T) {
	needtest.Full(t, "Python, curl and jq")
	t.Parallel()
	const rows = 1203
	url, dir := manyRows(t, rows), t.TempDir()
	writeFiles(t, dir, map[string]string{"password": "secret\n", "monitor.conf": "SYNCLINE_SERVER=" + url + "\nSYNCLINE_USER=viewer\n"})
	env := []string{
		"SYNCLINE_USER=viewer", "SYNCLINE_PASSWORD=secret", "SYNCLINE_PASSWORD_FILE=" + filepath.Join(dir, "password"), "SYNCLINE_CACERT=",
		"SYNCLINE_MONITOR_CONF=" + filepath.Join(dir, "monitor.conf"),
	}
	for _, c := range []struct {
		args  []string
		lines int
		last  string
	}{
		{[]string{"python/backup_report.py", url}, rows, `the "job" 01202`},
		{[]string{"curl/new-snapshots.sh", url}, rows, "web1\t/srv"},
		{[]string{"monitoring/syncline-monitor.sh", "checkmk"}, rows + 1, `0 "Backup the _job_ 01202" age=`},
		{[]string{"monitoring/syncline-monitor.sh", "zabbix"}, 1, `"lastRun":1795428000}]`},
	} {
		got := run(t, examples+c.args[0], env, c.args[1:]...)
		lines := strings.Split(strings.TrimSuffix(got.stdout, "\n"), "\n")
		if got.code != 0 || len(lines) != c.lines || !strings.Contains(lines[len(lines)-1], c.last) {
			t.Errorf("%q: exit code %d, %d lines, the last %.200q, %s", c.args, got.code, len(lines), lines[len(lines)-1], got.stderr)
		}
	}
}
