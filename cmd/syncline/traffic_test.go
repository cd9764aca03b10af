package main_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
	"syncline.dev/syncline/resticrepo"
)

// metadata is what a repository's metadata consists of.
type metadata struct {
	files  map[string]int64        // snapshots and indexes, by name, in bytes
	trees  map[resticrepo.ID]int64 // stored bytes
	packs  map[resticrepo.ID]bool  // that hold trees
	fixed  int64                   // the configuration and the keys
	config int64
}

func metadataOf(t *testing.T, folder string) metadata {
	t.Helper()
	m := metadata{files: map[string]int64{}, trees: map[resticrepo.ID]int64{}, packs: map[resticrepo.ID]bool{}}
	for name, content := range servers.ReadFolder(t, folder) {
		switch kind, _, _ := strings.Cut(name, "/"); kind {
		case "snapshots", "index":
			m.files[name] = int64(len(content))
		case "config", "keys":
			m.fixed += int64(len(content))
			if kind == "config" {
				m.config = int64(len(content))
			}
		}
	}
	place, err := local.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer place.Close()
	repo, err := resticrepo.Open(t.Context(), place, repoPassword)
	if err != nil {
		t.Fatal(err)
	}
	indexes, err := repo.Indexes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range indexes {
		index, err := repo.LoadIndex(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range index.Packs {
			for _, b := range p.Blobs {
				if b.Type == resticrepo.Tree {
					m.trees[b.ID], m.packs[p.ID] = int64(b.Length), true
				}
			}
		}
	}
	return m
}

// since returns what is new in m.
func (m metadata) since(old metadata) metadata {
	maps.DeleteFunc(m.files, func(name string, _ int64) bool { _, known := old.files[name]; return known })
	maps.DeleteFunc(m.trees, func(id resticrepo.ID, _ int64) bool { _, known := old.trees[id]; return known })
	maps.DeleteFunc(m.packs, func(id resticrepo.ID, _ bool) bool { return old.packs[id] })
	m.fixed = 0
	return m
}

func (m metadata) bytes() (n int64) {
	for _, size := range m.files {
		n += size
	}
	for _, size := range m.trees {
		n += size
	}
	return n + m.fixed
}

// TestTrafficAsTheServerCountsIt holds three sessions to the design's table:
// requests as the storage's own log counts them, bytes as they leave it.
func TestTrafficAsTheServerCountsIt(t *testing.T) {
	t.Parallel()
	folder := newRepository(t, 400, 3)
	s3 := servers.StartS3(t)
	meter := servers.StartMeter(t, s3.URL)
	copied := func() metadata {
		s3.Put(t, "bucket", "repo", servers.ReadFolder(t, folder))
		return metadataOf(t, folder)
	}
	whole := copied()
	n := start(t, filepath.Join(t.TempDir(), "data"))
	_, _, _, repo := n.attachIn(
		object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey},
		object{"type": "AmazonS3Compatible", "s3Folder": "repo", "amazonBucketS3Compatible": object{"servicePoint": meter.URL, "name": "bucket", "customRegionId": s3.Region}}, repoPassword)
	n.waitFor("the server has looked at the storage by itself", func() bool {
		var r struct {
			Immutability *struct{ CheckedTime time.Time }
		}
		n.call("GET", "/v6/BackupRepositories/"+repo, nil, 200, &r)
		return r.Immutability != nil
	})
	counted := func() (requests int, bytes int64) {
		t.Helper()
		log, err := os.ReadFile(s3.AccessLog)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(log), s3.AccessKey+" bucket "), meter.Bytes()
	}
	session := func(label string, most int, needed int64) {
		t.Helper()
		requestsBefore, bytesBefore := counted()
		id := n.finish(n.sync(repo).ID).ID
		requests, bytes := counted()
		requests, bytes = requests-requestsBefore, bytes-bytesBefore
		var s struct {
			Statistics struct {
				Requests       int
				BytesFetched   int64
				RequestsByKind map[string]int
			}
		}
		n.call("GET", "/v6/RepositorySynchronizeSessions/"+id, nil, 200, &s)
		if s.Statistics.Requests != requests || s.Statistics.BytesFetched != bytes {
			t.Errorf("%s: the statistics say %+v, the storage %d requests and %d bytes", label, s.Statistics, requests, bytes)
		}
		if requests > most || float64(bytes) > 1.05*float64(needed) || bytes < needed {
			t.Errorf("%s: %d requests and %d bytes, want at most %d and 1.05 times %d: %v", label, requests, bytes, most, needed, s.Statistics.RequestsByKind)
		}
		t.Logf("%s: %d requests, %d bytes for %d of metadata", label, requests, bytes, needed)
	}
	// Beside a request for each file and pack: the configuration, the listing of
	// the keys and the key, and the listings of snapshots and indexes.
	session("first", 3+2+len(whole.files)+len(whole.packs), whole.bytes())
	// The configuration and the listings: another repository may lie there.
	session("repeated", 1+2, whole.config)
	source := filepath.Join(t.TempDir(), "more")
	if err := os.MkdirAll(filepath.Join(source, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "folder", "file"), []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	restic(t, folder, "backup", source)
	news := copied().since(whole)
	session("incremental", 1+2+len(news.files)+len(news.packs), whole.config+news.bytes())
}
