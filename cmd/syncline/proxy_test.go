package main_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// fromDocument returns the first block of a language in docs/reverse-proxy.md.
func fromDocument(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/reverse-proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```"+language+"\n")
	block, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatalf("there is no block of %s", language)
	}
	return block
}

// replace replaces texts that must be there.
func replace(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the document's configuration lacks %q", pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// proxied is a server behind a proxy.
type proxied struct {
	*node
	held *heldStorage
	repo string
	at   string // the proxy's address with the base
	cert string // the proxy's certificate
}

// heldStorage is a storage whose data comes when it is let go.
type heldStorage struct {
	*httptest.Server
	release func()
}

func holdData(t *testing.T, to string) *heldStorage {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // which is signed
	}}
	gate := make(chan struct{})
	h := &heldStorage{release: sync.OnceFunc(func() { close(gate) })}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/data/") {
			select {
			case <-gate:
			case <-r.Context().Done():
				return
			}
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	t.Cleanup(h.release)
	return h
}

// behind starts a server with a base path and a proxy before it. run returns the
// command of the proxy for its port, the server's port, and files with the server's
// certificate and the proxy's certificate and key.
func behind(t *testing.T, run func(dir, port, server, trust, cert, key string) *exec.Cmd) *proxied {
	t.Helper()
	s3 := servers.StartS3(t)
	s3.Put(t, "bucket", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	p := &proxied{held: holdData(t, s3.URL)}
	dir := t.TempDir()
	p.node = start(t, filepath.Join(dir, "data"), "--base-path", "/syncline", "--trusted-proxy", "127.0.0.1")
	if !strings.HasSuffix(p.url, "/syncline") {
		t.Errorf("the server says that it is at %s", p.url)
	}
	_, _, _, p.repo = p.attachIn(
		object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey},
		object{"type": "AmazonS3Compatible", "s3Folder": "repo", "amazonBucketS3Compatible": object{"servicePoint": p.held.URL, "name": "bucket"}}, resticfixture.Password)
	server, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", server.Host)
	if err != nil {
		t.Fatal(err)
	}
	trust := filepath.Join(dir, "trust.pem")
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw})
	c.Close()
	if err := os.WriteFile(trust, own, 0o644); err != nil {
		t.Fatal(err)
	}
	var key string
	p.cert, key = certificate(t, "127.0.0.1")
	port := freePort(t)
	p.at = "https://127.0.0.1:" + port + "/syncline"
	p.client = p.trusting(p.cert)
	runProxy(t, run(dir, port, server.Port(), trust, p.cert, key), "127.0.0.1:"+port)
	return p
}

func (p *proxied) trusting(cert string) *http.Client {
	p.t.Helper()
	data, err := os.ReadFile(cert)
	if err != nil {
		p.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// runProxy runs a proxy until the test ends, and waits until it listens.
func runProxy(t *testing.T, cmd *exec.Cmd, address string) {
	t.Helper()
	log := new(serverLog)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (scripts/deps.sh full installs it)", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("the proxy says %s", log)
		}
	})
	for end := time.Now().Add(30 * time.Second); ; {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("the proxy ended: %s", log)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("the proxy does not listen: %s", log)
		}
	}
}

// check uses everything through the proxy.
func (p *proxied) check() {
	p.t.Helper()
	direct := p.url
	p.url = p.at
	var page string
	res, page := p.ask("GET", p.at+"/", "")
	if res.StatusCode != 200 || strings.Count(page, `="/assets/`) != 0 || !strings.Contains(page, `content="/syncline"`) {
		p.t.Fatalf("the console's page: %d %s", res.StatusCode, page)
	}
	_, rest, _ := strings.Cut(page, `<script type="module" src="`)
	script, _, _ := strings.Cut(rest, `"`)
	host := strings.TrimSuffix(p.at, "/syncline")
	if res, _ := p.ask("GET", host+script, ""); res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/javascript") {
		p.t.Errorf("the script %s: %d", script, res.StatusCode)
	}
	for _, path := range []string{"/swagger", "/swagger/v1/openapi.yaml", "/healthz", "/v6/BackupRepositories"} {
		if res, body := p.ask("GET", p.at+path, p.token); res.StatusCode != 200 {
			p.t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
	}
	p.checkEvents()
	var repo struct {
		Links map[string]struct{ Href string } `json:"_links"`
	}
	p.call("GET", "/v6/BackupRepositories/"+p.repo, nil, 200, &repo)
	for name, link := range repo.Links {
		if res, body := p.ask("GET", host+link.Href, p.token); res.StatusCode != 200 {
			p.t.Errorf("the link %s to %s: %d %s", name, link.Href, res.StatusCode, body)
		}
	}
	u := p.user(nil)
	u.must(0, "signed in to "+p.at, "login", "--cacert", p.cert, p.at)
	if out := u.must(0, "", "snapshots", "--server", p.at+"/"); !strings.Contains(out, "5 snapshots") {
		p.t.Errorf("the snapshots through the proxy: %s", out)
	}
	p.url = direct
}

