package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const administratorPassword = "for this run alone"

// server is a running server of Syncline with its client.
type server struct {
	cmd    *exec.Cmd
	client *http.Client
	url    string
	token  string
}

// startServer starts a server of one of the programs in a data directory, with further arguments.
func (c *comparison) startServer(ctx context.Context, of side, data string, args ...string) (*server, error) {
	s := &server{client: &http.Client{Transport: &http.Transport{
		// The certificate is one that the server has just made.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: sessionClients,
	}}}
	s.cmd = exec.CommandContext(ctx, of.program, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, args...)...)
	s.cmd.Env = append(os.Environ(), "SYNCLINE_ADMIN_PASSWORD="+administratorPassword)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	said := bufio.NewScanner(out)
	for s.url == "" && said.Scan() {
		s.url, _ = strings.CutPrefix(said.Text(), "listening on ")
		if !strings.HasPrefix(s.url, "https://") {
			s.url = ""
		}
	}
	if s.url == "" {
		return nil, errors.Join(errors.New("the server did not start"), s.cmd.Wait())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	var grant struct {
		Token string `json:"access_token"`
	}
	err = s.call(ctx, "POST", "/v6/token", map[string]string{
		"grant_type": "password", "username": "administrator", "password": administratorPassword,
	}, &grant)
	s.token = grant.Token
	return s, err
}

// stop ends the server and returns its largest memory, in bytes.
func (s *server) stop() (peak int64, err error) {
	s.client.CloseIdleConnections()
	err = errors.Join(s.cmd.Process.Signal(syscall.SIGTERM), s.cmd.Wait())
	if r, ok := s.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = r.Maxrss << 10
	}
	return peak, err
}

// call makes a request and decodes the answer, unless answer is nil.
func (s *server) call(ctx context.Context, method, path string, body, answer any) error {
	var send io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, send)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	raw, err := s.answer(req)
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(raw, answer)
}

// answer sends a request and reads the answer.
func (s *server) answer(req *http.Request) ([]byte, error) {
	req.Header.Set("Authorization", "Bearer "+s.token)
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s: %s", req.Method, req.URL.Path, res.Status, raw)
	}
	return raw, nil
}

// latencies are times of requests, sorted.
type latencies []time.Duration

func (l latencies) at(part float64) time.Duration {
	slices.SortFunc(l, func(a, b time.Duration) int { return cmp.Compare(a, b) })
	return l[min(len(l)-1, int(part*float64(len(l))))]
}

func (l latencies) String() string {
	return fmt.Sprintf("median %.1f ms, p99 %.1f ms (%d requests)", ms(l.at(.5)), ms(l.at(.99)), len(l))
}

// ask makes one request after the other. The time of an answer does not include
// decoding it, which is the client's work.
func (s *server) ask(ctx context.Context, paths []string) (l latencies, err error) {
	for _, p := range paths {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+p, nil)
		if err != nil {
			return nil, err
		}
		begun := time.Now()
		raw, err := s.answer(req)
		if err != nil {
			return nil, err
		}
		l = append(l, time.Since(begun))
		if !json.Valid(raw) {
			return nil, fmt.Errorf("GET %s: the answer is no JSON: %.200q", p, raw)
		}
	}
	return l, nil
}

// server measures a running server's answers.
func (c *comparison) server(ctx context.Context) (err error) {
	s, err := c.startServer(ctx, c.ours(), filepath.Join(c.scratch, "data"), "--sync-interval", "0")
	if err != nil {
		return err
	}
	err = c.askServer(ctx, s)
	peak, stopErr := s.stop()
	c.note("Server: %.0f MB of memory at most, in all of this.", mb(peak))
	if err := errors.Join(err, stopErr); err != nil {
		return err
	}
	return c.started(ctx)
}

func (c *comparison) askServer(ctx context.Context, s *server) error {
	repo, polls, err := c.attach(ctx, s)
	if err != nil {
		return err
	}
	c.note("Server, sessions asked for by %d clients at once during the first synchronization: %s.", sessionClients, polls)
	c.bounds = append(c.bounds, latencyBound("`GET /v6/RepositorySynchronizeSessions`, 100 clients at once while a synchronization runs, p99", polls, 50, 10))
	rng := rand.New(rand.NewPCG(3, 4))
	folders, err := c.folderPages(ctx, s, len(c.pick.dirs))
	if err != nil {
		return err
	}
	pages, err := s.ask(ctx, folders)
	if err != nil {
		return err
	}
	c.note("Server, the first page of a random folder: %s.", pages)
	c.bounds = append(c.bounds, latencyBound("one directory's listing in a running server, p99", pages, 5, 2))
	if err := c.histories(ctx, s, repo); err != nil {
		return err
	}
	return c.askSearches(ctx, s, rng)
}

