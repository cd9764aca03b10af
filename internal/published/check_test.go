package published

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, version string) *Description {
	t.Helper()
	d, err := Read("../api/testdata", version)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFind(t *testing.T) {
	d := read(t, "v6")
	for request, want := range map[string]string{
		"GET /v6/BACKUPrepositories/":                        "GET /v6/BackupRepositories",
		"POST /v6/Proxies/Rescan":                            "POST /v6/Proxies/Rescan",
		"GET /v6/Proxies/Rescan":                             "GET /v6/Proxies/{proxyId}",
		"POST /v6/Proxies/1/Rescan":                          "POST /v6/Proxies/{proxyId}/Rescan",
		"GET /v6/AzureResources/containers/x/folders/folder": "GET /v6/AzureResources/containers/{containerName}/folders/{Name}",
		"GET /v6/Search":                                     "",
		"PUT /v6/Jobs":                                       "",
		"GET /v7/Jobs":                                       "",
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := d.Find(method, path); got != want {
			t.Errorf("%s is for %q, want %q", request, got, want)
		}
	}
	if got := d.Success("POST /v6/Accounts"); got != "201" {
		t.Errorf("an account is added with %s", got)
	}
}

// Operations outside the contract's cut have the shapes of the public descriptions, and
// answers are held against these, too.
func TestBeyondTheCut(t *testing.T) {
	for version, want := range map[string]string{
		"v6": "[GET /v6/Organizations/{organizationId}/Jobs GET /v6/Organizations/{organizationId}/usedRepositories]",
		"v7": "[GET /v7/Organizations/{organizationId}/Jobs GET /v7/Organizations/{organizationId}/usedRepositories]",
		"v8": "[GET /v8/Organizations/{organizationId}/usedRepositories]",
	} {
		d := read(t, version)
		if got := fmt.Sprint(slices.Sorted(maps.Keys(d.Beyond))); got != want {
			t.Errorf("%s: %s", version, got)
		}
		operation := d.Find("GET", "/"+version+"/organizations/1/UsedRepositories")
		if faults := d.Check(operation, 200, []byte(`{"limit":30,"offset":0,"results":[{"usedSpaceBytes":null,"isAvailable":true}]}`)); faults != nil {
			t.Errorf("%s: %q", version, faults)
		}
		if faults := d.Check(operation, 200, []byte(`{"limit":30,"offset":0,"results":[{"usedSpaceBytes":"1","isAvailable":null}]}`)); len(faults) != 2 {
			t.Errorf("%s: %q", version, faults)
		}
	}
}

// TestCheck breaks a good answer in every way that the check is for.
func TestCheck(t *testing.T) {
	d := read(t, "v8")
	const operation = "GET /v8/JobSessions"
	const session = `{"id":"9a3b5c7d-1111-4222-8333-444455556666","status":"Success","progress":100,"endTime":null,"creationTime":"2026-11-23T10:00:00Z","statistics":{"bottleneck":"NA"},"_links":{"self":{"href":"/v8/x"}}}`
	const good = `{"limit":30,"offset":0,"results":[` + session + `]}`
	if faults := d.Check(operation, 200, []byte(good)); faults != nil {
		t.Fatal(faults)
	}
	for _, c := range []struct{ old, new, fault string }{
		{`"limit":30,`, ``, "lacks limit"},
		{`30`, `"30"`, `limit is 30, which is no integer:int32`},
		{`30`, `30.5`, `limit is 30.5, which is no integer:int32`},
		{`30`, `3000000000`, `which is no integer:int32`},
		{`30`, `true`, `which is no integer:int32`},
		{`30`, `null`, `limit is null`},
		{`"results":[` + session + `]`, `"results":null`, "results is null"},
		{`"results":[` + session + `]`, `"results":{}`, "results is no list"},
		{session, `"x"`, "results[0] is no RESTJobSession"},
		{session, `null`, "results[0] is null"},
		{`"Success"`, `"Good"`, "not one of"},
		{`9a3b`, `9A3B`, "no string:uuid"},
		{`10:00:00Z`, `10:00:00`, "no string:date-time"},
		{`10:00:00Z`, `10:00:00+02:00`, "no string:date-time"},
		{`"progress":100`, `"progress":100,"color":"red"`, "has color, which RESTJobSession does not have"},
		{`{"href":"/v8/x"}`, `"/v8/x"`, "_links.self is no RESTLinkHAL"},
		{`"NA"`, `1`, "bottleneck is 1"},
		{`]}`, `]} {}`, "more than one"},
		{`]}`, `]`, "not JSON"},
	} {
		bad := strings.Replace(good, c.old, c.new, 1)
		if faults := d.Check(operation, 200, []byte(bad)); len(faults) != 1 || !strings.Contains(faults[0], c.fault) {
			t.Errorf("%s in place of %s gives %q, want %q", c.new, c.old, faults, c.fault)
		}
	}
	for _, c := range []struct {
		operation string
		status    int
		body      string
		fault     string
	}{
		{operation, 201, good, "the status 201 is not one"},
		{operation, 404, `{"message":"there is none"}`, ""},
		{operation, 404, `{"message":1}`, "message is 1"},
		{operation, 404, `{"why":"x"}`, "has why"},
		{"PUT /v8/Accounts/{accountId}", 204, ``, ""},
		{"PUT /v8/Accounts/{accountId}", 204, `{}`, "has a body"},
		{"PUT /v8/Accounts/{accountId}", 200, ``, "the status 200 is not one"},
		{"GET /v8/Search", 200, ``, "not in the description"},
		{"POST /v8/token", 200, `{}`, "lacks access_token"},
		{"GET /v8/Health", 200, `{"status":"Healthy","entries":{"database":{"status":"Healthy","description":null}}}`, ""},
		{"GET /v8/Health", 200, `{"status":"Healthy","entries":{"database":{"status":"Fine"}}}`, "entries.database.status is"},
	} {
		faults := d.Check(c.operation, c.status, []byte(c.body))
		if (c.fault == "") != (len(faults) == 0) || c.fault != "" && !strings.Contains(strings.Join(faults, " "), c.fault) {
			t.Errorf("%s %d %s gives %q, want %q", c.operation, c.status, c.body, faults, c.fault)
		}
	}
}
