package api

import (
	"strings"
	"testing"

	v6 "syncline.dev/syncline/internal/api/v6"
)

func TestProxies(t *testing.T) {
	w := newWorld(t)
	const long = `{"type":"Local","id":"` + nodeID + `","hostName":"host","description":"Syncline","port":4443,"threadsNumber":2,` +
		`"useInternetProxy":false,"enableNetworkThrottling":false,"status":"Offline","version":"1.2.3","address":"host:4443",` +
		`"maintenanceModeState":"Disabled","sessionsRunning":0,"restoresRunning":0,"workQueued":0,"_links":{"self":{"href":"/v6/Proxies/` + nodeID + `"}}}`
	const short = `{"type":"Local","id":"` + nodeID + `","hostName":"host","port":4443,"status":"Offline","_links":{"self":{"href":"/v6/Proxies/` + nodeID + `"}}}`
	for path, want := range map[string]string{
		"/v6/Proxies": "[" + long + "]", "/v6/proxies?extendedView=true": "[" + long + "]", "/v6/Proxies?extendedView=false": "[" + short + "]",
		"/v6/Proxies/" + nodeID: long, "/v6/Proxies/" + strings.ToUpper(nodeID) + "?extendedView=false": short,
	} {
		if a := w.get(path); a.status != 200 || a.body != want+"\n" {
			t.Errorf("%s: got %d %s, want %s", path, a.status, a.body, want)
		}
	}
	post := func(path, body string) answer { return w.do(request{method: "POST", path: path, body: body}) }
	put := func(body string) answer {
		return w.do(request{method: "PUT", path: "/v6/Proxies/" + nodeID, body: body})
	}
	for i, c := range []struct{ path, body string }{
		{"/v6/Proxies/" + nodeID + "/Rescan", ""},
		{"/v6/Proxies/Rescan", `{}`},
		{"/v6/Proxies/Rescan", `{"proxies":[]}`},
		{"/v6/Proxies/Rescan", `{"proxies":[{"id":"` + strings.ToUpper(nodeID) + `"}]}`},
	} {
		if a := post(c.path, c.body); a.status != 200 || a.body != "" || w.nodes.rescans != i+1 {
			t.Errorf("%s %s: got %d %s after %d looks", c.path, c.body, a.status, a.body, w.nodes.rescans)
		}
	}
	if got := decode[v6.Proxy](t, w.get("/v6/Proxies/"+nodeID)); *got.Status != "Online" {
		t.Errorf("after the looks it is %s", *got.Status)
	}
	wantFailure(t, post("/v6/Proxies/Rescan", `{"proxies":[{"id":"`+nodeID+`"},{"id":"`+unknownID+`"}]}`), 400, "proxies: there is no proxy")
	if w.nodes.rescans != 4 {
		t.Error("a refused request looked at a node")
	}
	wantFailure(t, post("/v6/Proxies", `{"hostName":"other"}`), 400, "hostName cannot be honoured")
	wantFailure(t, post("/v6/Proxies/"+nodeID+"/Remove", `{"force":true}`), 409, "stop it instead")

	// The answer of a GET can be sent back. Any other value is refused by name.
	if a := put(`{"id":"` + nodeID + `","hostName":"host","description":"Syncline","port":4443,"threadsNumber":2,"enableNetworkThrottling":false,"throttlingUnit":null}`); a.status != 200 || a.body != "" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	for field, value := range map[string]string{
		"hostName": `"other"`, "description": `"other"`, "port": `443`, "threadsNumber": `3`, "enableNetworkThrottling": `true`,
		"throttlingValue": `5`, "throttlingUnit": `"KBs"`, "useDomainNetwork": `true`, "useInternetProxy": `true`,
		"internetProxyType": `"Custom"`, "internetProxySettings": `{}`, "username": `"x"`, "password": `"x"`, "attachUsedProxy": `true`,
	} {
		wantFailure(t, put(`{"`+field+`":`+value+`}`), 400, `"`+field+` cannot be honoured`)
	}
	wantFailure(t, put(`{"id":"`+unknownID+`"}`), 400, "id cannot be changed")
}
