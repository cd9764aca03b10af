package gcs_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/gcs"
)

// A stand-in tells of a policy, a hold and rights in the form of Google's documents. One that
// does not tell of the bucket is not known.
func TestRetention(t *testing.T) {
	until := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	refuse := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch path := r.URL.Path; {
		case strings.HasSuffix(path, "/iam/testPermissions"):
			fmt.Fprint(w, `{"kind":"storage#testIamPermissionsResponse","permissions":["storage.objects.get"]}`)
		case strings.HasSuffix(path, "/b/bucket") && !refuse:
			fmt.Fprint(w, `{"kind":"storage#bucket","retentionPolicy":{"retentionPeriod":"604800","isLocked":true}}`)
		case strings.HasSuffix(path, "/o/repo/config") && !refuse:
			fmt.Fprintf(w, `{"kind":"storage#object","retentionExpirationTime":%q,"eventBasedHold":true}`, until.Format(time.RFC3339))
		case strings.HasSuffix(path, "/o"):
			fmt.Fprint(w, `{"kind":"storage#objects"}`)
		default:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"error":{"errors":[{"reason":"forbidden"}]}}`)
		}
	}))
	defer server.Close()
	st := open(t, gcs.Config{Endpoint: server.URL, Bucket: "bucket", Prefix: "repo", AccessToken: "token"})
	r, err := storage.LookAtRetention(t.Context(), st, st)
	if err != nil || !r.Told || r.Looked != 1 || r.Held != 1 || !r.Oldest.Equal(until) || r.Rule != "a policy of the bucket: 168h0m0s, locked" || r.Rights != storage.RightsRead {
		t.Errorf("%+v, %v", r, err)
	}
	refuse = true
	if r, err := storage.LookAtRetention(t.Context(), st, st); err != nil || r.Told || r.Looked != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
