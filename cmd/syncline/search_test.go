package main_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
)

// searched is a page of /v6/Search.
type searched struct {
	Results []struct {
		RepositoryID, Path, RawPath             string
		Entry                                   shownEntry
		FirstTime, LastTime                     time.Time
		FirstRestorePointID, LastRestorePointID string
		RestorePoints                           int
	}
	NotSearched     []struct{ RepositoryID, Reason string }
	Cut, NextCursor string
}

// attachFixture adds a repository that resticfixture has made.
func (n *node) attachFixture(name, path string) string {
	n.t.Helper()
	var key, repo struct{ ID string }
	n.call("POST", "/v6/EncryptionKeys", map[string]any{"password": resticfixture.Password}, 200, &key)
	n.call("POST", "/v6/BackupRepositories", map[string]any{
		"name": name, "path": path, "encryptionKeyId": key.ID, "retentionType": "ItemLevel",
	}, 200, &repo)
	return repo.ID
}

// occurrence says in which snapshots a path is.
type occurrence struct {
	snapshots   int
	first, last time.Time
}

func (o occurrence) with(n int, first, last time.Time) occurrence {
	if o.snapshots == 0 || first.Before(o.first) {
		o.first = first
	}
	if last.After(o.last) {
		o.last = last
	}
	o.snapshots += n
	return o
}

// searchAll reads all pages and adds the versions of each path up.
func (n *node) searchAll(query string, limit int) map[string]occurrence {
	n.t.Helper()
	out, cursor := make(map[string]occurrence), ""
	for {
		var page searched
		n.call("GET", fmt.Sprintf("/v6/Search?%s&limit=%d&cursor=%s", query, limit, cursor), nil, 200, &page)
		if page.Cut != "" || len(page.Results) > limit {
			n.t.Fatalf("%s: a page of %d, cut %q", query, len(page.Results), page.Cut)
		}
		for _, x := range page.Results {
			path := bytesOf(x.Path, x.RawPath)
			out[path] = out[path].with(x.RestorePoints, x.FirstTime.UTC(), x.LastTime.UTC())
			if name := bytesOf(x.Entry.Name, x.Entry.RawName); !strings.HasSuffix(path, "/"+name) {
				n.t.Errorf("%q is at %q", name, path)
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			return out
		}
	}
}

// resticFinds says the same of what restic finds.
func resticFinds(t *testing.T, repo string, times map[string]time.Time, args ...string) map[string]occurrence {
	t.Helper()
	var list []struct {
		Matches  []struct{ Path string }
		Snapshot string
	}
	raw := resticfixture.Run(t, repo, append([]string{"find", "--json", "--no-lock"}, args...)...)
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	out := make(map[string]occurrence)
	for _, s := range list {
		for _, m := range s.Matches {
			out[m.Path] = out[m.Path].with(1, times[s.Snapshot], times[s.Snapshot])
		}
	}
	return out
}

// TestSearchIsRestics compares the server's search with restic's, over odd
// names, page by page.
func TestSearchIsRestics(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the names cannot be written elsewhere")
	}
	rng := rand.New(rand.NewPCG(31, 32))
	repo := findRepository(t, rng)
	n := start(t, t.TempDir())
	id := n.attachFixture("main", repo)
	n.finish(n.sync(id).ID)
	var points []struct {
		SnapshotID string
		BackupTime time.Time
	}
	n.call("GET", "/v6/RestorePoints", nil, 200, &points)
	times := make(map[string]time.Time)
	for _, p := range points {
		times[p.SnapshotID] = p.BackupTime
	}
	hits := 0
	for range 25 {
		pattern := findPattern(rng)
		for !goodPattern(pattern) {
			pattern = findPattern(rng)
		}
		query, args := "mode=pattern&query="+url.QueryEscape(pattern), []string{pattern}
		if rng.IntN(2) == 0 {
			args = append(args, "--ignore-case")
		} else {
			query += "&ignoreCase=false"
		}
		switch rng.IntN(4) {
		case 0:
			query, args = query+"&host=host0", append(args, "--host", "host0")
		case 1:
			query, args = query+"&tag=t1&tag=t2", append(args, "--tag", "t1", "--tag", "t2")
		}
		want := resticFinds(t, repo, times, args...)
		// restic's JSON has U+FFFD in place of what is no UTF-8; add up what looks
		// the same.
		got := make(map[string]occurrence)
		for path, o := range n.searchAll(query, []int{7, 50, 1000}[rng.IntN(3)]) {
			path = resticText(t, path)
			got[path] = got[path].with(o.snapshots, o.first, o.last)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%q: %d paths, restic finds %d", args, len(got), len(want))
		}
		hits += len(want)
	}
	if hits < 300 {
		t.Errorf("only %d paths were found", hits)
	}
}

