package console_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
)

const adminPassword = "a good long password"

// server is the built program, running.
type server struct {
	t      testing.TB
	data   string
	listen string
	more   []string // arguments
	env    []string // beside that of the tests
	url    string
	token  string
	header http.Header // of each request of call
	cmd    *exec.Cmd
	output *bytes.Buffer
	done   chan struct{}
	client *http.Client
}

// startServer runs a server with a data directory of its own until the test
// ends. more are further arguments of its command.
func startServer(t testing.TB, more ...string) *server {
	t.Helper()
	return startServerWith(t, nil, more...)
}

// startServerWith is startServer with further variables of the environment.
func startServerWith(t testing.TB, env []string, more ...string) *server {
	t.Helper()
	needtest.Full(t, "Chromium")
	s := &server{t: t, header: http.Header{}, data: filepath.Join(t.TempDir(), "data"), listen: "127.0.0.1:0", more: more, env: env}
	s.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	t.Cleanup(func() { s.stop() })
	s.start()
	s.token = s.signIn("administrator", adminPassword)
	return s
}

// start starts it, on the same port as before when it ran already.
func (s *server) start() {
	s.t.Helper()
	s.output, s.done = new(bytes.Buffer), make(chan struct{})
	s.cmd = exec.Command(program, append([]string{"serve", "--data", s.data, "--listen", s.listen, "--sync-interval", "0"}, s.more...)...)
	s.cmd.Env = append(append(os.Environ(), "SYNCLINE_ADMIN_PASSWORD="+adminPassword), s.env...)
	s.cmd.Stderr = s.output
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	s.url = ""
	for s.url == "" && lines.Scan() {
		s.url = after(lines.Text(), "listening on ")
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		_ = s.cmd.Wait() // how it ends is no concern of these tests
		close(s.done)
	}()
	if s.url == "" {
		<-s.done
		s.t.Fatalf("the server did not start: %s", s.output)
	}
	s.listen = strings.TrimPrefix(s.url, "https://")
}

func after(line, prefix string) string {
	rest, ok := strings.CutPrefix(line, prefix)
	if !ok {
		return ""
	}
	return rest
}

// stop ends it and waits for its end.
func (s *server) stop() {
	s.client.CloseIdleConnections()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.done:
	case <-time.After(15 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// addUser adds a user with a role, and the password that all have here.
func (s *server) addUser(name, role string) {
	s.t.Helper()
	cmd := exec.Command(program, "user", "add", name, "--role", role, "--data", s.data)
	cmd.Stdin = strings.NewReader(adminPassword + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
}

func (s *server) signIn(user, password string) string {
	s.t.Helper()
	var grant struct {
		Token string `json:"access_token"`
	}
	s.call("POST", "/v6/token", map[string]any{"grant_type": "password", "username": user, "password": password}, &grant)
	return grant.Token
}

// call makes a request that must succeed and decodes the answer.
func (s *server) call(method, path string, body, answer any) {
	s.t.Helper()
	var send io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		send = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, send)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = s.header.Clone()
	req.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode >= 300 {
		s.t.Fatalf("%s %s: %d: %s", method, path, res.StatusCode, raw)
	}
	if answer != nil {
		if err := json.Unmarshal(raw, answer); err != nil {
			s.t.Fatalf("%s %s: %v: %s", method, path, err, raw)
		}
	}
}

// attach attaches a repository that a test has made and returns its id.
func (s *server) attach(name, path, description string) string {
	s.t.Helper()
	return s.attachWith(name, path, resticfixture.Password, description)
}

func (s *server) attachWith(name, path, password, description string) string {
	s.t.Helper()
	var key, repo struct{ ID string }
	s.call("POST", "/v6/EncryptionKeys", map[string]any{"password": password, "description": "Password of " + name}, &key)
	s.call("POST", "/v6/BackupRepositories", map[string]any{
		"name": name, "path": path, "encryptionKeyId": key.ID, "retentionType": "SnapshotBased", "description": description,
	}, &repo)
	return repo.ID
}

// synchronize synchronizes a repository, which must succeed.
func (s *server) synchronize(repo string) {
	s.t.Helper()
	if state := s.session(repo); state != "None" {
		s.t.Fatalf("the session ended as %s", state)
	}
}

// session runs a session to its end and returns the state it ended in.
func (s *server) session(repo string) string {
	s.t.Helper()
	var session struct{ ID, State string }
	s.call("POST", "/v6/BackupRepositories/"+repo+"/Sync", nil, &session)
	req, err := http.NewRequestWithContext(s.t.Context(), "GET", s.url+"/v6/RepositorySynchronizeSessions/"+session.ID+"/Events", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil { // until the session ends
		s.t.Fatal(err)
	}
	s.call("GET", "/v6/RepositorySynchronizeSessions/"+session.ID, nil, &session)
	return session.State
}
