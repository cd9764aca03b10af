package restore

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline"
)

// handle is an opened folder. All its methods take single names, never paths.
type handle struct{ fd int }

// file is an opened regular file.
type file struct{ fd int }

// info is what is there under a name.
type info struct {
	mode  fs.FileMode
	size  int64
	mtime time.Time
	links uint64
	inode [2]uint64 // with the device's number
}

// retrying repeats a call that a signal interrupted.
func retrying(call func() error) error {
	for {
		if err := call(); err != unix.EINTR { //nolint:errorlint // errno values are compared
			return err
		}
	}
}

// openTarget opens the folder to restore into. Links in its own path are the
// user's and are followed.
func openTarget(path string) (*handle, error) {
	return openAt(unix.AT_FDCWD, path, unix.O_DIRECTORY)
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

func (h *handle) close() { _ = unix.Close(h.fd) } // it was only read

func (h *handle) openFolder(name string) (*handle, error) {
	return openAt(h.fd, name, unix.O_DIRECTORY|unix.O_NOFOLLOW)
}

// names lists what is in the folder.
func (h *handle) names() ([]string, error) {
	again, err := openAt(h.fd, ".", unix.O_DIRECTORY) // with a position of its own
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(again.fd), ".")
	defer f.Close()
	return f.Readdirnames(-1)
}

func (h *handle) makeFolder(name string) error { return unix.Mkdirat(h.fd, name, 0o700) }

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
		mode: mode, size: st.Size, mtime: time.Unix(st.Mtim.Unix()), links: st.Nlink,
		inode: [2]uint64{st.Dev, st.Ino},
	}
}

