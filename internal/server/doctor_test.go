package server

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/doctor"
	"syncline.dev/syncline/internal/storage/objects"
)

// A clock that differs by more than thirty seconds from the file system's, or from a
// storage's, is told with the difference.
func TestDoctorOfClocks(t *testing.T) {
	for _, c := range []struct {
		ahead time.Duration // of this machine
		want  doctor.Status
		said  string
	}{{0, doctor.OK, "file system"}, {20 * time.Second, doctor.OK, "file system"}, {-2 * time.Minute, doctor.Warning, "by 2m0s"}, {time.Hour, doctor.Warning, "by -1h0m0s"}} {
		d := &Doctor{data: t.TempDir(), Now: func() time.Time { return time.Now().Add(c.ahead) }}
		got := d.clock(&dates{told: map[string]time.Duration{}, now: d.Now})
		if got.Status != c.want || !strings.Contains(got.Message, c.said) {
			t.Errorf("%v ahead: %+v", c.ahead, got)
		}
		if left, err := filepath.Glob(filepath.Join(d.data, "*")); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
	d := &Doctor{data: filepath.Join(t.TempDir(), "missing"), Now: time.Now}
	if got := d.clock(&dates{told: map[string]time.Duration{}, now: d.Now}); got.Status != doctor.Unknown {
		t.Errorf("without anything that tells the time: %+v", got)
	}
	if got := d.clock(&dates{told: map[string]time.Duration{"s3.example": -5 * time.Minute}, now: d.Now}); got.Status != doctor.Warning || !strings.Contains(got.Message, "s3.example by -5m0s") {
		t.Errorf("a storage that is behind: %+v", got)
	}
}

// Storages tell the time with every answer over HTTPS.
func TestDatesOfStorages(t *testing.T) {
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", at.Format(http.TimeFormat))
		w.WriteHeader(http.StatusForbidden)
	}))
	defer s.Close()
	heard := &dates{told: make(map[string]time.Duration), now: time.Now}
	transport, err := objects.NewTransport(objects.Options{Client: objects.Client{TrustAny: true, Dated: heard.add}})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	d := &Doctor{data: filepath.Join(t.TempDir(), "missing"), Now: time.Now}
	if got := d.clock(heard); got.Status != doctor.Warning || !strings.Contains(got.Message, "127.0.0.1") {
		t.Errorf("%+v from %v", got, heard.told)
	}
}
