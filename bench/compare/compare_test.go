package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, dir, name, text string, at time.Time) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutNewest(t *testing.T) {
	repo, to := t.TempDir(), filepath.Join(t.TempDir(), "older")
	day := func(n int) time.Time { return time.Unix(int64(1e9+86400*n), 0) }
	write(t, repo, "config", "c", day(9))
	write(t, repo, "data/00/pack", "p", day(9))
	write(t, repo, "locks/lock", "l", day(1))
	for i := range 3 {
		write(t, repo, fmt.Sprint("index/i", i), "", day(2*i))
		write(t, repo, fmt.Sprint("snapshots/s", i), "", day(2*i+1))
	}
	late, err := withoutNewest(repo, to)
	if err != nil || !slices.Equal(late, []string{"index/i2", "snapshots/s2"}) {
		t.Fatalf("%q, %v", late, err)
	}
	for name, want := range map[string]bool{
		"config": true, "data/00/pack": true, "index/i1": true, "snapshots/s1": true,
		"index/i2": false, "snapshots/s2": false, "locks/lock": false,
	} {
		if _, err := os.Stat(filepath.Join(to, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range 3 { // as after copying: the times say nothing
		write(t, repo, fmt.Sprint("snapshots/s", i), "", day(50))
	}
	if late, err := withoutNewest(repo, filepath.Join(t.TempDir(), "x")); err != nil || len(late) > 0 {
		t.Errorf("without times: %q, %v", late, err)
	}
}

// TestObjects lists more than a page, and reads a range.
func TestObjects(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "config", "0123456789", time.Now())
	for i := range 2500 {
		write(t, dir, fmt.Sprintf("data/%02x/%04d", i%256, i), "", time.Now())
	}
	s, address, stop, err := serveObjects(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	get := func(path, span string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if span != "" {
			req.Header.Set("Range", span)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(raw)
	}
	var keys []string
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		_, raw := get("/bench/?list-type=2&prefix=data/&continuation-token="+token, "")
		var page listing
		if err := xml.Unmarshal([]byte(raw), &page); err != nil || len(page.Contents) > 1000 {
			t.Fatalf("a page of %d: %v", len(page.Contents), err)
		}
		for _, o := range page.Contents {
			keys = append(keys, o.Key)
		}
		token = page.NextContinuationToken
	}
	if len(keys) != 2500 || !slices.IsSorted(keys) || len(slices.Compact(keys)) != 2500 {
		t.Errorf("%d keys", len(keys))
	}
	var page listing
	if _, raw := get("/bench/?list-type=2&delimiter=/", ""); xml.Unmarshal([]byte(raw), &page) != nil ||
		len(page.CommonPrefixes) != 1 || len(page.Contents) != 1 {
		t.Errorf("the root is %+v", page)
	}
	s.take()
	if status, text := get("/bench/config", "bytes=2-4"); status != http.StatusPartialContent || text != "234" {
		t.Errorf("%d %q", status, text)
	}
	if status, _ := get("/bench/none", ""); status != http.StatusNotFound {
		t.Errorf("what is not there is %d", status)
	}
	if by, n, bytes := s.take(); kinds(by) != "1 get config, 1 get none" || n != 2 || bytes != 3 {
		t.Errorf("%v, %d requests, %d bytes", by, n, bytes)
	}
}

func TestReplaceSection(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc.md")
	text := "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n<!-- begin y -->\n<!-- end y -->\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replaceSection(file, "x", "new\n"); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if want := strings.Replace(text, "old\n", "\nnew\n\n", 1); err != nil || string(raw) != want {
		t.Errorf("%q, want %q: %v", raw, want, err)
	}
	if err := replaceSection(file, "z", "new"); err == nil {
		t.Error("a section that is not there was replaced")
	}
}

func TestSample(t *testing.T) {
	s := sample{rng: rand.New(rand.NewPCG(1, 1)), size: 10}
	for i := range 1000 {
		s.add(fmt.Sprint(i))
	}
	late := slices.ContainsFunc(s.kept, func(x string) bool { return len(x) == 3 && x > "500" })
	if len(s.kept) != 10 || s.seen != 1000 || !late {
		t.Errorf("kept %q", s.kept)
	}
	if got := literal(`a*[b]?\`); got != `a\*\[b]\?\\` {
		t.Errorf("literal gives %s", got)
	}
}
