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
)

// handle is an opened folder. os.Root never leaves it, and whatever is made in
// it is made where nothing is, so a symbolic link is never written through.
type handle struct{ root *os.Root }

// file is an opened regular file.
type file struct {
	f    *os.File
	root *os.Root
	name string
}

// info is what is there under a name.
type info struct {
	mode  fs.FileMode
	size  int64
	mtime time.Time
	links uint64
	inode [2]uint64
	same  fs.FileInfo
}

func openTarget(path string) (*handle, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &handle{root}, nil
}

func (h *handle) close() { _ = h.root.Close() } // it was only read

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
	return &handle{root}, nil
}

// checked refuses names that mean something else on this system.
func (h *handle) checked(name string) (fs.FileInfo, error) {
	if !filepath.IsLocal(name) || filepath.Base(name) != name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return h.root.Lstat(name)
}

// names lists what is in the folder.
func (h *handle) names() ([]string, error) {
	f, err := h.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

func (h *handle) makeFolder(name string) error {
	if _, err := h.checked(name); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fs.ErrExist)
	}
	return h.root.Mkdir(name, 0o700)
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
	return info{mode: mode, size: fi.Size(), mtime: fi.ModTime(), links: 1, same: fi}
}

func (h *handle) create(name string) (*file, error) {
	if _, err := h.checked(name); !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, fs.ErrExist)
	}
	return h.openFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (h *handle) openExisting(name string, write bool) (*file, error) {
	fi, err := h.checked(name)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fs.ErrExist
	}
	if write {
		return h.openFile(name, os.O_RDWR)
	}
	return h.openFile(name, os.O_RDONLY)
}

func (h *handle) openFile(name string, flags int) (*file, error) {
	f, err := h.root.OpenFile(name, flags, 0o600)
	if err != nil {
		return nil, err
	}
	return &file{f, h.root, name}, nil
}

func (h *handle) remove(name string, _ bool) error {
	if _, err := h.checked(name); err != nil {
		return err
	}
	return h.root.Remove(name)
}

func (h *handle) link(from *handle, existing, name string) error {
	err := os.Link(filepath.Join(from.root.Name(), existing), filepath.Join(h.root.Name(), name))
	var at *os.LinkError
	if errors.As(err, &at) {
		return at.Err // without the paths
	}
	return err
}

func (h *handle) makeSpecial(name string, e *syncline.Entry) error {
	if e.Type == syncline.TypeSymlink {
		return h.root.Symlink(e.LinkTarget, name)
	}
	return &fs.PathError{Op: "make " + string(e.Type), Path: name, Err: errors.ErrUnsupported}
}

func (h *handle) applySpecial(name string, e *syncline.Entry, _ func(string) bool) error {
	return owner(h.root.Lchown(name, int(e.UID), int(e.GID)))
}

func (h *handle) apply(e *syncline.Entry, _ bool, _ func(string) bool) error {
	return apply(h.root, ".", e)
}

func (f *file) apply(e *syncline.Entry, _ bool, _ func(string) bool) error {
	return apply(f.root, f.name, e)
}

func apply(root *os.Root, name string, e *syncline.Entry) error {
	return errors.Join(
		owner(root.Lchown(name, int(e.UID), int(e.GID))),
		root.Chmod(name, e.Mode.Perm()),
		root.Chtimes(name, e.AccessTime, e.ModTime),
	)
}

// owner passes over what only root may do, and what the system does not know.
func owner(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

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
