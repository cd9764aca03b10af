//go:build !windows

package main_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/resticfixture"
)

// proxies returns the nodes, by their addresses.
func (n *node) proxies() map[string]proxy {
	n.t.Helper()
	var all []proxy
	n.call("GET", "/v6/Proxies", nil, 200, &all)
	found := make(map[string]proxy)
	for _, p := range all {
		found["https://"+p.Address] = p
	}
	return found
}

// untilProxy asks for a node until it is as wanted.
func (n *node) untilProxy(url, what string, as func(proxy) bool) proxy {
	n.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for {
		p := n.proxies()[url]
		if as(p) {
			return p
		}
		select {
		case <-tick.C:
		case <-late:
			n.t.Fatalf("%s: %+v", what, p)
		}
	}
}

// Two nodes know each other. A folder belongs to the node that has attached it, and the
// other one reads its metadata, and names that node for the rest. A dead node is removed.
func TestFleetPlacement(t *testing.T) {
	t.Parallel()
	url, key, roots := pgtest.New(t), fleetKeyFile(t), t.TempDir()
	a, b := startNode(t, url, key, "--restore-root", roots), startNode(t, url, key, "--restore-root", roots)
	repo := b.attachFixture("of b", resticfixture.Unpack(t, "v2-old"))
	b.finish(b.sync(repo).ID)
	known := func(p proxy) bool { return p.ID != "" } // a list may be two seconds old
	ida, idb := a.untilProxy(a.url, "the first node", known).ID, a.untilProxy(b.url, "the second node", known).ID
	if ida == "" || idb == "" || ida == idb {
		t.Fatalf("the nodes are %+v", a.proxies())
	}

	where := "(" + strings.TrimPrefix(b.url, "https://") + ")"
	var points []struct{ ID string }
	a.call("GET", "/v6/RestorePoints?repositoryId="+repo, nil, 200, &points)
	if len(points) != 5 {
		t.Fatalf("%d restore points", len(points))
	}
	a.call("GET", "/v6/RestorePoints/"+points[0].ID+"/Entries", nil, 200, nil)
	for what, message := range map[string]string{
		"contents": a.refused("GET", "/v6/RestorePoints/"+points[0].ID+"/Archive?path=/", nil, 409),
		"restore":  a.refused("POST", "/v6/RestorePoints/"+points[0].ID+"/RestoreJobs", object{"targetPath": roots + "/x"}, 409),
		"target":   a.refused("POST", "/v6/RestorePoints/"+points[0].ID+"/RestoreJobs", object{"targetPath": roots + "/x", "proxyId": idb}, 409),
		"path":     a.refused("PUT", "/v6/BackupRepositories/"+repo, object{"retentionType": nil, "path": "/elsewhere"}, 409),
	} {
		if !strings.Contains(message, where) {
			t.Errorf("%s: %s", what, message)
		}
	}
	a.finish(a.sync(repo).ID) // which runs at the other node
	var job struct{ ID, ProxyID string }
	b.call("POST", "/v6/RestorePoints/"+points[0].ID+"/RestoreJobs", object{"targetPath": roots + "/x", "proxyId": idb}, 201, &job)
	if job.ProxyID != idb {
		t.Errorf("got %+v", job)
	}

	// In maintenance mode, which the other node switches, the node takes nothing new.
	a.call("POST", "/v6/Proxies/"+idb+"/EnableMaintenanceMode", nil, 200, nil)
	a.untilProxy(b.url, "maintenance", func(p proxy) bool { return p.MaintenanceModeState == "Enabled" })
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var waiting struct{ ID, State, WaitingReason string }
	for range 100 { // it hears of it with its next sign of life
		a.call("POST", "/v6/BackupRepositories/"+repo+"/Sync", nil, 200, &waiting)
		a.call("GET", "/v6/RepositorySynchronizeSessions/"+waiting.ID, nil, 200, &waiting)
		if waiting.WaitingReason != "" {
			break
		}
		<-tick.C
	}
	if !strings.Contains(waiting.WaitingReason, where) || !strings.Contains(waiting.WaitingReason, "maintenance") {
		t.Errorf("got %+v", waiting)
	}
	a.call("POST", "/v6/Proxies/"+idb+"/DisableMaintenanceMode", nil, 200, nil)
	a.finish(waiting.ID)

	// A node that stops says so. It cannot be removed while a repository is bound to it.
	if m := a.refused("POST", "/v6/Proxies/"+idb+"/Remove", object{}, 409); !strings.Contains(m, "runs") {
		t.Errorf("got %s", m)
	}
	if err := b.signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	a.untilProxy(b.url, "stopped", func(p proxy) bool { return p.Status == "Offline" })
	if m := a.refused("POST", "/v6/Proxies/"+idb+"/Remove", object{}, 409); !strings.Contains(m, "of b") {
		t.Errorf("got %s", m)
	}
	a.call("PUT", "/v6/BackupRepositories/"+repo, object{"retentionType": nil, "proxyId": ida}, 200, nil) // on one machine, it has the folder, too
	a.finish(a.sync(repo).ID)
	a.call("POST", "/v6/Proxies/"+idb+"/Remove", object{}, 200, nil)
	if all := a.proxies(); len(all) != 1 {
		t.Errorf("got %+v", all)
	}
}
