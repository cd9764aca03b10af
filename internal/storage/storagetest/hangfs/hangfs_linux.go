// Package hangfs mounts a file system that hangs when a test says so, as NFS and SMB do
// when their server is away: calls stay in the kernel, and only the end of the process
// ends them. It needs root and FUSE.
package hangfs

import (
	"sync"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncline.dev/syncline/internal/needtest"
)

// FS is a mounted file system that shows the files of another folder.
type FS struct {
	Path string // of the mount

	mu      sync.Mutex
	hang    chan struct{} // nil unless it hangs
	waiting int           // calls that hang
	changed chan struct{} // closed when waiting changes
}

// Mount mounts a file system with the files of a folder, for the test.
func Mount(t testing.TB, folder string) *FS {
	t.Helper()
	needtest.Full(t, "/dev/fuse")
	needtest.Root(t, "mount a file system")
	f := &FS{Path: t.TempDir(), changed: make(chan struct{})}
	root, err := fs.NewLoopbackRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	server, err := fuse.NewServer(gated{fs.NewNodeFS(root, &fs.Options{}), f}, f.Path, &fuse.MountOptions{
		DirectMountStrict: true, FsName: "hangfs", Name: "hangfs", MaxBackground: 1024,
	})
	if err != nil {
		t.Fatalf("no file system can be mounted with FUSE: %v", err)
	}
	go server.Serve()
	t.Cleanup(func() {
		f.Resume()
		if err := unix.Unmount(f.Path, unix.MNT_DETACH); err != nil {
			t.Errorf("the file system stays mounted: %v", err)
		}
	})
	if err := server.WaitMount(); err != nil {
		t.Fatal(err)
	}
	return f
}

// Hang makes every call hang from then on.
func (f *FS) Hang() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hang == nil {
		f.hang = make(chan struct{})
	}
}

// Resume answers all calls.
func (f *FS) Resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hang != nil {
		close(f.hang)
		f.hang = nil
	}
}

// Waiting returns the number of calls that hang, and a channel that is closed when it
// changes.
func (f *FS) Waiting() (calls int, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waiting, f.changed
}

// wait waits while the file system hangs, or until a signal interrupts the call. Go makes
// interrupted calls again.
func (f *FS) wait(cancel <-chan struct{}) fuse.Status {
	f.mu.Lock()
	hang := f.hang
	if hang == nil {
		f.mu.Unlock()
		return fuse.OK
	}
	f.count(1)
	f.mu.Unlock()
	status := fuse.OK
	select {
	case <-hang:
	case <-cancel:
		status = fuse.EINTR
	}
	f.mu.Lock()
	f.count(-1)
	f.mu.Unlock()
	return status
}

func (f *FS) count(by int) {
	f.waiting += by
	close(f.changed)
	f.changed = make(chan struct{})
}

// gated lets calls wait before it answers them.
type gated struct {
	fuse.RawFileSystem
	fs *FS
}

func (g gated) Lookup(cancel <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if status := g.fs.wait(cancel); !status.Ok() {
		return status
	}
	return g.RawFileSystem.Lookup(cancel, h, name, out)
}

func (g gated) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	if status := g.fs.wait(cancel); !status.Ok() {
		return status
	}
	return g.RawFileSystem.GetAttr(cancel, in, out)
}

func (g gated) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if status := g.fs.wait(cancel); !status.Ok() {
		return status
	}
	status := g.RawFileSystem.Open(cancel, in, out)
	out.OpenFlags |= fuse.FOPEN_DIRECT_IO // each read is a call
	return status
}

func (g gated) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	if status := g.fs.wait(cancel); !status.Ok() {
		return nil, status
	}
	return g.RawFileSystem.Read(cancel, in, buf)
}

func (g gated) Flush(cancel <-chan struct{}, in *fuse.FlushIn) fuse.Status {
	if status := g.fs.wait(cancel); !status.Ok() {
		return status
	}
	return g.RawFileSystem.Flush(cancel, in)
}

func (g gated) OpenDir(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if status := g.fs.wait(cancel); !status.Ok() {
		return status
	}
	return g.RawFileSystem.OpenDir(cancel, in, out)
}

func (g gated) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	if status := g.fs.wait(cancel); !status.Ok() {
		return status
	}
	return g.RawFileSystem.ReadDir(cancel, in, out)
}

func (g gated) ReadDirPlus(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	if status := g.fs.wait(cancel); !status.Ok() {
		return status
	}
	return g.RawFileSystem.ReadDirPlus(cancel, in, out)
}

func (g gated) StatFs(cancel <-chan struct{}, in *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	if status := g.fs.wait(cancel); !status.Ok() {
		return status
	}
	return g.RawFileSystem.StatFs(cancel, in, out)
}
