package restore

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"math"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline"
)

// room is a folder that nobody else may enter. What is made anew and is no
// file is made there, opened, and moved to its place when it is ready: in its
// place, another user of the folder could put something else under its name
// before it is opened.
type room struct {
	*handle
	name string
}

// inRoom is the name in a room of what is being made. It is made by one
// goroutine.
const inRoom = "new"

// newRoom makes a room in a folder. What is made in it inherits from there what
// it would inherit in the folder itself.
func (h *handle) newRoom() (*room, error) {
	name := ".syncline-" + rand.Text()
	if err := unix.Mkdirat(h.fd, name, 0o700); err != nil {
		return nil, err
	}
	r := &room{name: name}
	var err error
	if r.handle, err = h.openFolder(name); err == nil {
		if err = h.checkRoom(r.handle); err != nil {
			r.close()
		}
	}
	if err != nil {
		return nil, errors.Join(err, h.remove(name, true))
	}
	return r, nil
}

// checkRoom makes sure that nobody else may enter the folder, which may not be
// the one that was made. Only we and root can make such a folder here.
func (h *handle) checkRoom(made *handle) error {
	var folder, probe unix.Stat_t
	if err := unix.Fstat(made.fd, &folder); err != nil {
		return err
	}
	others := func(st *unix.Stat_t) bool { return st.Mode&0o077 != 0 }
	if folder.Uid == uint32(os.Geteuid()) && !others(&folder) {
		return nil
	}
	// It may be a file system that has one owner for all, or no rights.
	err := h.probe(&probe)
	if err == nil && (folder.Uid != probe.Uid || others(&folder) && !others(&probe)) {
		err = errExchanged
	}
	return err
}

// probe makes a file, which is surely ours, to see what ours look like.
func (h *handle) probe(st *unix.Stat_t) error {
	name := ".syncline-" + rand.Text()
	f, err := h.create(name)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fstat(f.fd, st), f.close(), h.remove(name, false))
}

// keepsRights reports whether the folder's file system knows owners and modes.
func (h *handle) keepsRights() bool {
	var st unix.Stat_t
	err := h.probe(&st)
	return err != nil || st.Uid == uint32(os.Geteuid()) && st.Mode&0o077 == 0
}

// leave removes the room from the folder that it is in.
func (r *room) leave(h *handle) {
	r.close()
	_ = h.remove(r.name, true) // somebody may have moved it: then it stays where that is, empty
}

// folder makes a folder where nothing is, and opens it.
func (r *room) folder(to *handle, name string) (*handle, error) {
	if err := unix.Mkdirat(r.fd, inRoom, 0o700); err != nil {
		return nil, err
	}
	h, err := r.openFolder(inRoom)
	if err == nil {
		if err = r.move(to, name); err != nil {
			h.close()
		}
	}
	if err != nil {
		return nil, errors.Join(err, r.remove(inRoom, true))
	}
	return h, nil
}

// special makes a link, a pipe or a device where nothing is. It has its
// metadata before anybody sees it. A metadata error comes beside made.
func (r *room) special(to *handle, e *syncline.Entry, chosen func(string) bool) (made bool, err error) {
	if err := r.makeSpecial(e); err != nil {
		return false, err
	}
	f, err := r.openFile(inRoom, unix.O_PATH)
	var lost error
	if err == nil {
		if err = isMade(f, e); err == nil {
			lost = f.applySpecial(e, chosen)
			err = r.move(to, e.Name)
		}
		err = errors.Join(err, f.close())
	}
	if err != nil {
		return false, errors.Join(err, r.remove(inRoom, false))
	}
	return true, lost
}

// isMade makes sure that what was opened is what was made, should the file
// system have no rights that keep others out of the room.
func isMade(f *file, e *syncline.Entry) error {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return err
	}
	want, device := kindOf(e)
	if st.Mode&unix.S_IFMT != want || st.Rdev != device || st.Nlink != 1 {
		return errExchanged
	}
	return nil
}

