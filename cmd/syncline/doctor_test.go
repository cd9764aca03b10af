package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
)

// finding is one line of the doctor.
type finding struct{ Check, Subject, Status, Message, Advice string }

// doctored runs the doctor and returns its findings that are not ok, which its exit
// status and its lines agree with.
func doctored(t *testing.T, env []string, args ...string) (faults []finding) {
	t.Helper()
	got := runProgram(t, env, append([]string{"doctor", "--json"}, args...)...)
	var answer struct {
		Findings         []finding
		Failed, Warnings int
	}
	if err := json.Unmarshal([]byte(got.stdout), &answer); err != nil {
		t.Fatalf("%v: %s%s", err, got.stdout, got.stderr)
	}
	failed, warnings := 0, 0
	for _, f := range answer.Findings {
		switch f.Status {
		case "failed":
			failed++
		case "warning":
			warnings++
		}
		if f.Status != "ok" {
			faults = append(faults, f)
		}
	}
	if failed != answer.Failed || warnings != answer.Warnings || (failed > 0) != (got.code == 1) || failed == 0 && got.code != 0 {
		t.Errorf("exit code %d with %d failed and %d warnings: %s", got.code, failed, warnings, got.stdout)
	}
	lines := runProgram(t, env, append([]string{"doctor"}, args...)...)
	if n := strings.Count(lines.stdout, "\n"); lines.code != got.code || n != len(answer.Findings) {
		t.Errorf("%d lines for %d findings, exit code %d: %s", n, len(answer.Findings), lines.code, lines.stdout)
	}
	return faults
}

// wantFault fails unless the doctor has exactly one fault, or at least one where others
// follow from it, with this status, check, subject and text.
func wantFault(t *testing.T, what string, faults []finding, status, check, subject, text string) {
	t.Helper()
	for _, f := range faults {
		if f.Status == status && f.Check == check && strings.Contains(f.Subject, subject) && strings.Contains(f.Message+"; "+f.Advice, text) {
			return
		}
	}
	t.Errorf("%s: there is no %s %s of %q with %q in %+v", what, status, check, subject, text, faults)
}

// healthy makes the data of a server with two repositories, and leaves it running.
func healthy(t *testing.T) (n *node, data string, repos []string, paths []string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	n = start(t, data)
	for _, name := range []string{"laptop", "desktop"} {
		path := resticfixture.Unpack(t, "v2-old")
		id := n.attachFixture(name, path)
		n.finish(n.sync(id).ID)
		repos, paths = append(repos, id), append(paths, path)
	}
	return n, data, repos, paths
}

// A healthy server has no fault, running or not, and the doctor leaves it as it is.
func TestDoctorOfHealthyServer(t *testing.T) {
	t.Parallel()
	n, data, _, _ := healthy(t)
	for _, running := range []bool{true, false} {
		before := filesOf(t, data)
		if faults := doctored(t, nil, "--data", data); len(faults) > 0 {
			t.Errorf("running: %v: %+v", running, faults)
		}
		said := runProgram(t, nil, "doctor", "--data", data).stdout
		want := []string{"ok       database    whole, 2 repositories", "ok       key         opens 2 stored secrets", "ok       catalog     laptop: in sync, 5 snapshots", "ok       repository  desktop: opened with its password", "ok       clock       agrees with the file system", "ok       certificate self-signed: good until"}
		if running {
			want = append(want, "ok       server      a server uses")
		} else {
			want = append(want, "ok       server      no server runs")
		}
		for _, line := range want {
			if !strings.Contains(said, line) {
				t.Errorf("there is no %q in\n%s", line, said)
			}
		}
		if said := runProgram(t, nil, "doctor", "--data", data, "--offline").stdout; strings.Contains(said, "repository ") {
			t.Errorf("a repository was reached: %s", said)
		}
		if after := filesOf(t, data); after != before && !running {
			t.Errorf("the files\n%s became\n%s", before, after)
		}
		if running {
			n.stop()
		}
	}
	start(t, data).stop() // as ever
}