// askSearches asks for existing names, in several ways.
func (c *comparison) askSearches(ctx context.Context, s *server, rng *rand.Rand) error {
	for _, q := range []struct {
		what, mode string
		count      int
		make       func(name string) string
	}{
		{"a name", "mode=pattern&ignoreCase=false", 300, literal},
		{"a part of a name, in any letter case", "mode=contains", 300, func(name string) string { return name[len(name)/4 : len(name)-len(name)/4] }},
		{"a glob", "mode=pattern&ignoreCase=false", 100, func(name string) string { return "*" + literal(name[len(name)/2:]) }},
		{"a path pattern", "mode=pattern&ignoreCase=false", 100, func(name string) string {
			dir := c.pick.dirs[rng.IntN(len(c.pick.dirs))]
			return "/**/" + literal(dir[strings.LastIndexByte(dir, '/')+1:]) + "/*" + filepath.Ext(name)
		}},
	} {
		paths := make([]string, q.count)
		for i := range paths {
			text := strings.ToValidUTF8(q.make(c.pick.names[rng.IntN(len(c.pick.names))]), "?")
			paths[i] = "/v6/Search?limit=100&" + q.mode + "&query=" + url.QueryEscape(text)
		}
		l, err := s.ask(ctx, paths)
		if err != nil {
			return err
		}
		c.note("Server, search for %s: %s.", q.what, l)
		if q.what == "a name" {
			c.bounds = append(c.bounds, latencyBound("name search in a running server, p99", l, 50, 20))
		}
	}
	return nil
}

func latencyBound(what string, l latencies, reach, then int) bound {
	p99 := l.at(.99)
	return bound{
		what, fmt.Sprintf("%d ms", reach), fmt.Sprintf("%d ms", then), fmt.Sprintf("%.1f ms (median %.1f ms)", ms(p99), ms(l.at(.5))),
		judge(p99 <= time.Duration(reach)*time.Millisecond), judge(p99 <= time.Duration(then)*time.Millisecond),
	}
}

// sessionClients ask for the sessions at the same moment, many times.
const (
	sessionClients = 100
	sessionPause   = 500 * time.Millisecond
)

// attach adds the repository and asks for the sessions until it is
// synchronized.
func (c *comparison) attach(ctx context.Context, s *server) (repo string, polls latencies, err error) {
	if err := c.pollSessions(ctx, s, new(latencies)); err != nil { // opens the connections
		return "", nil, err
	}
	var key, added struct {
		ID string `json:"id"`
	}
	if err := s.call(ctx, "POST", "/v6/EncryptionKeys", map[string]string{"password": os.Getenv("RESTIC_PASSWORD")}, &key); err != nil {
		return "", nil, err
	}
	err = s.call(ctx, "POST", "/v6/BackupRepositories", map[string]string{
		"name": "bench", "path": c.repo, "encryptionKeyId": key.ID, "retentionType": "SnapshotBased",
	}, &added)
	if err != nil {
		return "", nil, err
	}
	if err := s.call(ctx, "POST", "/v6/BackupRepositories/"+added.ID+"/Sync", nil, nil); err != nil {
		return "", nil, err
	}
	again := time.NewTicker(sessionPause)
	defer again.Stop()
	for {
		if err := c.pollSessions(ctx, s, &polls); err != nil {
			return "", nil, err
		}
		var sessions []struct {
			State string `json:"state"`
			Error string `json:"error"`
		}
		if err := s.call(ctx, "GET", "/v6/RepositorySynchronizeSessions", nil, &sessions); err != nil {
			return "", nil, err
		}
		if len(sessions) != 1 || sessions[0].State == "Failed" {
			return "", nil, fmt.Errorf("the server's synchronization failed: %v", sessions)
		}
		if sessions[0].State == "None" {
			return added.ID, polls, nil
		}
		<-again.C
	}
}

// pollSessions lets all clients ask once, and adds the times.
func (c *comparison) pollSessions(ctx context.Context, s *server, to *latencies) error {
	var mu sync.Mutex
	var all sync.WaitGroup
	var errs []error
	for range sessionClients {
		all.Go(func() {
			begun := time.Now()
			err := s.call(ctx, "GET", "/v6/RepositorySynchronizeSessions", nil, nil)
			took := time.Since(begun)
			mu.Lock()
			defer mu.Unlock()
			*to = append(*to, took)
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