// create makes a file where nothing is.
func (h *handle) create(name string) (*file, error) {
	return h.openFile(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
}

// openExisting opens a regular file that is there.
func (h *handle) openExisting(name string, write bool) (*file, error) {
	flags := unix.O_RDONLY
	if write {
		flags = unix.O_RDWR
	}
	f, err := h.openFile(name, flags|unix.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, errors.Join(err, f.close(), fs.ErrExist)
	}
	return f, nil
}

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

func (h *handle) link(from *handle, existing, name string) error {
	return unix.Linkat(from.fd, existing, h.fd, name, 0)
}

// makeSpecial makes what is neither a file nor a folder.
func (h *handle) makeSpecial(name string, e *syncline.Entry) error {
	switch e.Type {
	case syncline.TypeSymlink:
		return unix.Symlinkat(e.LinkTarget, h.fd, name)
	case syncline.TypeFifo:
		return unix.Mknodat(h.fd, name, unix.S_IFIFO|0o600, 0)
	case syncline.TypeDevice:
		return unix.Mknodat(h.fd, name, unix.S_IFBLK|0o600, int(e.Device))
	case syncline.TypeCharDev:
		return unix.Mknodat(h.fd, name, unix.S_IFCHR|0o600, int(e.Device))
	}
	return unix.EINVAL
}

// applySpecial gives what makeSpecial made its metadata.
func (h *handle) applySpecial(name string, e *syncline.Entry, chosen func(string) bool) error {
	owned, err := owner(unix.Fchownat(h.fd, name, int(e.UID), int(e.GID), unix.AT_SYMLINK_NOFOLLOW))
	if e.Type != syncline.TypeSymlink {
		// Only we know of the new name: nobody has put a link in its place.
		err = errors.Join(err, unix.Fchmodat(h.fd, name, modeBits(e.Mode, owned), 0))
	}
	// There is no other way to a link's own attributes than a path; this one
	// begins at the opened folder.
	path := "/proc/self/fd/" + strconv.Itoa(h.fd) + "/" + name
	for _, a := range e.ExtendedAttributes {
		if chosen(a.Name) {
			err = errors.Join(err, attribute(a.Name, unix.Lsetxattr(path, a.Name, a.Value, 0)))
		}
	}
	times := timespecs(e)
	return errors.Join(err, unix.UtimesNanoAt(h.fd, name, times[:], unix.AT_SYMLINK_NOFOLLOW))
}

// apply gives the folder its metadata.
func (h *handle) apply(e *syncline.Entry, fresh bool, chosen func(string) bool) error {
	return (&file{h.fd}).apply(e, fresh, chosen)
}

// apply gives the file its metadata, the times last. A file that was there
// before loses the attributes it should not have. Attributes that are not
// chosen are left alone.
func (f *file) apply(e *syncline.Entry, fresh bool, chosen func(string) bool) error {
	owned, err := owner(unix.Fchown(f.fd, int(e.UID), int(e.GID)))
	if !fresh {
		err = errors.Join(err, f.dropAttributes(e, chosen))
	}
	// Behind the owner, which takes capabilities and set-id bits away.
	for _, a := range e.ExtendedAttributes {
		if chosen(a.Name) {
			err = errors.Join(err, attribute(a.Name, unix.Fsetxattr(f.fd, a.Name, a.Value, 0)))
		}
	}
	err = errors.Join(err, unix.Fchmod(f.fd, modeBits(e.Mode, owned)))
	return errors.Join(err, f.setTimes(e))
}

// owner takes it that only root gives files away. Where the owner could not be
// set, the bits that lend rights must not be either.
func owner(err error) (owned bool, _ error) {
	if err != nil && os.Geteuid() != 0 && errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	return err == nil, err
}

// attribute passes over what the file system cannot keep, and what only root
// may set.
func attribute(name string, err error) error {
	privileged := strings.HasPrefix(name, "security.") || strings.HasPrefix(name, "trusted.")
	if err == nil || errors.Is(err, unix.ENOTSUP) || privileged && os.Geteuid() != 0 && errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return &fs.PathError{Op: "set attribute", Path: name, Err: err}
}

func (f *file) dropAttributes(e *syncline.Entry, chosen func(string) bool) error {
	size, err := unix.Flistxattr(f.fd, nil)
	if err != nil || size == 0 {
		return nil //nolint:nilerr // a file system without attributes has none to drop
	}
	buf := make([]byte, size+1024)
	if size, err = unix.Flistxattr(f.fd, buf); err != nil {
		return err
	}
	keep := make(map[string]bool)
	for _, a := range e.ExtendedAttributes {
		keep[a.Name] = true
	}
	for name := range strings.SplitSeq(string(buf[:size]), "\x00") {
		if name != "" && !keep[name] && chosen(name) {
			err = errors.Join(err, attribute(name, unix.Fremovexattr(f.fd, name)))
		}
	}
	return err
}

func modeBits(mode fs.FileMode, owned bool) uint32 {
	bits := uint32(mode.Perm())
	if owned && mode&fs.ModeSetuid != 0 {
		bits |= unix.S_ISUID
	}
	if owned && mode&fs.ModeSetgid != 0 {
		bits |= unix.S_ISGID
	}
	if mode&fs.ModeSticky != 0 {
		bits |= unix.S_ISVTX
	}
	return bits
}

func timespecs(e *syncline.Entry) [2]unix.Timespec {
	one := func(t time.Time) unix.Timespec {
		return unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
	}
	return [2]unix.Timespec{one(e.AccessTime), one(e.ModTime)}
}

// setTimes is futimens, which the library lacks: utimensat without a path.
func (f *file) setTimes(e *syncline.Entry) error {
	times := timespecs(e)
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(f.fd), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	if errno != 0 {
		return errno
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
func (f *file) WriteAt(b []byte, offset int64) (total int, err error) {
	for total < len(b) {
		n, err := unix.Pwrite(f.fd, b[total:], offset+int64(total))
		total += max(n, 0)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return total, err
		case n == 0:
			return total, io.ErrShortWrite
		}
	}
	return total, nil
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(b []byte, offset int64) (total int, err error) {
	for total < len(b) {
		n, err := unix.Pread(f.fd, b[total:], offset+int64(total))
		total += max(n, 0)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return total, err
		case n == 0:
			return total, io.EOF
		}
	}
	return total, nil
}

func (f *file) close() error { return unix.Close(f.fd) }

// isFatal reports whether an error means that nothing more can be written.
func isFatal(err error) bool {
	for _, errno := range []error{unix.ENOSPC, unix.EDQUOT, unix.EROFS, unix.EMFILE, unix.ENFILE} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// isFull and isReadOnly tell the reasons that have messages of their own.
func isFull(err error) bool     { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
func isReadOnly(err error) bool { return errors.Is(err, unix.EROFS) }