// resticText is a path as it comes out of restic's JSON.
func resticText(t *testing.T, path string) string {
	t.Helper()
	raw, err := json.Marshal(path)
	if err == nil {
		err = json.Unmarshal(raw, &path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSearchOverRepositories searches several repositories, one of which is
// not synchronized, and goes on after one has changed.
func TestSearchOverRepositories(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir())
	write := func(dir string, names ...string) {
		t.Helper()
		for _, name := range names {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	var ids, sources, repos []string
	empty := resticfixture.Init(t, 2)
	for i := range 3 {
		source, repo := filepath.Join(t.TempDir(), "src"), filepath.Join(t.TempDir(), "repo")
		if err := os.CopyFS(repo, os.DirFS(empty)); err != nil {
			t.Fatal(err)
		}
		write(source, "docs/Report 1.txt", "docs/report 2.txt", "docs/Réport 3.txt", "other")
		resticfixture.Backup(t, repo, source)
		id := n.attachFixture(fmt.Sprint("repository ", i), repo)
		if i < 2 {
			n.finish(n.sync(id).ID)
		}
		ids, sources, repos = append(ids, id), append(sources, source), append(repos, repo)
	}
	var page searched
	n.call("GET", "/v6/Search?query=RÉPORT", nil, 200, &page)
	if len(page.Results) != 2 || len(page.NotSearched) != 1 || page.NotSearched[0].RepositoryID != ids[2] || page.NotSearched[0].Reason != "NotSynchronized" {
		t.Errorf("the page is %+v", page)
	}
	n.call("GET", "/v6/Search?query=report&limit=3", nil, 200, &page)
	order := slices.Sorted(slices.Values(ids[:2]))
	if r := page.Results; len(r) != 3 || r[0].RepositoryID != order[0] || r[2].RepositoryID != order[1] || page.NextCursor == "" {
		t.Fatalf("the page is %+v", page)
	}
	cursor := page.NextCursor

	// The second one changes, behind the place and before it.
	second := slices.Index(ids, order[1])
	write(sources[second], "docs/report 4.txt", "aaa/report 0.txt")
	resticfixture.Backup(t, repos[second], sources[second])
	n.finish(n.sync(order[1]).ID)
	page = searched{}
	n.call("GET", "/v6/Search?query=report&limit=3&cursor="+cursor, nil, 200, &page)
	var names []string
	for _, r := range page.Results {
		names = append(names, fmt.Sprint(r.Entry.Name, " ", r.RestorePoints))
	}
	if got := strings.Join(names, ", "); got != "Report 1.txt 2, report 2.txt 2, report 4.txt 1" {
		t.Errorf("the next page has %s", got)
	}
	n.call("GET", "/v6/Search?query=report&repositoryId="+order[0]+"&path="+url.QueryEscape(filepath.Join(sources[slices.Index(ids, order[0])], "docs")), nil, 200, &page)
	if len(page.Results) != 2 || page.NextCursor != "" {
		t.Errorf("the folder has %+v", page.Results)
	}
	for query, status := range map[string]int{
		"query=other&cursor=" + cursor: 400, "query=report&cursor=" + cursor[:20]: 400, "query=%5B&mode=pattern": 400,
		"query=report&cursor=" + base64.RawURLEncoding.EncodeToString([]byte(`{"q":null}`)): 400,
		"repositoryId=00000000-0000-4000-8000-00000000dead":                                 404, "limit=1001": 400,
	} {
		n.call("GET", "/v6/Search?"+query, nil, status, nil)
	}
}
