package restore

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/diskspace"
)

// handle is an opened folder. All its methods take single names, never paths.
type handle struct{ fd int }

// file is an opened regular file.
type file struct{ fd int }

// info describes the item with a name.
type info struct {
	mode  fs.FileMode
	size  int64
	used  int64 // bytes on disk
	mtime time.Time
	links uint64
	uid   uint32
	id    identity
}

// identity tells the items of a file system apart. The zero value is unknown.
type identity struct{ device, inode uint64 }

// isOwn reports whether the item belongs to its owner in the snapshot, or to
// the program's user. It is true for everything if owners are not restored.
func (i info) isOwn(e *syncline.Entry) bool {
	return !setsOwners() || i.uid == e.UID || i.uid == uint32(os.Geteuid())
}

// hasOwner reports whether a restore leaves the owner as it is.
func (i info) hasOwner(e *syncline.Entry) bool { return !setsOwners() || i.uid == e.UID }

func (i identity) known() bool            { return i != identity{} }
func (i identity) is(other identity) bool { return i == other }

// retrying repeats a call that a signal interrupted.
func retrying(call func() error) error {
	for {
		if err := call(); err != unix.EINTR { //nolint:errorlint // errno values are compared
			return err
		}
	}
}

func openAt(dir int, name string, flags int) (*handle, error) {
	fd := -1
	err := retrying(func() (err error) {
		fd, err = unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &handle{fd}, nil
}

func (h *handle) close() { _ = unix.Close(h.fd) } // nothing was written

func (h *handle) openFolder(name string) (*handle, error) {
	return openAt(h.fd, name, unix.O_DIRECTORY|unix.O_NOFOLLOW)
}

// names calls fn with the names in the folder, some at a time.
func (h *handle) names(fn func([]string) error) error {
	again, err := openAt(h.fd, ".", unix.O_DIRECTORY) // has a position of its own
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(again.fd), ".")
	defer f.Close()
	return someNames(f, fn)
}

func (h *handle) space() (diskspace.Space, error) { return (&file{h.fd}).space() }

// space returns the space of the file's file system.
func (f *file) space() (diskspace.Space, error) { return diskspace.Of(procPath(f.fd)) }

// id returns the folder's identity.
func (h *handle) id() (identity, error) {
	there, err := (&file{h.fd}).info()
	return there.id, err
}

func (h *handle) stat(name string) (info, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(h.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return info{}, err
	}
	return infoOf(&st), nil
}

func infoOf(st *unix.Stat_t) info {
	mode := fs.FileMode(st.Mode & 0o777)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	default:
		mode |= fs.ModeIrregular
	}
	return info{
		mode: mode, size: st.Size, used: st.Blocks * 512, mtime: time.Unix(st.Mtim.Unix()),
		links: uint64(st.Nlink), //nolint:unconvert // other architectures have 32 bits
		uid:   st.Uid, id: identity{st.Dev, st.Ino},
	}
}

// create makes a file. The name must be free.
func (h *handle) create(name string) (*file, error) {
	return h.openFile(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
}

// openExisting opens an existing regular file. It looks at the item's type
// before it opens it, and opens nothing else.
func (h *handle) openExisting(name string, write bool) (*file, info, error) {
	flags := unix.O_RDONLY
	if write {
		flags = unix.O_RDWR
	}
	at, err := h.openFile(name, unix.O_PATH)
	if err != nil {
		return nil, info{}, err
	}
	defer at.close() //nolint:errcheck // nothing was done with it
	there, err := at.info()
	if err == nil && !there.mode.IsRegular() {
		err = fs.ErrExist
	}
	if err != nil {
		return nil, info{}, err
	}
	f, err := openFD(at.fd, flags)
	if errors.Is(err, fs.ErrNotExist) { // /proc is missing
		f, err = h.openFile(name, flags|unix.O_NONBLOCK)
	}
	if err != nil {
		return nil, info{}, err
	}
	if now, err := f.info(); err != nil || !now.id.is(there.id) {
		return nil, info{}, errors.Join(err, f.close(), fs.ErrExist)
	}
	return f, there, nil
}

// openFD opens an opened item again, without using its name.
func openFD(of, flags int) (*file, error) {
	fd := -1
	err := retrying(func() (err error) {
		fd, err = unix.Open(procPath(of), flags|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &file{fd}, nil
}

// procPath is a path to an opened item, whatever its names are.
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

func (h *handle) openFile(name string, flags int) (*file, error) {
	fd := -1
	err := retrying(func() (err error) {
		fd, err = unix.Openat(h.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &file{fd}, nil
}

func (h *handle) remove(name string, isDir bool) error {
	flags := 0
	if isDir {
		flags = unix.AT_REMOVEDIR
	}
	return unix.Unlinkat(h.fd, name, flags)
}

// link gives a file a further name. expected checks the file, because a name in
// from may lead to another one meanwhile.
func (h *handle) link(from *handle, existing, name string, expected func(info) bool) error {
	at, err := from.openFile(existing, unix.O_PATH)
	if err != nil {
		return err
	}
	defer at.close() //nolint:errcheck // nothing was done with it
	there, err := at.info()
	if err == nil && !expected(there) {
		err = errExchanged
	}
	if err != nil {
		return err
	}
	err = unix.Linkat(unix.AT_FDCWD, procPath(at.fd), h.fd, name, unix.AT_SYMLINK_FOLLOW)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// /proc is missing.
	if err := unix.Linkat(from.fd, existing, h.fd, name, 0); err != nil {
		return err
	}
	if now, err := h.stat(name); err != nil || !now.id.is(there.id) {
		return errors.Join(errExchanged, err, h.remove(name, false))
	}
	return nil
}

func (f *file) info() (info, error) {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return info{}, err
	}
	return infoOf(&st), nil
}

func (f *file) truncate(size int64) error {
	return retrying(func() error { return unix.Ftruncate(f.fd, size) })
}

// WriteAt implements io.WriterAt.
func (f *file) WriteAt(b []byte, offset int64) (int, error) {
	return f.all(unix.Pwrite, b, offset, io.ErrShortWrite)
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(b []byte, offset int64) (int, error) {
	return f.all(unix.Pread, b, offset, io.EOF)
}

// all moves all bytes of b by as many calls as it takes; one that moves none ends it
// with short.
func (f *file) all(move func(fd int, b []byte, offset int64) (int, error), b []byte, offset int64, short error) (total int, err error) {
	for total < len(b) {
		n, err := move(f.fd, b[total:], offset+int64(total))
		total += max(n, 0)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return total, err
		case n == 0:
			return total, short
		}
	}
	return total, nil
}

func (f *file) close() error { return unix.Close(f.fd) }

// isFatal reports whether nothing more can be written after an error.
func isFatal(err error) bool {
	for _, errno := range []error{unix.ENOSPC, unix.EDQUOT, unix.EROFS, unix.EMFILE, unix.ENFILE} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// isFull and isReadOnly recognize the errors with messages of their own.
func isFull(err error) bool     { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
func isReadOnly(err error) bool { return errors.Is(err, unix.EROFS) }
