package main_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
)

// tool runs one of Prometheus's programs to its end.
func tool(t *testing.T, input, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s %q: %v\n%s", name, args, err, out)
	}
}

// daemon starts a program that listens, waits until it is ready, and returns its address.
func daemon(t *testing.T, name, flag string, args ...string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	cmd := exec.Command(name, append(args, flag+"="+address)...)
	cmd.Dir = t.TempDir()
	said := new(serverLog)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v; scripts/deps.sh full installs it", name, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(time.Minute); ; {
		if _, err := fetch("http://" + address + "/-/ready"); err == nil {
			return "http://" + address
		}
		if time.Now().After(end) {
			t.Fatalf("%s is not ready: %s", name, said)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func fetch(url string) (string, error) {
	res, err := http.Get(url) //nolint:gosec // a server of the test's own
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", url, res.StatusCode, body)
	}
	return string(body), err
}

// scrapeConfigs are the configurations in docs/monitoring.md.
func scrapeConfigs(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "monitoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range regexp.MustCompile("(?s)```yaml\n(scrape_configs:\n.*?)```").FindAllStringSubmatch(string(raw), -1) {
		list = append(list, m[1])
	}
	if len(list) != 2 {
		t.Fatalf("the document has %d configurations", len(list))
	}
	return list
}

// Prometheus scrapes the server with the documented configurations, finds nothing wrong
// with metrics and rules, and its rules fire on late backups.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	needtest.Full(t, "Prometheus")
	n, _ := monitored(t)
	n.finish(n.sync(n.attachFixture("old", resticfixture.Unpack(t, "v2-old"))).ID)
	n.untilChecked(n.attachFixture("never synchronized", resticfixture.Unpack(t, "v2-old")), "attached", func(checked) bool { return true })

	_, text := n.ask("GET", n.metrics, "")
	tool(t, text, "promtool", "check", "metrics")
	rules := filepath.Join("..", "..", "deploy", "prometheus", "alerts.yml")
	tool(t, "", "promtool", "check", "rules", rules)
	raw, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	// The rules as they are, without the time that they wait.
	at := write("alerts.yml", regexp.MustCompile(`(?m)^ *for: .*\n`).ReplaceAllString(string(raw), ""))
	plain, secure := scrapeConfigs(t)[0], scrapeConfigs(t)[1]
	replace := func(text, old, by string) string {
		t.Helper()
		if !strings.Contains(text, old) {
			t.Fatalf("the documented configuration has no %s", old)
		}
		return strings.ReplaceAll(text, old, by)
	}
	plain = replace(plain, "127.0.0.1:9464", strings.TrimSuffix(strings.TrimPrefix(n.metrics, "http://"), "/metrics"))
	certificate := n.certificate()
	secure = replace(secure, "/etc/prometheus/syncline-token", write("token", scraper))
	secure = replace(secure, "/etc/prometheus/syncline.pem", write("syncline.pem", certificate))
	secure = replace(secure, "syncline.example:4443", strings.TrimPrefix(n.url, "https://"))
	secure = replace(secure, "job_name: syncline", "job_name: secure")
	config := "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [" + at + "]\n" + plain + strings.TrimPrefix(secure, "scrape_configs:\n")
	server := daemon(t, "prometheus", "--web.listen-address", "--config.file="+write("prometheus.yml", config), "--storage.tsdb.path="+filepath.Join(dir, "data"))

	var up, firing []string
	within(t, "scrapes", func() []string {
		up = query(t, server, "up", "job")
		return up
	}, "secure 1", "syncline 1")
	want := []string{"SynclineBackupLate old", "SynclineCatalogUnusable never synchronized", "SynclineOutOfSync never synchronized"}
	within(t, "alerts", func() []string {
		firing = query(t, server, `ALERTS{alertstate="firing",alertname=~"Syncline(BackupLate|CatalogUnusable|OutOfSync)",job="syncline"}`, "alertname", "repository")
		return slices.Compact(firing)
	}, want[0]+" 1", want[1]+" 1", want[2]+" 1")
	if down := query(t, server, `ALERTS{alertname="SynclineDown"}`, "alertname"); len(down) != 0 {
		t.Errorf("got %q", down)
	}
	if n := query(t, server, `count(syncline_alarms{job="syncline"})`); len(n) != 1 || n[0] != "18" {
		t.Errorf("there are %q series of syncline_alarms", n)
	}
}

// query asks Prometheus, and returns the values with some labels before each, sorted.
func query(t *testing.T, server, expression string, labels ...string) (lines []string) {
	t.Helper()
	text, err := fetch(server + "/api/v1/query?query=" + strings.NewReplacer(" ", "%20", `"`, "%22", "{", "%7B", "}", "%7D", "|", "%7C", "~", "%7E", "=", "%3D").Replace(expression))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	for _, r := range answer.Data.Result {
		line := ""
		for _, l := range labels {
			line += r.Metric[l] + " "
		}
		lines = append(lines, line+fmt.Sprint(r.Value[1]))
	}
	slices.Sort(lines)
	return lines
}

// certificate returns the server's certificate in PEM.
func (n *node) certificate() string {
	n.t.Helper()
	res, _ := n.ask("GET", n.url+"/healthz", "")
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: res.TLS.PeerCertificates[0].Raw}))
}

// Alertmanager takes an alarm and its end.
func TestAlertmanager(t *testing.T) {
	t.Parallel()
	needtest.Full(t, "Alertmanager")
	config := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(config, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	manager := daemon(t, "prometheus-alertmanager", "--web.listen-address", "--config.file="+config, "--storage.path="+t.TempDir(), "--cluster.listen-address=")
	late := func() (lines []string) { // that of the machine's disk, if it is nearly full, is none of them
		text, err := fetch(manager + "/api/v2/alerts")
		if err != nil {
			t.Fatal(err)
		}
		var alerts []struct{ Labels, Annotations map[string]string }
		if err := json.Unmarshal([]byte(text), &alerts); err != nil {
			t.Fatal(err)
		}
		for _, a := range alerts {
			if name := a.Labels["alertname"]; name == "SynclineBackupLate" {
				lines = append(lines, name+" "+a.Labels["severity"]+" "+a.Labels["repository"])
			}
		}
		return lines
	}
	n := start(t, t.TempDir(), "--notification-delay", "0s")
	n.add("/v6/NotificationChannels", 201, object{"name": "am", "kind": "Alertmanager", "alertmanager": object{"url": manager}})
	repo := n.attachFixture("old", resticfixture.Unpack(t, "v2-old"))
	n.finish(n.sync(repo).ID)
	want := slices.Repeat([]string{"SynclineBackupLate critical old"}, n.lateAlarms(repo))
	within(t, "alerts", late, want...)
	n.retireAll()
	within(t, "alerts", late)
}
