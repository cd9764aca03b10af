package restore

import (
	"errors"
	"io/fs"

	"syncline.dev/syncline"
)

// purge removes the items of a folder that the snapshot does not have, as far
// as the filter selects them. It removes everything below such an item without
// asking the filter again.
func (r *run) purge(dir *folder, keep map[string]bool) error {
	if dir.fresh {
		return nil
	}
	return r.settle(dir.path+"/", r.handles.in(dir, func(h *handle) error {
		return h.names(func(names []string) error {
			for _, name := range names {
				path := dir.path + "/" + name
				selected, _, err := r.choose.Select(r.ctx, path)
				switch {
				case err != nil:
					return err
				case keep[nameKey(name)] || !selected:
					continue
				}
				if err := r.settle(path, r.erase(h, name, path, dir.depth+1)); err != nil {
					return err
				}
			}
			return nil
		})
	}))
}

// erase removes an item and everything below it, without following a link. In a
// dry run it only reports them.
func (r *run) erase(h *handle, name, path string, depth int) error {
	there, err := h.stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case r.ctx.Err() != nil:
		return r.ctx.Err()
	case depth > maxDepth:
		return syncline.Errorf(syncline.CodeTooLarge, "folders are nested more than %d deep; remove it by hand", maxDepth)
	}
	if there.mode.IsDir() {
		if err := r.eraseBelow(h, name, path, depth); err != nil {
			return err
		}
	}
	if !r.DryRun {
		if err := h.remove(name, there.mode.IsDir()); err != nil {
			return err
		}
	}
	r.count(func(x *Result) { x.Deleted++ })
	r.did(Deleted, path, 0)
	return nil
}

func (r *run) eraseBelow(h *handle, name, path string, depth int) error {
	sub, err := h.openFolder(name)
	if err != nil {
		return err
	}
	defer sub.close()
	return sub.names(func(names []string) error {
		for _, below := range names {
			if err := r.erase(sub, below, path+"/"+below, depth+1); err != nil {
				return err
			}
		}
		return nil
	})
}