func kindOf(e *syncline.Entry) (kind uint32, device uint64) {
	switch e.Type {
	case syncline.TypeSymlink:
		return unix.S_IFLNK, 0
	case syncline.TypeFifo:
		return unix.S_IFIFO, 0
	case syncline.TypeDevice:
		return unix.S_IFBLK, e.Device
	case syncline.TypeCharDev:
		return unix.S_IFCHR, e.Device
	}
	return 0, 0
}

func (r *room) makeSpecial(e *syncline.Entry) error {
	kind, device := kindOf(e)
	switch kind {
	case 0:
		return unix.EINVAL
	case unix.S_IFLNK:
		return unix.Symlinkat(e.LinkTarget, r.fd, inRoom)
	}
	if device > math.MaxUint32 {
		return unix.EINVAL // the system has no such number
	}
	return unix.Mknodat(r.fd, inRoom, kind|0o600, int(device))
}

// move moves what was made to its place, where nothing may be.
func (r *room) move(to *handle, name string) error {
	err := unix.Renameat2(r.fd, inRoom, to.fd, name, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	// The file system cannot refuse to replace something.
	if _, err := to.stat(name); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fs.ErrExist)
	}
	return unix.Renameat(r.fd, inRoom, to.fd, name)
}

// maxLinks is how many links a target's path may lead through.
const maxLinks = 40

// openTarget opens the folder to restore into; with make it makes what is
// missing. Links in its own path are followed where they are the user's own or
// root's: those that others made could lead anywhere.
func openTarget(path string, make bool) (*handle, error) {
	start := "."
	if strings.HasPrefix(path, "/") {
		start = "/"
	}
	at, err := openAt(unix.AT_FDCWD, start, unix.O_DIRECTORY|unix.O_PATH)
	rest := strings.Split(path, "/")
	for links := 0; err == nil && len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		var next *handle
		var to string
		next, to, err = at.step(name, make)
		if err == nil && next == nil {
			if links++; links > maxLinks {
				err = unix.ELOOP
				continue
			}
			rest = append(strings.Split(to, "/"), rest...)
			if !strings.HasPrefix(to, "/") {
				continue
			}
			next, err = openAt(unix.AT_FDCWD, "/", unix.O_DIRECTORY|unix.O_PATH)
		}
		at.close()
		at = next
	}
	if err != nil {
		if at != nil {
			at.close()
		}
		return nil, err
	}
	defer at.close()
	return openAt(at.fd, ".", unix.O_DIRECTORY)
}

// step opens what a name in a folder leads to, or returns where the link of
// that name points.
func (h *handle) step(name string, make bool) (next *handle, link string, err error) {
	f, err := h.openFile(name, unix.O_PATH)
	if make && errors.Is(err, fs.ErrNotExist) {
		next, err = h.makeWay(name)
		return next, "", err
	}
	if err != nil {
		return nil, "", err
	}
	there, err := f.info()
	if err == nil && there.mode.IsDir() {
		return &handle{f.fd}, "", nil
	}
	switch {
	case err != nil:
	case there.mode.Type() != fs.ModeSymlink:
		err = unix.ENOTDIR
	case there.uid != 0 && there.uid != uint32(os.Geteuid()):
		err = syncline.Errorf(syncline.CodeUnavailable, "the link %s in its path belongs to another user; name the folder that it leads to", name)
	default:
		buf := [unix.PathMax]byte{}
		var n int
		n, err = unix.Readlinkat(f.fd, "", buf[:])
		link = string(buf[:max(n, 0)])
	}
	return nil, link, errors.Join(err, f.close())
}

// makeWay makes a folder on the way to the target.
func (h *handle) makeWay(name string) (*handle, error) {
	real, err := openAt(h.fd, ".", unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer real.close()
	return real.newFolder(name)
}

// newFolder makes a folder where nothing is, in a room of its own.
func (h *handle) newFolder(name string) (*handle, error) {
	r, err := h.newRoom()
	if err != nil {
		return nil, err
	}
	defer r.leave(h)
	return r.folder(h, name)
}
