package restore

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/content"
)

// task is one file to restore.
//
//	prepare ──> done             no blob is to be written
//	   └──> write … write ──> done
//	any of them ──> failed       reported once; the rest of its blobs is skipped
type task struct {
	dir   *folder
	path  string
	entry *syncline.Entry
	size  int64
	fresh bool  // the name was free, or is free again
	first *task // the file that this one is a further name of; nil for none

	mu      sync.Mutex
	id      identity // set if it will be opened again, or has further names
	f       *file    // nil while it is closed
	created bool
	left    int // blobs that are not written yet
	broken  bool
	skipped bool
}

// need is one blob that a file needs, and its offset.
type need struct {
	task   *task
	offset int64
	id     syncline.Hash
	place  content.Place
}

// maxOpen bounds the files that stay open between two of their blobs.
const maxOpen = 128

// prepare returns the blobs of the file that must be written. It finishes a
// file that needs none.
func (r *run) prepare(t *task, buf *bytes.Buffer) ([]need, error) {
	needs, err := r.locate(t)
	if err != nil {
		return nil, err
	}
	t.fresh = true
	err = r.handles.in(t.dir, func(h *handle) error {
		if !t.dir.fresh {
			if needs, err = r.compare(h, t, needs, buf); err != nil || t.skipped {
				return err
			}
		}
		t.left = len(needs)
		if t.left > 0 {
			return nil
		}
		if t.f == nil {
			if err := r.openFile(h, t); err != nil {
				return err
			}
		}
		return r.finish(t)
	})
	return needs, err
}

// locate finds the file's blobs and its size.
func (r *run) locate(t *task) ([]need, error) {
	needs := make([]need, len(t.entry.Content))
	for i, id := range t.entry.Content {
		place, ok := r.source.Locator.Locate(id)
		if !ok {
			return nil, syncline.Errorf(syncline.CodeDamaged, "data blob %s is in no index of the repository; run restic check on it", id.Short())
		}
		needs[i] = need{t, t.size, id, place}
		t.size += place.Size()
	}
	return needs, nil
}

// compare compares the existing file and returns the blobs that differ.
func (r *run) compare(h *handle, t *task, needs []need, buf *bytes.Buffer) ([]need, error) {
	there, err := h.stat(t.entry.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return needs, nil
	case err != nil:
		return nil, err
	case r.keeps(there, t.entry):
		t.skipped, t.id = true, there.id
		r.count(func(x *Result) { x.Skipped++; x.Done += t.size })
		return nil, nil
	case !there.mode.IsRegular():
		return needs, r.clear(h, t.entry.Name, t.path, there)
	}
	f, opened, err := h.openExisting(t.entry.Name, true)
	if err == nil && r.replaces(h, opened, t.entry) {
		err = errors.Join(errReplaced, f.close())
	}
	if err != nil {
		// It may be a running program, or a file that only others may write. A
		// new file takes its place, if it can be removed.
		return needs, r.clear(h, t.entry.Name, t.path, there)
	}
	there = opened
	differ := needs[:0:0]
	if r.Overwrite != syncline.OverwriteIfChanged || !looksRight(there, t) {
		if differ, err = r.differing(f, needs, buf); err != nil {
			return nil, errors.Join(err, f.close())
		}
	}
	changes := len(differ) > 0 || there.size != t.size
	if there.links > 1 && (changes || t.entry.Links < 2) {
		// Its other names are no part of the snapshot.
		return needs, errors.Join(f.close(), r.clear(h, t.entry.Name, t.path, there))
	}
	t.fresh, t.created, t.id = false, true, there.id
	r.count(func(x *Result) { x.Done += t.size - sizeOf(differ) })
	if there.size != t.size {
		err = f.truncate(t.size)
	}
	if err != nil || len(differ) > 0 {
		return differ, errors.Join(err, f.close())
	}
	t.f = f
	r.open.Add(1)
	if !changes {
		r.count(func(x *Result) { x.Unchanged++ })
	}
	return nil, nil
}

// errReplaced says that a new file replaces an existing one.
var errReplaced = errors.New("a new file takes its place")

// replaces reports whether a new file must replace an existing one. It must if
// a user may hold it open who may not open the snapshot's file.
func (r *run) replaces(h *handle, there info, e *syncline.Entry) bool {
	if there.isOwn(e) && there.mode.Perm()&^e.Mode.Perm()&0o066 == 0 {
		return false
	}
	r.probe.Do(func() { r.noRights = !r.DryRun && !h.keepsRights() })
	return !r.noRights
}

// looksRight reports whether a file counts as right without a comparison. Such
// a file keeps its rights, because it could be any file.
func looksRight(there info, t *task) bool {
	return there.size == t.size && there.mtime.Equal(t.entry.ModTime) &&
		there.mode.Perm() == t.entry.Mode.Perm() && there.hasOwner(t.entry)
}

// differing returns the blobs that the file does not have at their offsets.
func (r *run) differing(f *file, needs []need, buf *bytes.Buffer) ([]need, error) {
	differ := needs[:0:0]
	for _, n := range needs {
		if r.ctx.Err() != nil {
			return nil, r.ctx.Err()
		}
		if !holds(f, n, buf) {
			differ = append(differ, n)
		}
	}
	return differ, nil
}

func sizeOf(needs []need) (total int64) {
	for _, n := range needs {
		total += n.place.Size()
	}
	return total
}

