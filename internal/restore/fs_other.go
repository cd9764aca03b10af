//go:build !linux

package restore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/diskspace"
)

// handle is an opened folder. os.Root never leaves the target, and new items
// need a free name, so nothing is written through a symbolic link. Metadata
// goes through the opened item, never through a name.
type handle struct {
	root, top *os.Root // top is the target
	rel       string   // path from top
}

// file is an opened regular file.
type file struct{ f *os.File }

// info describes the item with a name.
type info struct {
	mode  fs.FileMode
	size  int64
	used  int64
	mtime time.Time
	links uint64
	id    identity
}

// identity tells the items of a file system apart. The zero value is unknown.
type identity struct{ fs.FileInfo }

func (i identity) known() bool { return i.FileInfo != nil }

func (i identity) is(other identity) bool {
	return i.known() && other.known() && os.SameFile(i.FileInfo, other.FileInfo)
}

// Owners are not compared on these systems.
func (info) isOwn(*syncline.Entry) bool    { return true }
func (info) hasOwner(*syncline.Entry) bool { return true }
func (*handle) keepsRights() bool          { return !onWindows }

// openTarget opens the folder to restore into. With make, it makes missing
// folders. It follows links in the path, which are the user's.
func openTarget(path string, make bool) (*handle, error) {
	if make {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, err
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &handle{root, root, "."}, nil
}

func (h *handle) close() { _ = h.root.Close() } // nothing was written

func (h *handle) openFolder(name string) (*handle, error) {
	fi, err := h.checked(name)
	if err != nil {
		return nil, err
	}
	if !fi.IsDir() {
		return nil, syscall.ENOTDIR
	}
	root, err := h.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	sub := &handle{root, h.top, filepath.Join(h.rel, name)}
	if id, err := sub.id(); err != nil || !id.is(identity{fi}) {
		sub.close()
		return nil, errors.Join(errExchanged, err)
	}
	return sub, nil
}

func (h *handle) space() (diskspace.Space, error) { return diskspace.Of(h.root.Name()) }

// space returns the space of the file's file system.
func (f *file) space() (diskspace.Space, error) { return diskspace.Of(f.f.Name()) }

// id returns the folder's identity.
func (h *handle) id() (identity, error) {
	fi, err := h.root.Stat(".")
	return identity{fi}, err
}

// checked refuses names with another meaning on this system.
func (h *handle) checked(name string) (fs.FileInfo, error) {
	if !filepath.IsLocal(name) || filepath.Base(name) != name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return h.root.Lstat(name)
}

// names calls fn with the names in the folder, some at a time.
func (h *handle) names(fn func([]string) error) error {
	f, err := h.root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return someNames(f, fn)
}

// room makes new items in their place, because these systems have no calls
// without names for it.
type room struct{}

func (h *handle) newRoom() (*room, error) { return &room{}, nil }
func (*room) leave(*handle)               {}
func (*room) close()                      {}

func (*room) folder(to *handle, name string) (*handle, error) { return to.newFolder(name) }

// newFolder makes a folder and opens it. The name must be free.
func (h *handle) newFolder(name string) (*handle, error) {
	if _, err := h.checked(name); !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, fs.ErrExist)
	}
	if err := h.root.Mkdir(name, 0o700); err != nil {
		return nil, err
	}
	return h.openFolder(name)
}

func (*room) special(to *handle, e *syncline.Entry, _ func(string) bool) (made bool, err error) {
	if e.Type != syncline.TypeSymlink {
		return false, &fs.PathError{Op: "make " + string(e.Type), Path: e.Name, Err: errors.ErrUnsupported}
	}
	if err := to.root.Symlink(e.LinkTarget, e.Name); err != nil {
		return false, err
	}
	if !setsOwners() {
		return true, nil
	}
	// The only call by a name. It follows no link, and only root makes it.
	return true, owner(to.root.Lchown(e.Name, int(e.UID), int(e.GID)))
}