// breaks moves a file or folder away, and puts a file with a content in its place; ""
// puts none. mend takes it back.
func breaks(t *testing.T, path, content string) (mend func()) {
	t.Helper()
	if path == "" {
		return func() {}
	}
	must := func(err error) {
		t.Helper()
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	must(os.Rename(path, path+"-away"))
	if content != "" {
		must(os.WriteFile(path, []byte(content), 0o600))
	}
	return func() {
		t.Helper()
		if content != "" {
			must(os.Remove(path))
		}
		must(os.Rename(path+"-away", path))
	}
}

// Each fault is named, with what to do.
func TestDoctorNamesFaults(t *testing.T) {
	t.Parallel()
	n, data, repos, paths := healthy(t)
	path := resticfixture.Unpack(t, "v2-old")
	n.attachFixture("never", path)
	n.stop()
	only := func(what string, faults []finding) []finding {
		var rest []finding
		for _, f := range faults {
			if f.Subject != "never" {
				rest = append(rest, f)
			}
		}
		if len(rest) != 1 {
			t.Errorf("%s: the faults are %+v", what, rest)
		}
		return rest
	}
	wantFault(t, "never synchronized", doctored(t, nil, "--data", data), "warning", "catalog", "never", "synchronize it")
	catalog := ""
	for _, f := range catalogFiles(t, data, repos[0]) {
		if strings.HasSuffix(f, ".catalog") {
			catalog = f
		}
	}
	for _, tt := range []struct {
		what, path     string // that is broken
		content        string // instead of it; "" moves it away
		status, check  string
		subject, text  string
		flags          []string
		followsFromOne bool // other faults follow
	}{
		{"a repository that is gone", paths[1], "", "failed", "repository", "desktop", "does not exist", nil, false},
		{"a catalog that is gone", catalog, "", "failed", "catalog", "laptop", "missing; synchronize it", nil, false},
		{"a damaged catalog", catalog, strings.Repeat("text", 4000), "failed", "catalog", "laptop", "damaged", nil, false},
		{"no key", filepath.Join(data, "secret.key"), "", "failed", "key", "", "put it back from a backup", nil, true},
		{"another key", filepath.Join(data, "secret.key"), strings.Repeat("k", 32), "failed", "key", "laptop", "put back the key file", nil, true},
		{"no database", filepath.Join(data, "syncline.db"), "", "failed", "directory", data, "restore-state", nil, true},
		{"a damaged database", filepath.Join(data, "syncline.db"), strings.Repeat("text", 4000), "failed", "database", "", "no database", nil, true},
		{"a damaged certificate", filepath.Join(data, "tls", "tls.pem"), "text", "failed", "certificate", "", "no PEM", nil, false},
		{"a database that lacks changes", filepath.Join(data, "syncline.db-incomplete"), "text", "warning", "database", "", "write-ahead log", nil, false},
		{"little room for catalogs", "", "", "failed", "disk", "catalogs", "make room", []string{"--catalog-min-free", "900T"}, false},
		{"little room for restores", "", "", "failed", "disk", "restores", "make room", []string{"--restore-root", t.TempDir(), "--min-free", "900T"}, false},
		{"a wrong setting", "", "", "failed", "settings", "", "--catalog-min-free", []string{"--catalog-min-free", "much"}, false},
		{"an unknown setting", "", "", "failed", "settings", "", "do you mean data?", []string{"--config", configFile(t, "dat: /srv")}, false},
		{"a missing folder", "", "", "failed", "disk", "catalogs", "missing", []string{"--catalogs", filepath.Join(data, "elsewhere")}, true},
	} {
		mend := breaks(t, tt.path, tt.content)
		faults := doctored(t, nil, append([]string{"--data", data}, tt.flags...)...)
		if !tt.followsFromOne {
			faults = only(tt.what, faults)
		}
		wantFault(t, tt.what, faults, tt.status, tt.check, tt.subject, tt.text)
		mend()
	}
	if err := os.Chmod(filepath.Join(data, "secret.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantFault(t, "a key that others read", doctored(t, nil, "--data", data), "failed", "key", "", "chmod 600")
	if err := os.Chmod(filepath.Join(data, "secret.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, 0o777); err != nil {
		t.Fatal(err)
	}
	wantFault(t, "a directory of everybody", doctored(t, nil, "--data", data), "failed", "directory", data, "chmod go-w")
	if err := os.Chmod(data, 0o700); err != nil {
		t.Fatal(err)
	}
	wantFault(t, "as before", only("as before", append(doctored(t, nil, "--data", data), finding{Status: "ok"})), "ok", "", "", "")
}

// A certificate that ends soon and one that has ended are told.
func TestDoctorOfCertificates(t *testing.T) {
	t.Parallel()
	n, data, _, _ := healthy(t)
	n.stop()
	for _, tt := range []struct {
		end    time.Duration
		status string
		text   string
	}{{29 * 24 * time.Hour, "warning", "ends on"}, {-time.Minute, "failed", "ended on"}, {31 * 24 * time.Hour, "", ""}} {
		cert, key := certificateUntil(t, time.Now().Add(tt.end))
		faults := doctored(t, nil, "--data", data, "--offline", "--tls-cert", cert, "--tls-key", key)
		if tt.status == "" {
			if len(faults) > 0 {
				t.Errorf("faults: %+v", faults)
			}
			continue
		}
		wantFault(t, tt.text, faults, tt.status, "certificate", cert, tt.text)
	}
}

// The doctor asks a running server what only the server knows.
func TestDoctorOfServer(t *testing.T) {
	t.Parallel()
	n, data, repos, _ := healthy(t)
	env := []string{"XDG_CONFIG_HOME=" + t.TempDir(), "SYNCLINE_PASSWORD=" + adminPassword, "SYNCLINE_SERVER=" + n.url}
	wantFault(t, "nobody signed in", doctored(t, env), "failed", "server", n.url, "syncline login")
	runProgram(t, env, "login", "--user", "administrator", "--fingerprint", n.fingerprint(), n.url).ran(t, 0)
	if faults := doctored(t, env); len(faults) > 0 {
		t.Errorf("faults: %+v", faults)
	}
	if faults := doctored(t, env, "--data", data); len(faults) > 0 {
		t.Errorf("faults of the directory: %+v", faults)
	}
	runProgram(t, env, "doctor", "--offline").ran(t, 1, "--offline is for a data directory")

	for _, f := range catalogFiles(t, data, repos[0]) {
		if err := os.Rename(f, f+"-away"); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(data, "syncline.db-incomplete"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	faults := doctored(t, env)
	wantFault(t, "out of sync", faults, "warning", "repository", "laptop", "out of sync")
	wantFault(t, "incomplete", faults, "warning", "server", n.url, "write-ahead log")
	if err := os.Rename(filepath.Join(data, "catalogs"), filepath.Join(data, "away")); err != nil {
		t.Fatal(err)
	}
	n.until(n.url+"/readyz", 503, "not ready")
	wantFault(t, "not ready", doctored(t, env), "failed", "ready", n.url, "catalogs cannot be read")
	if err := n.signal(syscall.SIGKILL); err == nil {
		t.Fatal("the server ended by itself")
	}
	wantFault(t, "not there", doctored(t, env), "failed", "server", n.url, "")
}

// A channel that hears of no alarm is told, with and without the server.
func TestDoctorOfChannels(t *testing.T) {
	t.Parallel()
	n, data, repos, _ := healthy(t)
	env := []string{"XDG_CONFIG_HOME=" + t.TempDir(), "SYNCLINE_PASSWORD=" + adminPassword, "SYNCLINE_SERVER=" + n.url}
	runProgram(t, env, "login", "--user", "administrator", "--fingerprint", n.fingerprint(), n.url).ran(t, 0)
	channel := func(name string, enabled bool, only ...string) {
		n.add("/v6/NotificationChannels", 201, object{
			"name": name, "kind": "Webhook", "webhook": object{"url": "https://h.example"}, "secret": "a secret of 16 bytes",
			"enabled": enabled, "repositoryIds": only,
		})
	}
	channel("both", true, repos...)
	channel("laptop", true, repos[0])
	channel("off", false, repos[0])
	n.call("DELETE", "/v6/BackupRepositories/"+repos[0], nil, 204, nil)
	for _, where := range [][]string{nil, {"--data", data}} {
		faults := doctored(t, env, where...)
		if len(faults) != 1 {
			t.Errorf("%v: %+v", where, faults)
		}
		wantFault(t, "a mute channel", faults, "warning", "channel", "laptop", "choose other repositories")
		said := runProgram(t, env, append([]string{"doctor"}, where...)...).stdout
		if !strings.Contains(said, "ok       channel     both: it hears of alarms") || strings.Contains(said, " off: ") {
			t.Errorf("%v:\n%s", where, said)
		}
	}
}

// certificateUntil makes a certificate that ends at a time, with its key.
func certificateUntil(t *testing.T, end time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: end.Add(-time.Hour), NotAfter: end, DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: encoded}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
