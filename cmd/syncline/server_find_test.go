package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
)

// roundTripper answers requests in the server's place.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// signedIn is a client whose requests answer gets.
func signedIn(t *testing.T, answer roundTripper) *client.Client {
	t.Helper()
	c, err := client.New("https://server.example", client.Options{
		Transport: answer, Tokens: client.NewMemoryStore(client.Token{AccessToken: "token", Expires: time.Now().Add(time.Hour)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A search names the filter where there is one, and not the snapshots that it
// chooses: proxies refuse long requests.
func TestSearchedSnapshots(t *testing.T) {
	t.Parallel()
	var asked url.Values
	r := &serverRepository{client: signedIn(t, func(r *http.Request) (*http.Response, error) {
		asked = r.URL.Query()
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"results":[]}`))}, nil
	})}
	r.cached = &serverSnapshots{}
	for i := range byte(4) {
		r.cached.Shown = append(r.cached.Shown, catalog.Snapshot{Snapshot: syncline.Snapshot{ID: syncline.Hash{i}}})
		r.cached.points = append(r.cached.points, syncline.ID("point "+string('0'+rune(i))))
	}
	filter := explore.SnapshotFilter{Hosts: []string{"web1"}, Tags: [][]string{{"a", "b"}, {"c"}}}
	for _, x := range []struct {
		list                []catalog.Snapshot
		filter              explore.SnapshotFilter
		points, hosts, tags []string
	}{
		{list: r.cached.Shown},
		{list: r.cached.Shown[1:3], points: []string{"point 1", "point 2"}}, // that --snapshot names
		{list: r.cached.Shown[1:3], filter: filter, hosts: []string{"web1"}, tags: []string{"a,b", "c"}},
		{list: r.cached.Shown[1:2], filter: explore.SnapshotFilter{Paths: []string{"/home"}}, points: []string{"point 1"}},
	} {
		q := &explore.Query{Texts: []string{"x"}, Snapshots: x.filter}
		if cut, err := r.find(t.Context(), x.list, q, false, func(*explore.Found) error { return nil }); cut != explore.Complete || err != nil {
			t.Fatalf("%+v: %q, %v", x, cut, err)
		}
		for name, want := range map[string][]string{"restorePointId": x.points, "host": x.hosts, "tag": x.tags} {
			if !slices.Equal(asked[name], want) {
				t.Errorf("%d snapshots with the filter %+v: %s is %q, want %q", len(x.list), x.filter, name, asked[name], want)
			}
		}
	}
}

// --timeout ends a find also while the server lists the snapshots. Other errors stay
// errors.
func TestTimeoutOfAServer(t *testing.T) {
	t.Parallel()
	c := signedIn(t, func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	var stdout, stderr bytes.Buffer
	env := &environment{stdout: &stdout, stderr: &stderr, server: "https://server.example"}
	flags := &findFlags{timeout: time.Nanosecond}
	f := finding{env: env, flags: flags, filter: &filterFlags{}, query: &explore.Query{Texts: []string{"x"}}, out: newFindPrinter(env, flags)}
	if err := f.run(t.Context(), []namedAnswers{{&serverRepository{client: c, env: env}, ""}}); err != nil || f.cut != explore.CutTime {
		t.Errorf("%q, %v", f.cut, err)
	}
	if !strings.Contains(stderr.String(), "stopped after 1ns (--timeout) with 0 results; there may be more") || stdout.Len() > 0 {
		t.Errorf("it prints %q and %q", stdout.String(), stderr.String())
	}
	ended := errors.New("ended")
	late, err := within(t.Context(), time.Now().Add(time.Hour), func(context.Context) error { return ended })
	if late || !errors.Is(err, ended) {
		t.Errorf("an error before the deadline: %v, %v", late, err)
	}
}
