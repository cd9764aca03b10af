package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
)

// proxy is a node as the API and the command show it.
type proxy struct {
	ID, HostName, Status, Version, Address, MaintenanceModeState string
	StartTime, LastSeenTime                                      time.Time
	SessionsRunning, WorkQueued                                  int
	MemoryBytes                                                  int64
}

// node returns the one node of an installation.
func (n *node) proxy() proxy {
	n.t.Helper()
	var all []proxy
	n.call("GET", "/v6/Proxies", nil, 200, &all)
	if len(all) != 1 {
		n.t.Fatalf("got %+v", all)
	}
	return all[0]
}

// An installation with SQLite has one node. Its list is true, and its maintenance mode
// holds back work, also over a restart.
func TestOneNode(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	n := start(t, data)
	first := n.proxy()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if first.Status != "Online" || first.HostName != host || first.MaintenanceModeState != "Disabled" || first.StartTime.IsZero() ||
		first.LastSeenTime.Before(first.StartTime) || first.MemoryBytes <= 0 || "https://"+first.Address != n.url {
		t.Errorf("got %+v at %s", first, n.url)
	}
	file, err := os.ReadFile(filepath.Join(data, "node"))
	if err != nil || string(file) != first.ID+"\n" {
		t.Errorf("the file node holds %q, %v", file, err)
	}
	repo := n.attachFixture("mine", resticfixture.Unpack(t, "v2-old"))
	var attached struct {
		ProxyID      string
		IsProxyBound bool
	}
	n.call("GET", "/v6/BackupRepositories/"+repo, nil, 200, &attached)
	if attached.ProxyID != first.ID || !attached.IsProxyBound {
		t.Errorf("got %+v", attached)
	}
	if m := n.refused("POST", "/v6/Proxies/"+first.ID+"/Remove", object{"force": true}, 409); !strings.Contains(m, "stop it") {
		t.Errorf("got %s", m)
	}

	s := n.user(nil)
	s.must(0, "", "login", "--fingerprint", n.fingerprint(), n.url)
	s.must(1, "on or off", "nodes", "maintenance", "maybe", first.ID, "--server", n.url)
	s.must(1, "name a server", "nodes")
	if out := s.must(0, "", "nodes", "maintenance", "on", first.ID, "--server", n.url); !strings.Contains(out, "Online, in maintenance") {
		t.Errorf("got %s", out)
	}
	n.sync(repo)
	waiting := n.queued(repo, "the node "+host)
	n.end()
	n = start(t, data)
	if got := n.proxy(); got.ID != first.ID || got.MaintenanceModeState != "Enabled" && got.MaintenanceModeState != "Enabling" {
		t.Errorf("after a restart: %+v", got)
	}
	if again := n.queued(repo, "the node "+host); again != waiting {
		t.Errorf("the session %s became %s", waiting, again)
	}
	s.must(0, "", "login", "--fingerprint", n.fingerprint(), n.url)
	var all []proxy
	if err := json.Unmarshal([]byte(s.must(0, "", "nodes", "--server", n.url, "--json")), &all); err != nil || len(all) != 1 || all[0].ID != first.ID {
		t.Errorf("got %+v, %v", all, err)
	}
	s.must(0, "", "nodes", "maintenance", "off", first.ID, "--server", n.url)
	if got := n.finish(waiting); got.State != "None" {
		t.Errorf("the session ended as %+v", got)
	}
	s.must(1, "stop it", "nodes", "remove", first.ID, "--server", n.url)
}

// queued returns the id of a repository's session, which waits for a node.
func (n *node) queued(repo, reason string) string {
	n.t.Helper()
	var all []struct{ ID, RepositoryID, State, WaitingReason string }
	n.call("GET", "/v6/RepositorySynchronizeSessions", nil, 200, &all)
	for _, x := range all {
		if x.RepositoryID == repo {
			if x.State != "Synchronizing" || !strings.Contains(x.WaitingReason, reason) {
				n.t.Errorf("got %+v", x)
			}
			return x.ID
		}
	}
	n.t.Fatalf("there is no session: %+v", all)
	return ""
}
