package main_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// twoHosts makes a repository with a snapshot of each of two hosts; the newest is
// beta's.
func twoHosts(t *testing.T) (repo, src string) {
	t.Helper()
	repo, src = resticfixture.Init(t, 2), filepath.Join(t.TempDir(), "src")
	for _, host := range []string{"alpha", "beta"} {
		if err := os.MkdirAll(src, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(src, "name"), []byte(host+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		resticfixture.Backup(t, repo, src, "--host", host)
	}
	return repo, src
}

// RESTIC_HOST chooses the snapshots of every command that has --host, and
// --host "" takes it back.
func TestHostVariable(t *testing.T) {
	t.Parallel()
	repo, src := twoHosts(t)
	env := []string{"RESTIC_REPOSITORY=" + repo, "SYNCLINE_CACHE_DIR=" + t.TempDir(), "RESTIC_HOST=alpha"}
	all := []string{"--host", ""}
	for _, tt := range []struct {
		args       []string
		one, other string // what shows alpha only, and both or the newest
	}{
		{[]string{"dump", "latest", src + "/name"}, "alpha\n", "beta\n"},
		{[]string{"cat", "latest", src + "/name"}, "alpha\n", "beta\n"},
		{[]string{"snapshots"}, "1 snapshots", "2 snapshots"},
		{[]string{"stats"}, "processed:  1\n", "processed:  2\n"},
		{[]string{"find", "-q", "name"}, "        1  " + src, "        1  " + src + "/name\n"},
		{[]string{"ls", "latest"}, "@alpha ", "@beta "},
		{[]string{"restore", "latest", "--target", t.TempDir(), "--json"}, `"files_restored"`, `"files_restored"`},
		{[]string{"history", src + "/name"}, "appeared", "Host"},
	} {
		got := runProgram(t, env, tt.args...)
		if got.code != 0 || !strings.Contains(got.stdout, tt.one) || strings.Contains(got.stdout, "beta") {
			t.Errorf("%q: exit code %d\n%s%s", tt.args, got.code, got.stdout, got.stderr)
		}
		got = runProgram(t, env, append(tt.args, all...)...)
		if got.code != 0 || !strings.Contains(got.stdout, tt.other) {
			t.Errorf("%q with an empty --host: exit code %d\n%s%s", tt.args, got.code, got.stdout, got.stderr)
		}
	}
}

// door lets requests through to a storage and shows them.
type door struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
}

// openDoor makes a door to an S3 server; with a token service beside, if roles is
// not nil. With client certificates asked for it speaks https.
func openDoor(t *testing.T, to string, roles http.Handler, certificates bool) *door {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // which is signed
	}}
	d := &door{}
	d.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.seen = append(d.seen, r.Clone(r.Context()))
		d.mu.Unlock()
		if r.Method == http.MethodPost && roles != nil {
			roles.ServeHTTP(w, r)
			return
		}
		through.ServeHTTP(w, r)
	}))
	if certificates {
		d.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
		d.StartTLS()
	} else {
		d.Start()
	}
	t.Cleanup(d.Close)
	return d
}

// requests returns what came since it was asked last.
func (d *door) requests() []*http.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := d.seen
	d.seen = nil
	return seen
}

