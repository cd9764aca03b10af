package azure_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/azure"
)

// A stand-in tells of a policy, a hold and the archive tier, as Azure does in headers. The
// signature says what it may do.
func TestRetention(t *testing.T) {
	until := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	policy := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Ms-Request-Id", "1")
		switch {
		case r.URL.Query().Get("comp") == "list":
			h.Set("Content-Type", "application/xml")
			fmt.Fprintf(w, `<?xml version="1.0"?><EnumerationResults ServiceEndpoint="http://x/" ContainerName="container"><Blobs>%s</Blobs><NextMarker/></EnumerationResults>`, map[bool]string{
				true: `<Blob><Name>repo/keys/a</Name><Properties><Content-Length>1</Content-Length></Properties></Blob>`,
			}[r.URL.Query().Get("prefix") == "repo/keys/"])
		case r.URL.Query().Get("restype") == "container":
			h.Set("X-Ms-Has-Immutability-Policy", fmt.Sprint(policy))
			h.Set("X-Ms-Immutable-Storage-With-Versioning-Enabled", fmt.Sprint(policy))
		case strings.HasSuffix(r.URL.Path, "/keys/a"):
			h.Set("X-Ms-Immutability-Policy-Until-Date", until.Format(http.TimeFormat))
			h.Set("X-Ms-Legal-Hold", "true")
			h.Set("X-Ms-Access-Tier", "Archive")
		}
	}))
	defer server.Close()
	look := func(rights string) storage.Retention {
		t.Helper()
		st, err := azure.Open(t.Context(), azure.Config{Account: "account", SAS: "sv=1&sig=x" + rights, Endpoint: server.URL, Container: "container", Prefix: "repo"})
		if err != nil {
			t.Fatal(err)
		}
		r, err := storage.LookAtRetention(t.Context(), st, st)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := look("&sp=rl"); !r.Told || r.Whole || r.Looked != 2 || r.Kept != 1 || r.Held != 1 || r.Archived != 1 || !r.Oldest.Equal(until) || !strings.Contains(r.Rule, "policy of the container") || r.Rights != storage.RightsRead {
		t.Errorf("%+v", r)
	}
	policy = false
	for rights, want := range map[string]storage.Rights{"&sp=rwdl": storage.RightsChange, "": storage.RightsUnknown, "&sp=r": storage.RightsRead} {
		if r := look(rights); r.Rights != want {
			t.Errorf("%q: %s", rights, r.Rights)
		}
	}
}
