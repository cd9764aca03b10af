// Command floor measures the least time of any synchronization. It reads,
// decrypts, decompresses and hashes every tree of a restic repository, with one
// goroutine per core, and parses and keeps nothing. It must not use catalogs,
// whose times are compared with it. With -data it reads the data blobs instead,
// which is the least time of a restore of all of them. With -like it makes files
// like those in a folder, and reads no repository.
//
// Usage: RESTIC_PASSWORD=… floor -r REPOSITORY [-json] [-key] [-data]
//
//	floor -like DIR -into DIR
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/resticrepo"
)

func main() {
	repo := flag.String("r", os.Getenv("RESTIC_REPOSITORY"), "folder of the repository")
	asJSON := flag.Bool("json", false, "print the result as JSON")
	keyOnly := flag.Bool("key", false, "derive the key and stop there")
	data := flag.Bool("data", false, "read the data blobs in place of the trees")
	like := flag.String("like", "", "make files like those in this folder, and print the result as JSON")
	into := flag.String("into", "", "the folder to make them in, which must not exist")
	flag.Parse()
	if *like != "" {
		res, err := makeLike(*like, *into)
		if err = errors.Join(err, json.NewEncoder(os.Stdout).Encode(res)); err != nil {
			fmt.Fprintln(os.Stderr, "floor:", err)
			os.Exit(1)
		}
		return
	}
	kind := resticrepo.Tree
	if *data {
		kind = resticrepo.Data
	}
	res, err := measure(context.Background(), *repo, os.Getenv("RESTIC_PASSWORD"), *keyOnly, kind)
	if err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
	if *asJSON {
		err = json.NewEncoder(os.Stdout).Encode(res)
	} else {
		_, err = fmt.Printf("open %.3f s, index %.3f s, trees %.3f s: %d trees in %d packs, %d bytes stored, %d bytes of JSON\n",
			res.OpenSeconds, res.IndexSeconds, res.TreeSeconds, res.Trees, res.Packs, res.StoredBytes, res.TreeBytes)
	}
	if err != nil {
		os.Exit(1)
	}
}

// result is the measurement of one run. TreeSeconds alone is the floor. Every
// program needs the other times before it.
type result struct {
	OpenSeconds  float64 `json:"open_seconds"`  // key derivation and configuration
	IndexSeconds float64 `json:"index_seconds"` // reading and parsing all indexes
	TreeSeconds  float64 `json:"tree_seconds"`  // reading, decrypting, decompressing, hashing all trees, or data blobs
	Packs        int     `json:"packs"`
	Trees        int64   `json:"trees"`
	StoredBytes  int64   `json:"stored_bytes"`
	TreeBytes    int64   `json:"tree_bytes"`
}

func measure(ctx context.Context, dir, password string, keyOnly bool, kind resticrepo.BlobType) (result, error) {
	var res result
	if dir == "" {
		return res, errors.New("say which repository: -r or RESTIC_REPOSITORY")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return res, err
	}
	st, err := local.Open(context.Background(), dir)
	if err != nil {
		return res, err
	}
	defer st.Close()
	start := time.Now()
	lap := func() float64 {
		d := time.Since(start).Seconds()
		start = time.Now()
		return d
	}
	repo, err := resticrepo.Open(ctx, st, password)
	if err != nil {
		return res, err
	}
	res.OpenSeconds = lap()
	if keyOnly {
		return res, nil
	}
	packs, err := packsOf(ctx, repo, kind)
	if err != nil {
		return res, err
	}
	res.IndexSeconds = lap()
	res.Packs = len(packs)
	if err := readTrees(ctx, repo, packs, &res); err != nil {
		return res, err
	}
	res.TreeSeconds = lap()
	return res, nil
}

// packsOf returns each pack with blobs of a kind, once, with these blobs in the
// order of their offsets.
func packsOf(ctx context.Context, repo *resticrepo.Repository, kind resticrepo.BlobType) ([]resticrepo.Pack, error) {
	files, err := repo.Indexes(ctx)
	if err != nil {
		return nil, err
	}
	indexes := make([]*resticrepo.Index, len(files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		g.Go(func() (err error) {
			indexes[i], err = repo.LoadIndex(ctx, f)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var packs []resticrepo.Pack
	seen := make(map[resticrepo.ID]bool)
	for _, index := range indexes {
		for _, p := range index.Packs {
			p.Blobs = slices.DeleteFunc(p.Blobs, func(b resticrepo.Blob) bool { return b.Type != kind })
			if len(p.Blobs) == 0 || seen[p.ID] {
				continue
			}
			seen[p.ID] = true
			slices.SortFunc(p.Blobs, func(a, b resticrepo.Blob) int { return int(a.Offset) - int(b.Offset) })
			packs = append(packs, p)
		}
	}
	return packs, nil
}

func readTrees(ctx context.Context, repo *resticrepo.Repository, packs []resticrepo.Pack, res *result) error {
	var next, trees, stored, decoded atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			w := worker{repo: repo, dec: repo.NewDecoder()}
			for {
				i := int(next.Add(1)) - 1
				if i >= len(packs) {
					break
				}
				if err := w.pack(ctx, packs[i]); err != nil {
					return err
				}
			}
			trees.Add(w.trees)
			stored.Add(w.stored)
			decoded.Add(w.decoded)
			return nil
		})
	}
	err := g.Wait()
	res.Trees, res.StoredBytes, res.TreeBytes = trees.Load(), stored.Load(), decoded.Load()
	return err
}

// worker is one goroutine's decoder, buffer and sums.
type worker struct {
	repo *resticrepo.Repository
	dec  *resticrepo.Decoder
	buf  []byte

	trees, stored, decoded int64
}

// pack reads the part of a pack that holds its trees, in one request.
func (w *worker) pack(ctx context.Context, p resticrepo.Pack) error {
	last := p.Blobs[len(p.Blobs)-1]
	from := int64(p.Blobs[0].Offset)
	length := int64(last.Offset) + int64(last.Length) - from
	r, err := w.repo.OpenPack(ctx, p.ID, from, length)
	if err != nil {
		return err
	}
	w.buf = slices.Grow(w.buf[:0], int(length))[:length]
	_, err = io.ReadFull(r, w.buf)
	if err := errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("read pack %s: %w", p.ID, err)
	}
	for _, b := range p.Blobs {
		at := int64(b.Offset) - from
		raw, err := w.dec.Blob(b, p.ID, w.buf[at:at+int64(b.Length)])
		if err != nil {
			return err
		}
		w.trees++
		w.decoded += int64(len(raw))
	}
	w.stored += length
	return nil
}
