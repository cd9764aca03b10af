package restore

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline"
)

// applySpecial gives a new item of makeSpecial its metadata. The file is opened
// with O_PATH, so no call takes a name that another user could turn elsewhere.
func (f *file) applySpecial(e *syncline.Entry, chosen func(string) bool) error {
	owned, err := owner(unix.Fchownat(f.fd, "", int(e.UID), int(e.GID), unix.AT_EMPTY_PATH))
	if e.Type != syncline.TypeSymlink {
		err = errors.Join(err, f.chmodPath(modeBits(e.Mode, owned)))
	}
	for _, a := range e.ExtendedAttributes {
		if chosen(a.Name) {
			err = errors.Join(err, attribute(a.Name, unix.Setxattr(procPath(f.fd), a.Name, a.Value, 0)))
		}
	}
	return errors.Join(err, f.setTimesPath(e))
}

// chmodPath is fchmod for a file that is opened with O_PATH.
func (f *file) chmodPath(bits uint32) error {
	err := unix.Fchmodat(f.fd, "", bits, unix.AT_EMPTY_PATH)
	if errors.Is(err, errors.ErrUnsupported) { // before Linux 6.6
		err = unix.Chmod(procPath(f.fd), bits)
	}
	return err
}

// setTimesPath is futimens for a file that is opened with O_PATH.
func (f *file) setTimesPath(e *syncline.Entry) error {
	times := timespecs(e)
	err := unix.UtimesNanoAt(f.fd, "", times[:], unix.AT_EMPTY_PATH)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, fs.ErrNotExist) { // before Linux 5.8
		err = unix.UtimesNanoAt(unix.AT_FDCWD, procPath(f.fd), times[:], 0)
	}
	return err
}

// apply gives the folder its metadata.
func (h *handle) apply(e *syncline.Entry, fresh bool, chosen func(string) bool) error {
	return (&file{h.fd}).apply(e, fresh, chosen)
}

// apply gives the file its metadata, the times last. A file that existed before
// loses the attributes that the snapshot does not have. Attributes that are not
// chosen stay as they are.
func (f *file) apply(e *syncline.Entry, fresh bool, chosen func(string) bool) error {
	owned, err := owner(unix.Fchown(f.fd, int(e.UID), int(e.GID)))
	if !fresh {
		err = errors.Join(err, f.dropAttributes(e, chosen))
	}
	// After the owner, because changing the owner removes capabilities and
	// set-id bits.
	for _, a := range e.ExtendedAttributes {
		if chosen(a.Name) {
			err = errors.Join(err, attribute(a.Name, unix.Fsetxattr(f.fd, a.Name, a.Value, 0)))
		}
	}
	err = errors.Join(err, unix.Fchmod(f.fd, modeBits(e.Mode, owned)))
	return errors.Join(err, f.setTimes(e))
}

// owner ignores the error of a user who may not give files away. owned reports
// whether the owner was set. Bits that lend rights need it.
func owner(err error) (owned bool, _ error) {
	if err != nil && !setsOwners() && errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	return err == nil, err
}

// setsOwners reports whether files get the snapshot's owners.
func setsOwners() bool { return os.Geteuid() == 0 }

// errTooLong replaces an error that is about the whole file system if only one
// attribute has no room.
var errTooLong = errors.New("it is larger than the file system lets attributes be, or the file system is full")

// attribute ignores attributes that the file system cannot keep or that only
// root may set.
func attribute(name string, err error) error {
	privileged := strings.HasPrefix(name, "security.") || strings.HasPrefix(name, "trusted.")
	if err == nil || errors.Is(err, unix.ENOTSUP) || privileged && !setsOwners() && errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if isFull(err) {
		err = errTooLong
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
