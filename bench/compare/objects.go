package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const bucket = "bench"

// objectServer serves the files below a folder as objects of one bucket, as S3
// does, and counts the requests. It checks no signature.
type objectServer struct {
	root *os.Root
	keys []string // sorted

	mu    sync.Mutex
	kinds map[string]int64 // requests
	bytes int64            // of objects
}

// serveObjects serves until stop is called.
func serveObjects(ctx context.Context, dir string) (s *objectServer, address string, stop func(), err error) {
	s = &objectServer{kinds: make(map[string]int64)}
	if s.root, err = os.OpenRoot(dir); err != nil {
		return nil, "", nil, err
	}
	err = fs.WalkDir(s.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			s.keys = append(s.keys, name)
		}
		return err
	})
	if err != nil {
		return nil, "", nil, err
	}
	slices.Sort(s.keys)
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(ln) }() // ends with Close
	return s, "http://" + ln.Addr().String(), func() { _ = server.Close(); _ = s.root.Close() }, nil
}

// ServeHTTP answers the few kinds of requests of a reader.
func (s *objectServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, _ := strings.CutPrefix(strings.TrimSuffix(r.URL.Path, "/"), "/"+bucket)
	key := strings.TrimPrefix(path, "/")
	query := r.URL.Query()
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		s.count("refused " + r.Method)
		http.Error(w, "only reading", http.StatusMethodNotAllowed)
	case key == "" && query.Has("location"):
		s.count("location")
		fmt.Fprint(w, `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>`)
	case key == "" && r.Method == http.MethodHead:
		s.count("head bucket")
	case key == "":
		s.count("list " + strings.Trim(query.Get("prefix"), "/"))
		s.list(w, query.Get("prefix"), query.Get("delimiter"), max(query.Get("continuation-token"), query.Get("start-after")))
	default:
		kind, _, _ := strings.Cut(key, "/")
		s.count(strings.ToLower(r.Method) + " " + kind)
		s.object(w, r, key)
	}
}

func (s *objectServer) count(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kinds[kind]++
}

