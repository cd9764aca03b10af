package api

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

const otherNodeID = "5d0f0c55-0000-4000-8000-000000000007"

// newFleetWorld is a world of two nodes, of which the first one answers.
func newFleetWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t).populate()
	w.addKinds()
	w.nodes.all = []syncline.Node{
		{ID: nodeID, HostName: "host", Address: "host:4443", Online: true, Load: syncline.NodeLoad{CPUPermille: 123, Memory: 5, Sessions: 2}},
		{ID: otherNodeID, HostName: "other", Address: "other:4443", Online: true, Load: syncline.NodeLoad{CPUPermille: -1}},
	}
	return w
}

func (w *world) postTo(path, body string) answer {
	w.t.Helper()
	return w.do(request{method: "POST", path: path, body: body})
}

func (w *world) putTo(path, body string) answer {
	w.t.Helper()
	return w.do(request{method: "PUT", path: path, body: body})
}

const inBucket = "c6d1fc1b-1aef-411f-9a7f-de35e546c616" // of addKinds

func (w *world) nodeOf(t *testing.T, id syncline.ID) syncline.ID {
	t.Helper()
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	r := w.store.repository(id)
	if r == nil {
		t.Fatalf("there is no repository %s", id)
	}
	return r.NodeID
}

// A folder belongs to the node that has it: another one refuses to look for it.
func TestFoldersOfNodes(t *testing.T) {
	w := newFleetWorld(t)
	body := func(more string) string {
		return `{"name":"new","path":"/srv/new","encryptionKeyId":"` + keyID + `","retentionType":"ItemLevel"` + more + `}`
	}
	wantFailure(t, w.postTo("/v6/BackupRepositories", body(`,"proxyId":"`+otherNodeID+`"`)), 409, "the folder is on the node other (other:4443); send the request there")
	wantFailure(t, w.postTo("/v6/BackupRepositories", body(`,"isProxyBound":false`)), 400, "isProxyBound cannot be false")
	made := decode[v6.BackupRepository](t, w.postTo("/v6/BackupRepositories", body("")))
	if made.ProxyID != nodeID || !deref(made.IsProxyBound) || w.nodeOf(t, made.ID) != nodeID {
		t.Errorf("got %+v", made)
	}

	// The same path on the other node is another place.
	w.store.repos[0].NodeID = otherNodeID
	path := "/v6/BackupRepositories/" + repoID
	got := decode[v6.BackupRepository](t, w.get(path))
	if got.ProxyID != otherNodeID || got.CapacityBytes != nil || got.Links.Proxy.Href != "/v6/Proxies/"+otherNodeID {
		t.Errorf("got %+v", got)
	}
	if list := decode[[]v6.BackupRepository](t, w.get("/v6/BackupRepositories?proxyId="+otherNodeID)); len(list) != 1 || list[0].ID != repoID {
		t.Errorf("got %+v", list)
	}
	if a := w.postTo("/v6/BackupRepositories", strings.Replace(body(""), `"new","path":"/srv/new"`, `"twin","path":"/srv/backup"`, 1)); a.status != 200 {
		t.Errorf("the same path on two machines: %d %s", a.status, a.body)
	}

	for _, change := range []string{`"path":"/srv/elsewhere"`, `"encryptionKeyId":"` + unknownID + `"`} {
		wantFailure(t, w.putTo(path, `{"retentionType":null,`+change+`}`), 409, "send the request there")
	}
	wantFailure(t, w.putTo("/v6/EncryptionKeys/"+keyID, `{"newPassword":"another"}`), 409, "main", "the node other")
	opened := len(w.sync.opened)
	if a := w.putTo(path, `{"retentionType":null,"name":"renamed"}`); a.status != 200 || len(w.sync.opened) != opened {
		t.Errorf("got %d %s", a.status, a.body)
	}

	// This node takes the folder over, which is mounted here as well.
	if a := w.putTo(path, `{"retentionType":null,"proxyId":"`+nodeID+`"}`); a.status != 409 || !strings.Contains(a.body, "attached already") {
		t.Errorf("got %d %s", a.status, a.body)
	}
	w.store.repos = slices.DeleteFunc(w.store.repos, func(r syncline.Repository) bool { return r.Name == "twin" })
	if a := w.putTo(path, `{"retentionType":null,"proxyId":"`+nodeID+`"}`); a.status != 200 || w.nodeOf(t, repoID) != nodeID || !slices.Contains(w.sync.held, repoID) {
		t.Errorf("got %d %s, held %v", a.status, a.body, w.sync.held)
	}
	wantFailure(t, w.putTo(path, `{"retentionType":null,"proxyId":"`+otherNodeID+`"}`), 409, "send the request there")
}

