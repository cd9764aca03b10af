package restore

import (
	"container/list"
	"sync"

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

	// Guarded by handles.mu.
	h     *handle
	users int
	idle  *list.Element
}

// handles keeps some folders open. A folder is opened from its parent's
// handle, never by a path, so no symbolic link can lead elsewhere.
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
		f.h, err = parent.openFolder(f.name)
		hs.done(f.parent)
		if err != nil {
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
