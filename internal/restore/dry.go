package restore

import (
	"bytes"
	"errors"
	"io/fs"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/content"
)

// Action is what a run does, or would do, with an item.
type Action string

// The actions, with restic's names.
const (
	Restored  Action = "restored"  // it is new
	Updated   Action = "updated"   // some of its bytes are written
	Unchanged Action = "unchanged" // it is right, or stays as it is
	Deleted   Action = "deleted"
)

func (r *run) did(a Action, path string, size int64) {
	if r.Item != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.Item(a, path, size)
	}
}

// look finds out whether a folder exists, in a dry run.
func (r *run) look(f *folder) error {
	if f.fresh = f.parent.fresh; f.fresh {
		return nil
	}
	return r.handles.in(f.parent, func(h *handle) error {
		there, err := h.stat(f.name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.fresh = true
			return nil
		case err == nil && !there.mode.IsDir() && (r.Overwrite == syncline.OverwriteNever || r.Overwrite == syncline.OverwriteIfNewer):
			return errNoFolder
		}
		f.fresh = err == nil && !there.mode.IsDir()
		return err
	})
}

// preview reports the action for an item that is no folder.
func (r *run) preview(dir *folder, path string, e *syncline.Entry) error {
	t := &task{dir: dir, path: path, entry: e}
	needs, err := r.locate(t)
	if err != nil {
		return err
	}
	if e.Type == syncline.TypeFile && e.Links > 1 {
		key := linkOf(e)
		if t.first = r.links[key]; t.first == nil {
			r.links[key] = t
		}
	}
	action, differ := Restored, needs
	if !dir.fresh {
		err = r.handles.in(dir, func(h *handle) error {
			action, differ, err = r.previewOver(h, t, needs)
			return err
		})
	}
	e.Content = nil
	if err != nil {
		return err
	}
	written := sizeOf(differ)
	if t.first != nil {
		written = 0
	}
	r.count(func(x *Result) {
		x.Done += t.size
		x.Bytes += written
		switch {
		case t.skipped:
			x.Skipped++
		case e.Type != syncline.TypeFile:
			x.Others++
		default:
			x.Files++
			if action == Unchanged {
				x.Unchanged++
			}
		}
	})
	r.did(action, path, t.size)
	return nil
}

// previewOver is preview for an item whose name may be taken.
func (r *run) previewOver(h *handle, t *task, needs []need) (Action, []need, error) {
	there, err := h.stat(t.entry.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Restored, needs, nil
	case err != nil:
		return "", nil, err
	case r.keeps(there, t.entry):
		t.skipped = true
		return Unchanged, nil, nil
	case there.mode.IsDir():
		return Restored, needs, r.previewClear(h, t.entry.Name, t.path)
	case t.first != nil && there.links > 1 && r.isFirst(t.first, there):
		return Unchanged, nil, nil
	case !there.mode.IsRegular() || t.entry.Type != syncline.TypeFile || t.first != nil:
		return Restored, needs, nil
	}
	f, there, err := h.openExisting(t.entry.Name, false)
	if err != nil {
		return Restored, needs, nil //nolint:nilerr // a new file would take its place
	}
	if r.replaces(h, there, t.entry) {
		return Restored, needs, f.close()
	}
	differ := needs[:0:0]
	if r.Overwrite != syncline.OverwriteIfChanged || !looksRight(there, t) {
		var buf bytes.Buffer
		if differ, err = r.differing(f, needs, &buf); err != nil {
			return "", nil, errors.Join(err, f.close())
		}
	}
	action := Unchanged
	if len(differ) > 0 || there.size != t.size {
		action = Updated
	}
	return action, differ, f.close()
}

// isFirst reports whether the existing item is a name of the first file
// already.
func (r *run) isFirst(first *task, there info) bool {
	if first.dir.fresh {
		return false
	}
	err := r.handles.in(first.dir, func(h *handle) error {
		at, err := h.stat(first.entry.Name)
		if err == nil && !at.id.is(there.id) {
			err = fs.ErrNotExist
		}
		return err
	})
	return err == nil
}

// previewClear returns the error of clearing an item away.
func (r *run) previewClear(h *handle, name, path string) error {
	if r.Delete {
		return r.erase(h, name, path, 1)
	}
	sub, err := h.openFolder(name)
	if err != nil {
		return err
	}
	defer sub.close()
	return sub.names(func([]string) error { return errFolder })
}

// linkOf returns the key of a file with several names. The content belongs to
// it, so that two files with the same numbers stay two.
func linkOf(e *syncline.Entry) linkKey {
	return linkKey{e.DeviceID, e.Inode, e.Size, content.ContentID(e.Content)}
}
