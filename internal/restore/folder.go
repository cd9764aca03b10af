package restore

import (
	"container/list"
	"errors"
	"io/fs"
	"sync"
	"syscall"

	"syncline.dev/syncline"
)

// folder is a folder of the target.
type folder struct {
	parent *folder // nil for the target itself
	name   string
	path   string          // in the snapshot, for messages
	entry  *syncline.Entry // nil for the target itself
	depth  int
	made   bool  // it exists
	fresh  bool  // this run made it, so it was empty
	failed error // why it was not made
	room   *room // for items made in it, and below it in fresh folders; used by the walk alone

	// Guarded by handles.mu.
	id    identity // set when it was opened once
	h     *handle
	users int
	idle  *list.Element
}

// errExchanged is the error of a name that another user turned to another item.
var errExchanged = syncline.Errorf(syncline.CodeConflict, "somebody else put something in its place while it was restored; keep others out of the target")

// handles keeps some folders open. It opens a folder from its parent's handle
// and never by a path, so no symbolic link can lead elsewhere. A folder that is
// opened again must be the same as before.
type handles struct {
	mu   sync.Mutex
	idle *list.List // of *folder, open and unused, the last used one in front
}

// maxIdle is the number of unused folders that stay open.
const maxIdle = 256

func newHandles() *handles { return &handles{idle: list.New()} }

// acquire opens a folder. The caller releases it.
func (hs *handles) acquire(f *folder) (*handle, error) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return hs.open(f)
}

func (hs *handles) open(f *folder) (*handle, error) {
	if f.h == nil {
		parent, err := hs.open(f.parent)
		if err != nil {
			return nil, err
		}
		h, err := parent.openFolder(f.name)
		hs.done(f.parent)
		if err != nil {
			if f.id.known() && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) {
				err = errExchanged
			}
			return nil, err
		}
		if err := f.take(h); err != nil {
			return nil, err
		}
	}
	if f.idle != nil {
		hs.idle.Remove(f.idle)
		f.idle = nil
	}
	f.users++
	return f.h, nil
}

// take records the identity of an opened folder, which must be the same as
// before. The caller holds mu.
func (f *folder) take(h *handle) error {
	id, err := h.id()
	if err == nil && f.id.known() && !f.id.is(id) {
		err = errExchanged
	}
	if err != nil {
		h.close()
		return err
	}
	f.h, f.id = h, id
	return nil
}

// adopt keeps a newly opened folder open.
func (hs *handles) adopt(f *folder, h *handle) error {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if err := f.take(h); err != nil {
		return err
	}
	f.users++
	hs.done(f)
	return nil
}

func (hs *handles) release(f *folder) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.done(f)
}

func (hs *handles) done(f *folder) {
	f.users--
	if f.users > 0 || f.parent == nil {
		return
	}
	f.idle = hs.idle.PushFront(f)
	for hs.idle.Len() > maxIdle {
		old := hs.idle.Remove(hs.idle.Back()).(*folder)
		old.idle = nil
		old.h.close()
		old.h = nil
	}
}

// close closes all folders but the target.
func (hs *handles) close() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for e := hs.idle.Front(); e != nil; e = e.Next() {
		f := e.Value.(*folder)
		f.idle = nil
		f.h.close()
		f.h = nil
	}
	hs.idle.Init()
}

// in runs fn with the opened folder.
func (hs *handles) in(f *folder, fn func(*handle) error) error {
	h, err := hs.acquire(f)
	if err != nil {
		return err
	}
	defer hs.release(f)
	return fn(h)
}