// checkEvents gets an event while the session runs: nothing on the way waits for more.
func (p *proxied) checkEvents() {
	p.t.Helper()
	running := p.sync(p.repo)
	shown, ended := false, false
	giveUp := time.AfterFunc(time.Minute, p.held.release) // the first event then tells of the end
	defer giveUp.Stop()
	p.follow("/v6/RepositorySynchronizeSessions/"+running.ID+"/Events", func(data []byte) error {
		var s struct {
			session
			Links struct{ Self struct{ Href string } } `json:"_links"`
		}
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		if s.Links.Self.Href != "/syncline/v6/RepositorySynchronizeSessions/"+running.ID {
			return fmt.Errorf("the event links to %s", s.Links.Self.Href)
		}
		if s.State == "Synchronizing" {
			shown = true
			p.held.release() // it could not end before this event came
		} else {
			ended = s.Result == "Success"
		}
		return nil
	})
	if !shown || !ended {
		p.t.Errorf("the events tell of a running session: %t, and of its end: %t", shown, ended)
	}
}

// forwarded checks that the server believes the proxy about the client.
func (p *proxied) forwarded(client string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), "GET", p.at+"/v6/Proxies", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("X-Forwarded-For", client)
	// The log is copied beside the test, so that the line of a request may come late.
	for end := time.Now().Add(30 * time.Second); ; {
		res, err := p.client.Do(req)
		if err != nil {
			p.t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if strings.Contains(p.output.String(), "remote="+client) {
			return
		}
		if time.Now().After(end) {
			p.t.Fatal("the client's address does not come through")
		}
	}
}

// The configuration of nginx in the document works as it stands there, and with the
// prefix taken off.
func TestBehindNginx(t *testing.T) {
	t.Parallel()
	needtest.Full(t, "nginx")
	for name, pass := range map[string]string{"as documented": "", "without the prefix": "/"} {
		t.Run(name, func(t *testing.T) {
			p := behind(t, func(dir, port, server, trust, cert, key string) *exec.Cmd {
				block := replace(t, fromDocument(t, "nginx"), "listen 443 ssl", "listen 127.0.0.1:"+port+" ssl", "/etc/ssl/backup.example.pem", cert,
					"/etc/ssl/backup.example.key", key, "https://127.0.0.1:4443", "https://127.0.0.1:"+server+pass, "/etc/syncline/proxy-trust.pem", trust)
				file := filepath.Join(dir, "nginx.conf")
				var temporary strings.Builder
				for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
					fmt.Fprintf(&temporary, "%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
				}
				text := fmt.Sprintf("daemon off;\nmaster_process off;\npid %s;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n%s%s}\n",
					filepath.Join(dir, "pid"), temporary.String(), block)
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				return exec.Command("nginx", "-e", "stderr", "-c", file)
			})
			p.forwarded("203.0.113.9")
			p.check()
		})
	}
}

// The same for Caddy.
func TestBehindCaddy(t *testing.T) {
	t.Parallel()
	needtest.Full(t, "Caddy")
	for name, handle := range map[string]string{"as documented": "handle ", "without the prefix": "handle_path "} {
		t.Run(name, func(t *testing.T) {
			behind(t, func(dir, port, server, trust, cert, key string) *exec.Cmd {
				block := replace(t, fromDocument(t, "caddy"), "backup.example {", "https://127.0.0.1:"+port+" {\n\tbind 127.0.0.1\n\ttls "+cert+" "+key,
					"handle ", handle, "https://127.0.0.1:4443", "https://127.0.0.1:"+server, "/etc/syncline/proxy-trust.pem", trust)
				file := filepath.Join(dir, "Caddyfile")
				text := "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + block
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command("caddy", "run", "--adapter", "caddyfile", "--config", file)
				cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
				return cmd
			}).check()
		})
	}
}