// Every node serves object storage, unless a request binds it to one.
func TestBoundStorages(t *testing.T) {
	w := newFleetWorld(t)
	path := "/v6/BackupRepositories/" + inBucket
	show := func(node syncline.ID, bound bool) {
		t.Helper()
		if got := decode[v6.BackupRepository](t, w.get(path)); got.ProxyID != node || deref(got.IsProxyBound) != bound {
			t.Errorf("got %s, %v", got.ProxyID, deref(got.IsProxyBound))
		}
	}
	change := func(body string) {
		t.Helper()
		if a := w.putTo(path, `{"retentionType":null,`+body+`}`); a.status != 200 {
			t.Errorf("%s: got %d %s", body, a.status, a.body)
		}
	}
	show(nodeID, false)
	var document map[string]any
	if err := json.Unmarshal([]byte(w.get(path).body), &document); err != nil {
		t.Fatal(err)
	}
	sent, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	if a := w.putTo(path, string(sent)); a.status != 200 || w.nodeOf(t, inBucket) != "" {
		t.Errorf("a document that is sent back binds: %d %s", a.status, a.body)
	}
	change(`"proxyId":"` + strings.ToUpper(otherNodeID) + `"`)
	show(otherNodeID, true)
	change(`"name":"renamed"`)
	show(otherNodeID, true)
	change(`"isProxyBound":false`)
	show(nodeID, false)
	held := len(w.sync.held)
	change(`"proxyId":"` + nodeID + `","isProxyBound":true`)
	show(nodeID, true)
	if len(w.sync.held) != held+1 {
		t.Error("the session of a node that may not serve the repository goes on")
	}
	change(`"isProxyBound":false`)
	wantFailure(t, w.putTo(path, `{"retentionType":null,"isProxyBound":true}`), 400, "needs proxyId")
	wantFailure(t, w.putTo(path, `{"retentionType":null,"proxyId":"`+unknownID+`"}`), 400, "proxyId names no proxy")

	w.nodes.all[0].Maintenance = true // the next one serves
	show(otherNodeID, false)

	w.sync.check = syncline.Errorf(syncline.CodeUnavailable, "the storage does not answer")
	wantFailure(t, w.postTo("/v6/BackupRepositories", `{"name":"far","objectStorageId":"5d0f0c55-0000-4000-8000-000000000100","encryptionKeyId":"`+keyID+`","retentionType":"ItemLevel","proxyId":"`+otherNodeID+`"}`),
		409, "cannot be reached from this server", "the node other (other:4443)")
}