func s3Environment(s *servers.S3) []string {
	return []string{"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey}
}

// The role that RESTIC_AWS_ASSUME_ROLE_ARN names is taken, with all that the other
// variables say, and requests to the bucket are made as it.
func TestAssumeRole(t *testing.T) {
	t.Parallel()
	server, r := inS3(t, resticfixture.Unpack(t, "v2-old"))
	var asked url.Values
	var refuse atomic.Bool
	d := openDoor(t, server.URL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || refuse.Load() {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>free text</Message></Error></ErrorResponse>`)
			return
		}
		asked = r.PostForm
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey>`+
			`<Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			server.AccessKey, server.SecretKey, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}), false)
	const role = "RESTIC_AWS_ASSUME_ROLE_"
	env := []string{
		"AWS_ACCESS_KEY_ID=AKIABASE", "AWS_SECRET_ACCESS_KEY=base", "AWS_SESSION_TOKEN=session",
		role + "ARN=arn:aws:iam::123456789012:role/reader", role + "SESSION_NAME=me", role + "EXTERNAL_ID=them", role + `POLICY={"Version":"1"}`,
		role + "REGION=eu-north-1", role + "STS_ENDPOINT=" + d.URL, "SYNCLINE_CACHE_DIR=" + t.TempDir(),
	}
	got := runProgram(t, env, "-r", r.address, "snapshots")
	if got.code != 0 {
		t.Fatalf("exit code %d: %s", got.code, got.stderr)
	}
	for name, want := range map[string]string{
		"Action": "AssumeRole", "RoleArn": "arn:aws:iam::123456789012:role/reader", "RoleSessionName": "me", "ExternalId": "them", "Policy": `{"Version":"1"}`,
	} {
		if asked.Get(name) != want {
			t.Errorf("the role was asked for with %s %q, not %q", name, asked.Get(name), want)
		}
	}
	post := d.requests()[0]
	if by := post.Header.Get("Authorization"); !strings.Contains(by, "AKIABASE/") || !strings.Contains(by, "/eu-north-1/sts/") || post.Header.Get("X-Amz-Security-Token") != "session" {
		t.Errorf("the role was asked for by %q", by)
	}
	refuse.Store(true)
	got = runProgram(t, env, "-r", r.address, "snapshots")
	if got.code != 1 || !strings.Contains(got.stderr, `the role arn:aws:iam::123456789012:role/reader cannot be taken`) || strings.Contains(got.stderr, "free text") {
		t.Errorf("a role that is refused: exit code %d, %s", got.code, got.stderr)
	}
	got = runProgram(t, append(env, "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SHARED_CREDENTIALS_FILE=/none", "AWS_CONFIG_FILE=/none"), "-r", r.address, "snapshots")
	if got.code != 1 || !strings.Contains(got.stderr, "there are no keys to take the role") {
		t.Errorf("a role without keys: exit code %d, %s", got.code, got.stderr)
	}
}

// Requests are made as flags and options say.
func TestRequestFlags(t *testing.T) {
	t.Parallel()
	server, _ := inS3(t, resticfixture.Unpack(t, "v2-old"))
	d := openDoor(t, server.URL, nil, false)
	address := "s3:" + d.URL + "/bucket/some%20folder/repo"
	env := append(s3Environment(server), "AWS_DEFAULT_REGION="+server.Region)
	ask := func(args ...string) []*http.Request {
		t.Helper()
		got := runProgram(t, env, append([]string{"-r", address, "--cache-dir", t.TempDir(), "snapshots"}, args...)...)
		if got.code != 0 {
			t.Fatalf("%q: exit code %d, %s", args, got.code, got.stderr)
		}
		return d.requests()
	}
	old := 0
	for _, r := range ask("-o", "s3.list-objects-v1=true,s3.retries=3", "--http-user-agent", "somebody/1", "--stuck-request-timeout", "5m") {
		q := r.URL.Query()
		if q.Get("list-type") != "" {
			t.Errorf("listed with %s", r.URL)
		}
		if q.Has("prefix") {
			old++
		}
		if r.UserAgent() != "somebody/1" {
			t.Errorf("the user agent is %q", r.UserAgent())
		}
	}
	if old == 0 {
		t.Error("nothing was listed")
	}
	env = append(env, "RESTIC_HTTP_USER_AGENT=variable/1")
	for _, r := range ask() {
		if r.URL.Query().Has("prefix") && r.URL.Query().Get("list-type") != "2" || r.UserAgent() != "variable/1" {
			t.Errorf("%s by %s", r.URL, r.UserAgent())
		}
	}
}

// keyPair writes a certificate and its private key into one file.
func keyPair(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "client.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A storage that asks for a certificate gets the one that --tls-client-cert or the
// variable names; any certificate of the storage is trusted with --insecure-tls only.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	server, _ := inS3(t, resticfixture.Unpack(t, "v2-old"))
	d := openDoor(t, server.URL, nil, true)
	mine, theirs := keyPair(t), filepath.Join(t.TempDir(), "server.pem")
	if err := os.WriteFile(theirs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		env, args []string
		code      int
		stderr    string
	}{
		{nil, []string{"--cacert", theirs, "--tls-client-cert", mine}, 0, ""},
		{[]string{"RESTIC_TLS_CLIENT_CERT=" + mine, "RESTIC_CACERT=" + theirs}, nil, 0, ""},
		{nil, []string{"--insecure-tls", "--tls-client-cert", mine}, 0, ""},
		{nil, []string{"--tls-client-cert", mine}, 1, "certificate"},
		{nil, []string{"--insecure-tls"}, 1, ""},
		{nil, []string{"--tls-client-cert", theirs}, 1, "both in PEM form"},
		{nil, []string{"--tls-client-cert", "/none"}, 1, "check --tls-client-cert"},
	} {
		env := append(append(s3Environment(server), "AWS_DEFAULT_REGION="+server.Region), tt.env...)
		args := append([]string{"-r", "s3:" + d.URL + "/bucket/some%20folder/repo", "-o", "s3.retries=1", "--cache-dir", t.TempDir(), "snapshots"}, tt.args...)
		got := runProgram(t, env, args...)
		if got.code != tt.code || !strings.Contains(got.stderr, tt.stderr) {
			t.Errorf("%q %q: exit code %d, %s", tt.env, tt.args, got.code, got.stderr)
		}
	}
}

// Certificates that cannot be used are told of with a local repository, too.
func TestCertificatesOfALocalRepository(t *testing.T) {
	t.Parallel()
	path := newRepository(t, 1, 1)
	mine := keyPair(t)
	for _, tt := range []struct {
		env, args []string
		code      int
		stderr    string
	}{
		{nil, []string{"--cacert", mine, "--tls-client-cert", mine}, 0, ""},
		{nil, []string{"--cacert", "/none"}, 1, "check --cacert"},
		{nil, []string{"--cacert", os.DevNull}, 1, "holds no certificate"},
		{nil, []string{"--tls-client-cert", "/none"}, 1, "check --tls-client-cert"},
		{[]string{"RESTIC_CACERT=/none"}, nil, 1, "check --cacert"},
		{[]string{"RESTIC_TLS_CLIENT_CERT=" + os.DevNull}, nil, 1, "certificate"},
	} {
		env := append([]string{"RESTIC_PASSWORD=" + repoPassword}, tt.env...)
		got := runProgram(t, env, append([]string{"-r", path, "--cache-dir", t.TempDir(), "snapshots"}, tt.args...)...)
		if got.code != tt.code || !strings.Contains(got.stderr, tt.stderr) {
			t.Errorf("%q %q: exit code %d, %s", tt.env, tt.args, got.code, got.stderr)
		}
	}
}

// missingTree makes a repository whose only snapshot needs a tree that no index
// names, because the index lies elsewhere. mend puts it back.
func missingTree(t *testing.T) (dir string, w *resticwriter.Repo, mend func() error) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "repo")
	w, err := resticwriter.Create(dir, resticfixture.Password)
	if err != nil {
		t.Fatal(err)
	}
	tree := []byte(`{"nodes":[]}` + "\n")
	trees := resticwriter.NewPacker(w, "tree", false)
	id := sha(tree)
	if err := trees.Add(id, tree); err != nil {
		t.Fatal(err)
	}
	if err := trees.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.StoreJSON("snapshots", map[string]any{"time": time.Now(), "tree": id, "paths": []string{"/x"}}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "index", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	aside := filepath.Join(t.TempDir(), "index")
	if err := os.Rename(files[0], aside); err != nil {
		t.Fatal(err)
	}
	return dir, w, func() error { return os.Rename(aside, files[0]) }
}

func putLock(t *testing.T, w *resticwriter.Repo, dir string, at time.Time) (file string) {
	t.Helper()
	id, err := w.StoreJSON("locks", map[string]any{"time": at, "exclusive": true, "hostname": "pruner", "username": "root", "pid": 4711})
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "locks", id.String())
}

// Objects that are missing beside an exclusive lock are exit code 11, and
// --retry-lock waits for the lock to go. A lock that was left behind explains
// nothing.
func TestRetryLock(t *testing.T) {
	t.Parallel()
	dir, w, mend := missingTree(t)
	env := []string{"RESTIC_REPOSITORY=" + dir, "SYNCLINE_CACHE_DIR=" + t.TempDir()}
	stale := putLock(t, w, dir, time.Now().Add(-time.Hour))
	if got := runProgram(t, env, "sync"); got.code != 1 {
		t.Errorf("beside a lock that was left behind: exit code %d, %s", got.code, got.stderr)
	}
	lock := putLock(t, w, dir, time.Now())
	if got := runProgram(t, env, "sync"); got.code != 11 || !strings.Contains(got.stderr, "pruner") {
		t.Errorf("beside a lock: exit code %d, %s", got.code, got.stderr)
	}
	if got := runProgram(t, env, "sync", "--retry-lock", "1ms"); got.code != 11 {
		t.Errorf("beside a lock that stays: exit code %d, %s", got.code, got.stderr)
	}
	cmd := exec.CommandContext(t.Context(), program, "sync", "--retry-lock", "1m")
	cmd.Env = append(append(os.Environ(), "RESTIC_PASSWORD="+resticfixture.Password), env...)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	waited := false
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if !waited && strings.Contains(lines.Text(), "pruner (process 4711) has locked the repository; waiting up to 1m0s") {
			waited = true
			for _, err := range []error{mend(), os.Remove(lock), os.Remove(stale)} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := cmd.Wait(); err != nil || !waited {
		t.Errorf("after the lock went: %v, waited: %v", err, waited)
	}
}

// A file belongs to whom its names name, and to root where they name nobody; as
// with restic.
func TestOwnershipByName(t *testing.T) {
	t.Parallel()
	needtest.Root(t, "give files away")
	repo, src := resticfixture.Init(t, 2), filepath.Join(t.TempDir(), "src")
	if err := os.Mkdir(src, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]int{"known": nobody, "unknown": 54321} {
		path := filepath.Join(src, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(path, id, id); err != nil {
			t.Fatal(err)
		}
	}
	resticfixture.Backup(t, repo, src)
	ours, theirs := t.TempDir(), t.TempDir()
	pinned(t, repo, 0, "restore", "latest:"+src, "--ownership-by-name", "--target", theirs)
	got := runProgram(t, []string{"RESTIC_REPOSITORY=" + repo, "SYNCLINE_CACHE_DIR=" + t.TempDir()}, "restore", "latest:"+src, "--ownership-by-name", "--target", ours)
	if got.code != 0 || !strings.Contains(got.stderr, "its files get number 0") {
		t.Fatalf("exit code %d, %s", got.code, got.stderr)
	}
	target := regexp.MustCompile(`(?m)^ d .*$`) // the target itself, which nobody restores
	if a, b := target.ReplaceAllString(listing(t, ours), ""), target.ReplaceAllString(listing(t, theirs), ""); a != b {
		t.Errorf("restored\n%s\nrestic restores\n%s", a, b)
	}
}

// Variables that have a wrong value are refused by name, also where they change
// nothing.
func TestBadVariables(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"RESTIC_COMPRESSION=best", "RESTIC_PACK_SIZE=big", "RESTIC_PACK_SIZE=1", "RESTIC_PROGRESS_FPS=often"} {
		name, _, _ := strings.Cut(v, "=")
		if got := runProgram(t, []string{v}, "-r", "/none", "snapshots"); got.code != 1 || !strings.Contains(got.stderr, name) {
			t.Errorf("%s: exit code %d, %s", v, got.code, got.stderr)
		}
	}
}

// Commands of restic that are not there say in one line what to use instead,
// whatever they are given.
func TestResticCommands(t *testing.T) {
	t.Parallel()
	ours := runProgram(t, nil, "help").stdout
	for _, name := range pinnedCommands(t) {
		if strings.Contains(ours, "\n  "+name+" ") {
			continue
		}
		for _, args := range [][]string{{name}, {name, "--from-repo", "x", "-v", "y"}, {"-r", "/none", "--json", name, "--help"}} {
			got := runProgram(t, nil, args...)
			text := got.stderr
			if strings.HasPrefix(text, "{") {
				var e struct{ Message string }
				if err := json.Unmarshal([]byte(text), &e); err != nil {
					t.Errorf("%q: %v", args, err)
				}
				text = e.Message
			}
			if got.code == 0 || got.stdout != "" || !strings.Contains(text, "there is no command "+name+" here; ") || strings.Count(strings.TrimSpace(text), "\n") > 0 {
				t.Errorf("%q: exit code %d, %q", args, got.code, got.stderr)
			}
		}
	}
	if got := runProgram(t, nil, "cat", "config"); got.code != 2 || !strings.Contains(got.stderr, "use restic cat") {
		t.Errorf("cat config: exit code %d, %s", got.code, got.stderr)
	}
}

// AZURE_FORCE_CLI_CREDENTIAL has tokens come from the Azure CLI.
func TestAzureCLI(t *testing.T) {
	t.Parallel()
	var bearer string
	var mu sync.Mutex
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		bearer = r.Header.Get("Authorization")
		w.Header().Set("X-Ms-Request-Id", "1")
		w.Header().Set("X-Ms-Error-Code", "ContainerNotFound")
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	bin := t.TempDir()
	trusted := filepath.Join(bin, "server.pem")
	script := "#!/bin/sh\necho \"$@\" >\"$0.args\"\necho '{\"accessToken\":\"token of the CLI\",\"expires_on\":4102444800}'\n"
	for path, text := range map[string]string{
		filepath.Join(bin, "az"): script, trusted: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
	} {
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // a program for the test
			t.Fatal(err)
		}
	}
	env := []string{"AZURE_ACCOUNT_NAME=account", "AZURE_FORCE_CLI_CREDENTIAL=true", "PATH=" + bin, "RESTIC_CACERT=" + trusted}
	args := []string{"-r", "azure:container:/", "-o", "azure.endpoint=" + server.URL, "--cache-dir", t.TempDir(), "snapshots"}
	got := runProgram(t, env, args...)
	mu.Lock()
	defer mu.Unlock()
	if got.code != 10 || bearer != "Bearer token of the CLI" {
		t.Errorf("exit code %d, asked as %q: %s", got.code, bearer, got.stderr)
	}
	if raw, err := os.ReadFile(filepath.Join(bin, "az.args")); err != nil || !strings.Contains(string(raw), "get-access-token") {
		t.Errorf("the CLI was asked %q, %v", raw, err)
	}
	if err := os.Remove(filepath.Join(bin, "az")); err != nil {
		t.Fatal(err)
	}
	if got := runProgram(t, env, args...); got.code != 1 || !strings.Contains(got.stderr, "the Azure CLI gives no token") {
		t.Errorf("without the CLI: exit code %d, %s", got.code, got.stderr)
	}
}

// A file whose pack is missing beside an exclusive lock is exit code 11, too.
func TestLockedContent(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "repo")
	w, err := resticwriter.Create(dir, resticfixture.Password)
	if err != nil {
		t.Fatal(err)
	}
	data := []byte("what is in the file")
	tree := fmt.Appendf(nil, `{"nodes":[{"name":"f","type":"file","mode":384,"mtime":"2026-01-01T00:00:00Z","size":%d,"content":["%s"]}]}`+"\n", len(data), sha(data))
	blobs, trees := resticwriter.NewPacker(w, "data", false), resticwriter.NewPacker(w, "tree", false)
	_, snapshotErr := w.StoreJSON("snapshots", map[string]any{"time": time.Now(), "tree": sha(tree), "paths": []string{"/f"}})
	for _, err := range []error{snapshotErr, blobs.Add(sha(data), data), blobs.Flush()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	packs, err := filepath.Glob(filepath.Join(dir, "data", "*", "*"))
	if err != nil || len(packs) != 1 {
		t.Fatal(packs, err)
	}
	for _, err := range []error{trees.Add(sha(tree), tree), trees.Flush(), w.Flush(), os.Remove(packs[0])} {
		if err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"RESTIC_REPOSITORY=" + dir, "SYNCLINE_CACHE_DIR=" + t.TempDir()}
	for _, locked := range []bool{false, true} {
		if locked {
			putLock(t, w, dir, time.Now())
		}
		for _, args := range [][]string{{"dump", "latest", "/f"}, {"cat", "latest", "/f"}, {"restore", "latest", "--target", t.TempDir()}} {
			if got := runProgram(t, env, args...); got.code != map[bool]int{false: 1, true: 11}[locked] {
				t.Errorf("%q beside a lock (%v): exit code %d, %s", args, locked, got.code, got.stderr)
			}
		}
	}
}
