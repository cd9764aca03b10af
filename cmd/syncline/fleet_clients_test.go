//go:build linux

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline/internal/pgtest"
)

// clients ask nodes while their database comes and goes. Each answer is the right one, or
// 503 with Retry-After.
type clients struct {
	t     *testing.T
	nodes []*asked
	end   chan struct{}

	mu       sync.Mutex
	right    int
	refused  int
	promised map[string]bool // descriptions of accounts that were made
}

// ask makes a request. ok says that the answer is no refusal.
func (c *clients) ask(n *asked, method, path string, body any) (answer []byte, ok bool) {
	send, err := json.Marshal(body)
	if err != nil {
		c.t.Error(err)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, n.url+path, bytes.NewReader(send))
	if err != nil {
		c.t.Error(err)
		return nil, false
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+n.token)
	res, err := n.client.Do(r)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
		return nil, false
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.t.Errorf("%s %s: the answer %d breaks off: %v", method, path, res.StatusCode, err)
	case res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") != "":
		c.refused++
	case res.StatusCode == http.StatusOK || res.StatusCode == http.StatusCreated:
		c.right++
		return answer, true
	default:
		c.t.Errorf("%s %s: %d, Retry-After %q: %s", method, path, res.StatusCode, res.Header.Get("Retry-After"), answer)
	}
	return nil, false
}

// until calls one until the test says that it is enough.
func (c *clients) until(one func(i int)) {
	for i := 0; ; i++ {
		select {
		case <-c.end:
			return
		default:
			one(i)
		}
	}
}

// reads asks the questions in turn.
func (c *clients) reads(paths []string, want map[string]string) {
	c.until(func(i int) {
		n, path := c.nodes[i%len(c.nodes)], paths[i%len(paths)]
		full := strings.NewReplacer("$R", n.repo, "$0", n.points[0], "$1", n.points[1]).Replace(path)
		if got, ok := c.ask(n, "GET", full, nil); ok && string(got) != want[path] {
			c.t.Errorf("%s: %.1000q and not %.1000q", full, got, want[path])
		}
	})
}

// writes makes accounts, and starts sessions.
func (c *clients) writes(name string) {
	c.until(func(i int) {
		n, text := c.nodes[i%len(c.nodes)], fmt.Sprint(name, " ", i)
		if _, ok := c.ask(n, "POST", "/v6/Accounts", object{"accountType": "amazonS3CompatibleAccount", "userName": "u", "password": "p", "description": text}); ok {
			c.mu.Lock()
			c.promised[text] = true
			c.mu.Unlock()
		}
		c.ask(n, "POST", "/v6/BackupRepositories/"+n.repo+"/Sync", object{})
	})
}

// passes waits until as many requests more have had the right answer.
func (c *clients) passes(requests int) {
	c.t.Helper()
	count := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.right
	}
	again, late := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer again.Stop()
	for from := count(); count() < from+requests; {
		select {
		case <-again.C:
		case <-late:
			c.t.Fatalf("%d of %d requests had the right answer in a minute", count()-from, requests)
		}
	}
}

// The database is restarted and killed while clients read and write through two nodes, a
// restore runs, and sessions do. Clients get the right answers or 503, what was promised is
// there, and the work ends.
func TestClientsWhileDatabaseRestarts(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t)
	url, key := db.Database(t), fleetKeyFile(t)
	repo, src := changingTree(t)
	s3, _ := inS3(t, repo)
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	one := startNode(t, url, key, "--restore-root", root)
	id := one.attachS3(s3)
	one.finish(one.sync(id).ID)
	two := startNode(t, url, key)
	c := &clients{t: t, nodes: []*asked{one.asking(id, root), two.asking(id, "")}, end: make(chan struct{}), promised: map[string]bool{}}
	var paths []string
	want := map[string]string{}
	for _, path := range questionsOf(src) {
		if !strings.Contains(path, "BackupRepositories/") && !strings.Contains(path, "limit=") { // these change, and have cursors
			paths = append(paths, path)
			answer, _ := c.ask(c.nodes[0], "GET", strings.NewReplacer("$R", id, "$0", c.nodes[0].points[0], "$1", c.nodes[0].points[1]).Replace(path), nil)
			want[path] = string(answer)
		}
	}
	var group sync.WaitGroup
	stop := sync.OnceFunc(func() { close(c.end); group.Wait() })
	defer stop()
	for i := range 3 {
		group.Go(func() { c.reads(append(paths[i*5:len(paths):len(paths)], paths[:i*5]...), want) })
	}
	group.Go(func() { c.writes("account") })
	var restores []string
	for i, trouble := range []func(){func() { db.Stop(t, "fast") }, func() { db.Kill(t) }, func() { db.Stop(t, "immediate") }, func() { db.Kill(t) }} {
		c.passes(50)
		restores = append(restores, one.restore(c.nodes[0].points[0], object{"targetPath": filepath.Join(root, fmt.Sprint(i)), "verify": true}).ID)
		trouble()
		db.Run(t)
	}
	c.passes(50)
	stop()
	t.Logf("%d right answers, %d refusals, %d accounts", c.right, c.refused, len(c.promised))

	for i, job := range restores {
		if got := two.restored(job); got.State != "Succeeded" {
			t.Errorf("a restore ended as %+v", got)
		}
		sameFiles(t, src, filepath.Join(root, fmt.Sprint(i), src))
	}
	made := map[string]int{}
	var accounts []struct{ Description string }
	two.call("GET", "/v6/Accounts", nil, 200, &accounts)
	for _, a := range accounts {
		made[a.Description]++
	}
	for text := range c.promised {
		if made[text] != 1 {
			t.Errorf("%d accounts %q", made[text], text)
		}
	}
	two.finish(two.sync(id).ID)
}
