package restore

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline"
)

// room is a folder that no other user may enter. New items that are no files
// are made in it, opened, and moved to their place when they are ready. In
// their place, another user of the folder could exchange them before they are
// opened.
type room struct {
	*handle
	name string
}

// inRoom is the name of the new item in a room. One goroutine makes it.
const inRoom = "new"

// newRoom makes a room in a folder, so that new items inherit from this folder.
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

// checkRoom makes sure that no other user may enter the opened folder, which
// may be another one than the new one. Only this program's user and root can
// make such a folder here.
func (h *handle) checkRoom(made *handle) error {
	var folder, probe unix.Stat_t
	if err := unix.Fstat(made.fd, &folder); err != nil {
		return err
	}
	others := func(st *unix.Stat_t) bool { return st.Mode&0o077 != 0 }
	if folder.Uid == uint32(os.Geteuid()) && !others(&folder) {
		return nil
	}
	// The file system may have one owner for all files, or no rights.
	err := h.probe(&probe)
	if err == nil && (folder.Uid != probe.Uid || others(&folder) && !others(&probe)) {
		err = errExchanged
	}
	return err
}

// probe makes a file and returns what the file system says of it.
func (h *handle) probe(st *unix.Stat_t) error {
	name := ".syncline-" + rand.Text()
	f, err := h.create(name)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fstat(f.fd, st), f.close(), h.remove(name, false))
}

// keepsRights reports whether the folder's file system has owners and modes.
func (h *handle) keepsRights() bool {
	var st unix.Stat_t
	err := h.probe(&st)
	return err != nil || st.Uid == uint32(os.Geteuid()) && st.Mode&0o077 == 0
}

// leave removes the room from its folder.
func (r *room) leave(h *handle) {
	r.close()
	_ = h.remove(r.name, true) // a room that another user has moved stays there, empty
}

// folder makes a folder and opens it. The name must be free.
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

// special makes a link, a pipe or a device. The name must be free. The item has
// its metadata before others can see it. An error of the metadata comes with
// made.
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

// isMade checks that the opened item is the new one, for file systems without
// rights that keep others out of the room.
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

// move moves the new item to its place. The name must be free.
func (r *room) move(to *handle, name string) error {
	err := unix.Renameat2(r.fd, inRoom, to.fd, name, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	// The file system cannot refuse to replace an item.
	if _, err := to.stat(name); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fs.ErrExist)
	}
	return unix.Renameat(r.fd, inRoom, to.fd, name)
}
