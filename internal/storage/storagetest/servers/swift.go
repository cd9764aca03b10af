package servers

import (
	"bytes"
	"context"
	_ "embed" // for the program that runs Swift
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/needtest"
)

//go:embed openstack.py
var openstack []byte

// Swift is a running OpenStack Swift, which signs in by its first protocol.
// User may do all in the account "test", and Reader nothing that no container allows.
type Swift struct {
	URL, AuthURL   string
	User, Key      string
	Reader, Secret string

	t            testing.TB
	address, dir string
	stop         func()
}

// debianPython is the interpreter that has Debian's packages.
const debianPython = "/usr/bin/python3"

// StartSwift starts Swift for the test.
func StartSwift(t testing.TB) *Swift {
	t.Helper()
	needtest.Full(t, "OpenStack's Swift, Debian's package python3-swift, which scripts/deps.sh full installs")
	if err := exec.CommandContext(t.Context(), debianPython, "-c", "import swift.proxy, paste.deploy").Run(); err != nil {
		t.Fatal("OpenStack's Swift is not installed: run scripts/deps.sh full")
	}
	address := freeAddress(t)
	s := &Swift{
		URL: "http://" + address, AuthURL: "http://" + address + "/auth/v1.0",
		User: "test:tester", Key: "testing", Reader: "test:reader", Secret: "reading",
		t: t, address: address, dir: t.TempDir(),
	}
	if err := os.WriteFile(filepath.Join(s.dir, "openstack.py"), openstack, 0o644); err != nil {
		t.Fatal(err)
	}
	s.Start()
	return s
}

// Start starts the server again after Kill, at the same address. It knows its old
// tokens no more.
func (s *Swift) Start() {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	cmd := exec.CommandContext(context.WithoutCancel(s.t.Context()), debianPython, filepath.Join(s.dir, "openstack.py"), port, filepath.Join(s.dir, "swift"))
	if _, err := cmd.StdinPipe(); err != nil { // closed with this process
		s.t.Fatal(err)
	}
	s.stop = start(s.t, cmd, s.address, "Swift is ready")
}

// Kill ends the server at once, as a power cut does.
func (s *Swift) Kill() { s.stop() }

// StartKeystone starts an identity service for the test, which speaks the third
// version of the protocol and gives tokens of the server's account to User and
// Key. It returns its address.
func (s *Swift) StartKeystone(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Auth struct {
				Identity struct {
					Password struct {
						User struct{ Name, Password string }
					}
				}
			}
		}
		err := json.NewDecoder(r.Body).Decode(&asked)
		if user := asked.Auth.Identity.Password.User; err != nil || r.URL.Path != "/v3/auth/tokens" || user.Name != s.User || user.Password != s.Key {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		account, token, err := s.Token(r.Context())
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("X-Subject-Token", token)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"token":{"expires_at":%q,"catalog":[{"type":"object-store","endpoints":[{"interface":"public","region":"here","url":%q}]}]}}`,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339), account)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v3"
}

// Token signs a user in, and returns the address of the account and a token.
func (s *Swift) Token(ctx context.Context) (account, token string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.AuthURL, http.NoBody)
	if err != nil {
		return "", "", err
	}
	req.Header.Set("X-Auth-User", s.User)
	req.Header.Set("X-Auth-Key", s.Key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", "", err
	}
	_ = resp.Body.Close()
	account, token = resp.Header.Get("X-Storage-Url"), resp.Header.Get("X-Auth-Token")
	if token == "" {
		err = errors.New("no token: " + resp.Status)
	}
	return account, token, err
}

// Do makes a request below the account that must succeed, with pairs of header
// names and values.
func (s *Swift) Do(ctx context.Context, method, path string, body []byte, headers ...string) error {
	account, token, err := s.Token(ctx)
	if err != nil {
		return err
	}
	return s.do(ctx, token, method, account+"/"+path, body, headers...)
}

func (s *Swift) do(ctx context.Context, token, method, address string, body []byte, headers ...string) error {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Auth-Token", token)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = errors.New(method + " " + address + ": " + resp.Status + " " + string(text))
	}
	return err
}

// Put makes a missing container, and objects in a folder of it. The folder "" is
// the container's root.
func (s *Swift) Put(t testing.TB, container, folder string, files map[string][]byte) {
	t.Helper()
	account, token, err := s.Token(t.Context())
	if err == nil {
		err = s.do(t.Context(), token, http.MethodPut, account+"/"+container, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	putAll(t, folder, files, func(ctx context.Context, name string, content []byte) error {
		at := account + "/" + container + "/" + strings.ReplaceAll(url.PathEscape(name), "%2F", "/")
		return s.do(ctx, token, http.MethodPut, at, content, "Content-Type", "application/octet-stream")
	})
}