// object serves a range of a file, or all of it.
func (s *objectServer) object(w http.ResponseWriter, r *http.Request, key string) {
	f, err := s.root.Open(key)
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<Error><Code>NoSuchKey</Code></Error>`)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		http.Error(w, "cannot be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", `"00000000000000000000000000000000"`)
	counting := &countingWriter{ResponseWriter: w}
	http.ServeContent(counting, r, "", info.ModTime(), f)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += counting.n
}

type countingWriter struct {
	http.ResponseWriter
	n int64
}

func (w *countingWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.n += int64(n)
	return n, err
}

// object is an entry of a listing.
type object struct {
	Key          string
	LastModified time.Time
	Size         int64
	ETag         string
}

type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name                  string
	Prefix                string
	KeyCount, MaxKeys     int
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []object
	CommonPrefixes        []struct{ Prefix string }
}

// list writes a page of the keys behind after.
func (s *objectServer) list(w http.ResponseWriter, prefix, delimiter, after string) {
	page := listing{Name: bucket, Prefix: prefix, MaxKeys: 1000}
	first, _ := slices.BinarySearch(s.keys, max(prefix, after))
	for _, key := range s.keys[first:] {
		if key == after || !strings.HasPrefix(key, prefix) {
			continue
		}
		if page.KeyCount == page.MaxKeys {
			page.IsTruncated = true
			break
		}
		page.NextContinuationToken = key
		if head, _, ok := strings.Cut(key[len(prefix):], delimiter); ok && delimiter != "" {
			group := struct{ Prefix string }{prefix + head + delimiter}
			if !slices.Contains(page.CommonPrefixes, group) {
				page.CommonPrefixes = append(page.CommonPrefixes, group)
				page.KeyCount++
			}
			continue
		}
		info, err := s.root.Stat(key)
		if err != nil {
			continue // removed after the listing
		}
		page.Contents = append(page.Contents, object{key, info.ModTime().UTC(), info.Size(), `"00000000000000000000000000000000"`})
		page.KeyCount++
	}
	if !page.IsTruncated {
		page.NextContinuationToken = ""
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(page) // a client that has gone
}

// take returns the counts since the last call.
func (s *objectServer) take() (kinds map[string]int64, requests, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kinds, bytes = s.kinds, s.bytes
	s.kinds, s.bytes = make(map[string]int64), 0
	for _, n := range kinds {
		requests += n
	}
	return kinds, requests, bytes
}

// kinds writes requests by kind.
func kinds(m map[string]int64) string {
	parts := make([]string, 0, len(m))
	for _, kind := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%d %s", m[kind], kind))
	}
	return strings.Join(parts, ", ")
}

// overHTTP is a side with the catalogs of the repository over HTTP.
func overHTTP(s side) side {
	s.cache += "-s3"
	return s
}

// objectStorage counts the requests and bytes of both programs over HTTP.
func (c *comparison) objectStorage(ctx context.Context) error {
	s, address, stop, err := serveObjects(ctx, c.repo)
	if err != nil {
		return err
	}
	defer stop()
	env := []string{"AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=not checked", "AWS_DEFAULT_REGION=us-east-1"}
	repo := "s3:" + address + "/" + bucket
	own, err := c.metadataSize()
	if err != nil {
		return err
	}
	if !c.newest {
		if _, err := measure(ctx, env, c.restic, "-r", repo, "--no-lock", "--cache-dir", filepath.Join(c.scratch, "restic-s3"), "find", c.pick.name); err != nil {
			return err
		}
		by, n, bytes := s.take()
		c.note("Object storage, restic's cold find: %d requests (%s), %.1f MB of objects.", n, kinds(by), mb(bytes))
	}
	what := "first synchronization over HTTP, on the same machine"
	var by map[string]int64
	var n, bytes int64
	p, err := c.byTurns(what, func(from side) (usage, error) {
		s.take()
		u, _, err := c.syncAnew(ctx, env, repo, overHTTP(from))
		if !from.release {
			by, n, bytes = s.take()
		}
		return u, err
	})
	if err != nil {
		return err
	}
	c.pairedRow(what, nil, p)
	c.note("Object storage, first synchronization: %d requests (%s), %.1f MB of objects; %d packs hold trees.", n, kinds(by), mb(bytes), c.floorSaid.Packs)
	share := float64(bytes) / float64(own)
	c.bounds = append(c.bounds, bound{
		"bytes fetched from object storage, against the metadata's own size", "1.05 ×", "",
		fmt.Sprintf("%.3f × of trees, indexes, snapshots; %.3f × of the trees alone", share, float64(bytes)/float64(c.floorSaid.Stored)),
		judge(share <= 1.05), unmeasured,
	})
	few := by["get data"] <= int64(c.floorSaid.Packs) && by["get index"] <= c.firstSaid.Kinds["get index"] && by["get snapshots"] <= int64(len(c.snapshots))
	c.bounds = append(c.bounds, bound{
		"requests to object storage", "one per index and snapshot, at most one per tree pack, and listings", "",
		fmt.Sprintf("%d", n), judge(few), unmeasured,
	})
	s.take()
	if _, _, err := c.sync(ctx, env, repo, overHTTP(c.ours())); err != nil {
		return err
	}
	by, n, bytes = s.take()
	c.note("Object storage, nothing new: %d requests (%s), %d bytes of objects.", n, kinds(by), bytes)
	return nil
}

// metadataSize sums the trees and all files but packs, in bytes.
func (c *comparison) metadataSize() (int64, error) {
	sum := c.floorSaid.Stored
	for _, dir := range []string{"index", "snapshots", "keys"} {
		n, err := size(filepath.Join(c.repo, dir))
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}