func (h *handle) stat(name string) (info, error) {
	fi, err := h.checked(name)
	if err != nil {
		return info{}, err
	}
	return infoOf(fi), nil
}

func infoOf(fi fs.FileInfo) info {
	mode := fi.Mode()
	if t := mode.Type(); t != 0 && t != fs.ModeDir && t != fs.ModeSymlink {
		mode = fs.ModeIrregular
	}
	return info{mode: mode, size: fi.Size(), used: fi.Size(), mtime: fi.ModTime(), links: 1, id: identity{fi}}
}

func (h *handle) create(name string) (*file, error) {
	if _, err := h.checked(name); !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, fs.ErrExist)
	}
	return h.openFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (h *handle) openExisting(name string, write bool) (*file, info, error) {
	fi, err := h.checked(name)
	if err != nil {
		return nil, info{}, err
	}
	if !fi.Mode().IsRegular() {
		return nil, info{}, fs.ErrExist
	}
	flags := os.O_RDONLY
	if write {
		flags = os.O_RDWR
	}
	f, err := h.openFile(name, flags)
	if err != nil {
		return nil, info{}, err
	}
	there, err := f.info()
	if err != nil || !there.id.is(identity{fi}) {
		return nil, info{}, errors.Join(fs.ErrExist, err, f.close())
	}
	return f, there, nil
}

func (h *handle) openFile(name string, flags int) (*file, error) {
	f, err := h.root.OpenFile(name, flags, 0o600)
	if err != nil {
		return nil, err
	}
	return &file{f}, nil
}

func (h *handle) remove(name string, _ bool) error {
	if _, err := h.checked(name); err != nil {
		return err
	}
	return h.root.Remove(name)
}

// link gives a file a further name. expected checks the file.
func (h *handle) link(from *handle, existing, name string, expected func(info) bool) error {
	err := h.top.Link(filepath.Join(from.rel, existing), filepath.Join(h.rel, name))
	if err != nil {
		var at *os.LinkError
		if errors.As(err, &at) {
			return at.Err // without the paths
		}
		return err
	}
	if there, err := h.stat(name); err != nil || !expected(there) {
		return errors.Join(errExchanged, err, h.remove(name, false))
	}
	return nil
}

func (h *handle) apply(e *syncline.Entry, _ bool, _ func(string) bool) error {
	if onWindows { // Windows opens no folder for changes
		return errors.Join(h.root.Chmod(".", e.Mode.Perm()), h.root.Chtimes(".", e.AccessTime, e.ModTime))
	}
	f, err := h.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(apply(f, e), f.Close())
}

func (f *file) apply(e *syncline.Entry, _ bool, _ func(string) bool) error { return apply(f.f, e) }

func apply(f *os.File, e *syncline.Entry) error {
	return errors.Join(owner(f.Chown(int(e.UID), int(e.GID))), f.Chmod(e.Mode.Perm()), setTimes(f, e))
}

// owner ignores errors of rights that only root has, and of features that the
// system lacks.
func owner(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// setsOwners reports whether files get the snapshot's owners.
func setsOwners() bool { return os.Geteuid() == 0 }

func (f *file) info() (info, error) {
	fi, err := f.f.Stat()
	if err != nil {
		return info{}, err
	}
	return infoOf(fi), nil
}

func (f *file) truncate(size int64) error { return f.f.Truncate(size) }

// WriteAt implements io.WriterAt.
func (f *file) WriteAt(b []byte, offset int64) (int, error) { return f.f.WriteAt(b, offset) }

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(b []byte, offset int64) (int, error) { return f.f.ReadAt(b, offset) }

func (f *file) close() error { return f.f.Close() }

func isFatal(err error) bool { return isFull(err) || isReadOnly(err) }

func isFull(err error) bool     { return errors.Is(err, syscall.ENOSPC) }
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
