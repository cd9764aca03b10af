package restore

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/diskspace"
)

// DefaultKeepFree returns the default reserve on a file system of a size: a
// twentieth, and 1 GiB at most.
func DefaultKeepFree(total int64) int64 { return min(total/20, 1<<30) }

const (
	// look is the number of bytes between two looks at the free space.
	look = 8 << 20
	// block is the least space that an item takes.
	block = 4096
)

// errReserve is the cause of the error that ends a run at the reserve.
var errReserve = errors.New("what is kept free is reached")

// spacer is a folder or a file.
type spacer interface {
	space() (diskspace.Space, error)
}

// room returns the bytes that may be written to the file system of a folder or
// file, and its reserve. ok is false if the system does not say.
func (o *Options) room(of spacer) (free, keep int64, ok bool) {
	if o.KeepFree == nil {
		return 0, 0, false
	}
	s, err := of.space()
	if err != nil || s.Total <= 0 {
		return 0, 0, false
	}
	return s.Free, o.KeepFree(s.Total), true
}

// wrote counts bytes written to a file, or an item made in a folder. Now and
// then it reports the progress and looks at the free space.
func (r *run) wrote(where spacer, size int64) error {
	if r.unseen.Add(size) < look {
		return nil
	}
	r.unseen.Store(0)
	r.tell()
	if free, keep, ok := r.room(where); ok && free < keep {
		return syncline.WrapError(syncline.CodeUnavailable, errReserve,
			"the target has %s free, and %s are kept free; make room and run the same again: it goes on where it stopped",
			diskspace.Size(free), diskspace.Size(keep))
	}
	return nil
}

// fits makes sure that the target has enough space. total is an upper bound. If
// that is too much, fits inspects the target.
func (r *run) fits(root *spot, total amount) error {
	free, keep, ok := r.room(r.target.h)
	if !ok || sum(total.bytes, total.items*block) <= free-keep {
		return nil
	}
	e := &estimate{
		ctx: r.ctx, run: r, choose: r.Filter.Selector(),
		links: make(map[linkKey]bool), known: make(map[place]int64),
	}
	plain, linked, err := e.below(root, "", r.target.h, 0)
	size := sum(plain, linked)
	if err != nil || size <= max(free-keep, 0) {
		return err
	}
	kept := ""
	if keep > 0 {
		kept = ", of which " + diskspace.Size(keep) + " are kept free"
	}
	return syncline.WrapError(syncline.CodeUnavailable, errReserve,
		"%s are to be written, and the target has %s free%s; choose less, another target, or make room", diskspace.Size(size), diskspace.Size(free), kept)
}

// estimate adds up the bytes that a run adds to the target's disk.
type estimate struct {
	ctx    context.Context //nolint:containedctx // lives as long as the call
	run    *run
	choose *Selector
	pace   pace
	links  map[linkKey]bool // counted files of several names
	known  map[place]int64  // size of new folders, without such files
}

// below adds up the items below a tree: apart, the files of several names that are
// not counted yet. there is the folder in the target, or nil for a missing one.
func (e *estimate) below(s *spot, path string, there *handle, depth int) (plain, linked int64, err error) {
	alike := there == nil && e.run.Filter.all(path)
	if size, ok := e.known[s.place]; ok && alike && s.known || depth > maxDepth {
		return size, 0, nil
	}
	items, err := e.run.items(s)
	if err != nil {
		return 0, 0, err
	}
	key := s.place
	if alike {
		e.known[key] = 0 // ends a tree that contains itself
	}
	var folders []estimated
	for i := range items {
		x := items[i].entry
		at := path + "/" + x.Name
		selected, below, err := e.choose.Select(e.ctx, at)
		if err = errors.Join(err, e.pace.step(e.ctx)); err != nil {
			return plain, linked, err
		}
		switch {
		case x.IsDir() && items[i].ok && below:
			folders = append(folders, estimated{spot: s.below(&items[i], i), path: at, name: x.Name})
		case selected && x.Type == syncline.TypeFile && x.Links > 1:
			linked = sum(linked, e.file(x, there))
		case selected:
			plain = sum(plain, e.file(x, there))
		}
	}
	for _, f := range folders {
		if err != nil {
			return plain, linked, err
		}
		var own, others int64
		own, others, err = e.folder(f, there, depth)
		plain, linked = sum(plain, own), sum(linked, others)
	}
	if alike {
		e.known[key] = plain
	}
	return plain, linked, err
}

// estimated is a folder to add up.
type estimated struct {
	spot       *spot
	path, name string
}

// folder adds up a folder, in an existing folder or none.
func (e *estimate) folder(f estimated, in *handle, depth int) (plain, linked int64, err error) {
	var there *handle
	if in != nil && validName(f.name) {
		if h, err := in.openFolder(f.name); err == nil { // otherwise the run makes it or reports it
			there = h
			defer h.close()
		}
	}
	plain, linked, err = e.below(f.spot, f.path, there, depth+1)
	if there == nil {
		plain = sum(plain, block)
	}
	return plain, linked, err
}

// file returns the bytes that an item adds; it is no folder.
func (e *estimate) file(x *syncline.Entry, in *handle) int64 {
	if x.Type == syncline.TypeFile && x.Links > 1 {
		key := linkOf(x)
		if e.links[key] {
			return 0
		}
		e.links[key] = true
	}
	size := e.size(x)
	if in == nil || !validName(x.Name) {
		return size
	}
	there, err := in.stat(x.Name)
	switch {
	case err != nil || there.links > 1 && x.Links < 2: // a new file replaces it
		return size
	case e.run.keeps(there, x):
		return 0
	}
	return max(size-there.used, 0)
}

// size returns the bytes that a new item takes.
func (e *estimate) size(x *syncline.Entry) int64 {
	if x.Type != syncline.TypeFile {
		return block
	}
	size := int64(min(x.Size, math.MaxInt64-block))
	if e.run.Sparse {
		for _, id := range x.Content {
			if id == zeroChunk() {
				size -= zeroChunkSize
			}
		}
	}
	return (max(size, 0) + block - 1) / block * block
}

// zeroChunkSize is the length of restic's blobs of zeros: the largest size of a
// blob.
const zeroChunkSize = 8 << 20

var zeroChunk = sync.OnceValue(func() syncline.Hash { return sha256.Sum256(make([]byte, zeroChunkSize)) })

// pace looks at a context in some steps of a loop.
type pace struct{ steps int }

func (p *pace) step(ctx context.Context) error {
	if p.steps++; p.steps%1024 == 0 {
		return ctx.Err()
	}
	return nil
}
