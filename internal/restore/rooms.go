package restore

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"syncline.dev/syncline"
)

// maxRooms bounds the number of rooms at once.
const maxRooms = 16

// inRoomOf calls fn with a room for new items of a folder. A folder that this
// run made uses the room of the folder above it, so its items inherit the same
// as without rooms. When another user has removed an empty room, inRoomOf makes
// another.
func (r *run) inRoomOf(f *folder, fn func(*room) error) (err error) {
	for f.fresh && f.parent != nil {
		f = f.parent
	}
	for range 3 {
		if f.room == nil {
			if err := r.openRoom(f); err != nil {
				return err
			}
		}
		if err = fn(f.room); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		r.leaveRoom(f)
	}
	return err
}

func (r *run) openRoom(f *folder) error {
	if len(r.rooms) >= maxRooms {
		r.leaveRoom(r.rooms[0])
	}
	return r.handles.in(f, func(h *handle) (err error) {
		if f.room, err = h.newRoom(); err == nil {
			r.rooms = append(r.rooms, f)
		}
		return err
	})
}

// leaveRoom removes the folder's room, if it has one.
func (r *run) leaveRoom(f *folder) {
	if f.room == nil {
		return
	}
	r.rooms = slices.DeleteFunc(r.rooms, func(x *folder) bool { return x == f })
	err := r.handles.in(f, func(h *handle) error { f.room.leave(h); return nil })
	if err != nil {
		f.room.close() // the folder is not in its place
	}
	f.room = nil
}

func (r *run) leaveRooms() {
	for len(r.rooms) > 0 {
		r.leaveRoom(r.rooms[len(r.rooms)-1])
	}
}

// makeFolder opens a folder in an opened one, or makes it.
func (r *run) makeFolder(f *folder, in *handle) error {
	if !f.parent.fresh {
		switch done, err := r.enterFolder(f, in); {
		case done, err != nil:
			return err
		}
	}
	var h *handle
	err := r.inRoomOf(f.parent, func(x *room) (err error) {
		h, err = x.folder(in, f.name)
		return err
	})
	if err != nil {
		return err
	}
	f.fresh = true
	return errors.Join(r.handles.adopt(f, h), r.wrote(h, block))
}

// enterFolder opens an existing folder. It clears away an item of another type.
func (r *run) enterFolder(f *folder, in *handle) (done bool, err error) {
	h, err := in.openFolder(f.name)
	switch {
	case err == nil:
		return true, r.handles.adopt(f, h)
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	there, statErr := in.stat(f.name)
	switch {
	case statErr != nil || there.mode.IsDir():
		return false, err
	case r.Overwrite == syncline.OverwriteNever || r.Overwrite == syncline.OverwriteIfNewer:
		return false, errNoFolder
	}
	return false, in.remove(f.name, false)
}

// makeSpecial makes a link, a pipe or a device in an opened folder.
func (r *run) makeSpecial(dir *folder, in *handle, e *syncline.Entry) error {
	made := false
	var lost error
	err := r.inRoomOf(dir, func(x *room) (err error) {
		if made, lost = x.special(in, e, r.Attributes); !made {
			return lost
		}
		return nil
	})
	switch {
	case err != nil && e.Type != syncline.TypeSymlink && errors.Is(err, fs.ErrPermission):
		return syncline.WrapError(syncline.CodeForbidden, err, "only root may make devices")
	case err != nil:
		return err
	}
	r.count(func(x *Result) { x.Others++ })
	return errors.Join(lost, r.wrote(in, block))
}

// someNames calls fn with the names in an opened folder, some at a time.
func someNames(f *os.File, fn func([]string) error) error {
	const some = 1024
	for {
		names, err := f.Readdirnames(some)
		if len(names) > 0 {
			if err := fn(names); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