// A queued session says why no node runs it.
func TestWaitingReason(t *testing.T) {
	w := newFleetWorld(t)
	w.store.update(sessionID, func(s *syncline.Session) { s.State, s.RepositoryID = syncline.WorkQueued, inBucket })
	says := func(want string) {
		t.Helper()
		one := decode[v6.RepositorySynchronizeSession](t, w.get("/v6/RepositorySynchronizeSessions/"+sessionID))
		all := decode[[]v6.RepositorySynchronizeSession](t, w.get("/v6/RepositorySynchronizeSessions"))
		if deref(one.WaitingReason) != want || deref(all[0].WaitingReason) != want || one.State != "Synchronizing" {
			t.Errorf("got %q and %q, want %q", deref(one.WaitingReason), deref(all[0].WaitingReason), want)
		}
	}
	says("")
	w.nodes.all[0].Maintenance = true
	says("")
	w.nodes.all[1].Maintenance = true
	says("all nodes are in maintenance mode")
	w.nodes.all[1].Online = false
	says("all nodes that run are in maintenance mode")
	w.nodes.all[0].Online = false
	says("")
	w.nodes.all[0].Online = true
	for i := range w.store.repos {
		w.store.repos[i].NodeID = otherNodeID
	}
	says("only the node other (other:4443) serves the repository, and it does not run")
	w.nodes.all[1].Online = true
	says("only the node other (other:4443) serves the repository, and it is in maintenance mode")
	w.nodes.all[1].Maintenance = false
	says("")
	w.store.update(sessionID, func(s *syncline.Session) { s.State = syncline.WorkRunning })
	w.nodes.all[1].Maintenance = true
	says("")
}

func TestNodesOfFleet(t *testing.T) {
	w := newFleetWorld(t)
	state := func(id syncline.ID) string {
		t.Helper()
		return *decode[v6.Proxy](t, w.get("/v6/Proxies/"+string(id))).MaintenanceModeState
	}
	for _, id := range []string{nodeID, otherNodeID} {
		if a := w.postTo("/v6/Proxies/"+id+"/EnableMaintenanceMode", ""); a.status != 200 || a.body != "" {
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
	if a, b := state(nodeID), state(otherNodeID); a != "Enabling" || b != "Enabled" {
		t.Errorf("got %s and %s", a, b)
	}
	one := decode[v6.Proxy](t, w.get("/v6/Proxies/"+nodeID))
	other := decode[v6.Proxy](t, w.get("/v6/Proxies/"+otherNodeID))
	if *one.CPUUsagePercent != 12 || *one.MemoryBytes != 5 || *one.SessionsRunning != 2 || other.CPUUsagePercent != nil || other.MemoryBytes != nil {
		t.Errorf("got %+v and %+v", one, other)
	}
	if a := w.postTo("/v6/Proxies/"+nodeID+"/DisableMaintenanceMode", ""); a.status != 200 || state(nodeID) != "Disabled" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	wantFailure(t, w.putTo("/v6/Proxies/"+nodeID, `{"maintenanceModeState":"Enabled"}`), 400, "EnableMaintenanceMode")

	wantFailure(t, w.postTo("/v6/Proxies/"+otherNodeID+"/Remove", `{"userName":"x"}`), 400, "userName cannot be honoured")
	wantFailure(t, w.postTo("/v6/Proxies/"+otherNodeID+"/Remove", `{"userPassword":"x"}`), 400, "userPassword cannot be honoured")
	if a := w.postTo("/v6/Proxies/"+otherNodeID+"/Remove", `{"force":true}`); a.status != 200 || a.body != "" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	wantFailure(t, w.get("/v6/Proxies/"+otherNodeID), 404, "there is no proxy")
}

// A restore runs where its folder is: on the node that answers.
func TestRestoreOnNode(t *testing.T) {
	w := newFleetWorld(t)
	start := func(id string) answer {
		return w.postTo("/v6/RestorePoints/"+pointID+"/RestoreJobs", `{"targetPath":"/srv/restores/x","proxyId":`+id+`}`)
	}
	wantFailure(t, start(`"`+otherNodeID+`"`), 409, "the folder of targetPath is on the node other (other:4443)")
	wantFailure(t, start(`"`+unknownID+`"`), 400, "proxyId names no proxy")
	for _, id := range []string{`"` + nodeID + `"`, `null`} {
		if a := start(id); a.status != 201 {
			t.Errorf("%s: got %d %s", id, a.status, a.body)
		}
	}
}
