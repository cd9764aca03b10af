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
	made   bool  // it is there
	fresh  bool  // it was made by this run, so nothing was in it
	failed error // why it could not be made
	room   *room // for what is made in it, and below it in fresh folders; the walk's

	// Guarded by handles.mu.
	id    identity // known when it was opened once
	h     *handle
	users int
	idle  *list.Element
}

// errExchanged is what a name leads to that another user turned elsewhere.
var errExchanged = syncline.Errorf(syncline.CodeConflict, "somebody else put something in its place while it was restored; keep others out of the target")

// handles keeps some folders open. A folder is opened from its parent's
// handle, never by a path, so no symbolic link can lead elsewhere. One that is
// opened anew must be the one that it was before.
type handles struct {
	mu   sync.Mutex
	idle *list.List // of *folder, open and without users, the one used last in front
}

// maxIdle is how many folders stay open that nobody uses.
const maxIdle = 256

func newHandles() *handles { return &handles{idle: list.New()} }

// acquire opens a folder; release it afterwards.
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

// take makes the folder the one that was opened, which must be the one that it
// was before. The caller holds mu.
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

// adopt keeps a folder open that was opened just now.
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