// holds reports whether the file has the blob at its offset.
func holds(f *file, n need, buf *bytes.Buffer) bool {
	buf.Reset()
	size := n.place.Size()
	read, err := io.Copy(buf, io.NewSectionReader(f, n.offset, size))
	return err == nil && read == size && sha256.Sum256(buf.Bytes()) == n.id
}

// openFile opens the file for writing, and makes it the first time. The task is
// locked, or no other goroutine has it yet.
func (r *run) openFile(h *handle, t *task) (err error) {
	if t.created {
		var there info
		if t.f, there, err = h.openExisting(t.entry.Name, true); err == nil && !there.id.is(t.id) {
			err = errors.Join(errExchanged, t.f.close())
			t.f = nil
		}
	} else {
		t.f, err = h.create(t.entry.Name)
	}
	if err != nil {
		return err
	}
	r.open.Add(1)
	if !t.created {
		if err := r.wrote(t.f, block); err != nil {
			return err
		}
	}
	if !t.created && (t.left > 1 || r.Sparse && t.left > 0) {
		// From here on it has the size that a later run looks for.
		err = t.f.truncate(t.size)
	}
	t.created = true
	return err
}

// write writes one blob, and finishes the file after the last one.
func (r *run) write(t *task, data []byte, offset int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broken {
		return nil
	}
	err := r.writeBlob(t, data, offset)
	if err != nil {
		return r.abandon(t, err)
	}
	return nil
}

func (r *run) writeBlob(t *task, data []byte, offset int64) error {
	if t.f == nil {
		if err := r.handles.in(t.dir, func(h *handle) error { return r.openFile(h, t) }); err != nil {
			return err
		}
	}
	if err := r.put(t, data, offset); err != nil {
		return err
	}
	if err := r.wrote(t.f, int64(len(data))); err != nil {
		return err
	}
	t.left--
	switch {
	case t.left == 0:
		return r.finish(t)
	case r.open.Load() > maxOpen:
		return errors.Join(t.identify(), r.shut(t))
	}
	return nil
}

// hole is the smallest number of zeros that becomes a hole.
const hole = 4096

var zeros [hole]byte

func (r *run) put(t *task, data []byte, offset int64) error {
	r.count(func(x *Result) { x.Bytes += int64(len(data)); x.Done += int64(len(data)) })
	if !r.Sparse || !t.fresh {
		_, err := t.f.WriteAt(data, offset)
		return err
	}
	for len(data) > 0 {
		n := 0 // bytes before the next hole
		for n < len(data) && !isHole(data[n:]) {
			n += min(hole, len(data)-n)
		}
		if n > 0 {
			if _, err := t.f.WriteAt(data[:n], offset); err != nil {
				return err
			}
		}
		for n < len(data) && isHole(data[n:]) {
			n += min(hole, len(data)-n)
		}
		data, offset = data[n:], offset+int64(n)
	}
	return nil
}

// isHole reports whether data begins with a hole.
func isHole(data []byte) bool {
	data = data[:min(len(data), hole)]
	return bytes.Equal(data, zeros[:len(data)])
}

// finish gives a complete file its metadata.
func (r *run) finish(t *task) error {
	err := t.f.apply(t.entry, t.fresh, r.Attributes)
	if t.entry.Links > 1 {
		err = errors.Join(err, t.identify())
	}
	if err = errors.Join(err, r.shut(t)); err == nil {
		r.count(func(x *Result) { x.Files++ })
	}
	return err
}

// identify records the file's identity.
func (t *task) identify() error {
	there, err := t.f.info()
	t.id = there.id
	return err
}

func (r *run) shut(t *task) error {
	f := t.f
	t.f = nil
	r.open.Add(-1)
	return f.close()
}

// abandon gives a file up. Its bytes stay, without the time that would make it
// look complete.
func (r *run) abandon(t *task, err error) error {
	if t.broken {
		return nil
	}
	t.broken = true
	if t.f != nil {
		err = errors.Join(err, r.shut(t))
	}
	return r.settle(t.path, errors.Join(err, r.drop(t)))
}

// drop removes an incomplete file that the next run would keep as one that
// existed before.
func (r *run) drop(t *task) error {
	if !t.created || !t.fresh || r.Overwrite != syncline.OverwriteNever && r.Overwrite != syncline.OverwriteIfNewer {
		return nil
	}
	return r.handles.in(t.dir, func(h *handle) error { return h.remove(t.entry.Name, false) })
}

// verify reads a file back.
func (r *run) verify(t *task, buf *bytes.Buffer) error {
	needs, err := r.locate(&task{entry: t.entry})
	if err != nil {
		return err
	}
	return r.handles.in(t.dir, func(h *handle) error {
		f, there, err := h.openExisting(t.entry.Name, false)
		if err != nil {
			return err
		}
		if there.size != t.size {
			err = syncline.Errorf(syncline.CodeDamaged, "it was written, but has %d bytes in place of %d", there.size, t.size)
		}
		for _, n := range needs {
			if err == nil {
				err = r.ctx.Err()
			}
			if err == nil && !holds(f, n, buf) {
				err = syncline.Errorf(syncline.CodeDamaged, "it was written, but reads back differently at %d; check the disk", n.offset)
			}
		}
		return errors.Join(err, f.close())
	})
}
