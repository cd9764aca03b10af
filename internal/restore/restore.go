package restore

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/content"
)

// Result counts the work of a run.
type Result struct {
	syncline.RestoreStatistics
	Deleted int64 // items that were in the target only
	Done    int64 // bytes of TotalBytes without work left
}

// Reporter receives the events of a run, from one goroutine at a time.
type Reporter interface {
	// Failed is called with an item that could not be restored as it was.
	Failed(path string, err error)
	// Noted is called with an item that differs from the snapshot, and a
	// detail.
	Noted(path string, n Note, detail string)
	Progress(Result)
}

// Options say how to restore.
type Options struct {
	Filter    *Filter                   // nil selects all
	Within    string                    // folder below the target to restore into; "." for the target itself
	Limit     int64                     // bound on the number of items; 0 for 500 million
	Overwrite syncline.RestoreOverwrite // "" for OverwriteAlways
	// Attributes chooses the extended attributes that are restored, or changed
	// in files that exist; nil for all.
	Attributes func(name string) bool
	// Owner sets the numbers of an entry's owner and group before it is
	// restored. nil leaves them as they are.
	Owner func(e *syncline.Entry)
	// Unprivileged leaves out everything that lends rights, and notes it:
	// set-id bits, attributes that the system trusts, and devices.
	Unprivileged bool

	// KeepFree returns the bytes that stay free on a file system of a size. A
	// run without enough room is refused, and a run that reaches the bound
	// ends. With nil a run ends when the file system is full.
	KeepFree func(total int64) int64

	Sparse bool // in new files, zeros become holes
	Verify bool // files are read back and compared
	// Delete removes items from the restored folders that the snapshot does not
	// have, as far as Filter selects them.
	Delete bool
	// DryRun writes and removes nothing. Result and Item say what would happen.
	DryRun bool
	// Item is called with each deleted item, and in a dry run with each item
	// that would be restored, one at a time like the Reporter. It may be nil.
	Item     func(a Action, path string, size int64)
	Reporter Reporter
}

// maxDepth bounds the depth of folders. restic makes no deeper ones.
const maxDepth = 4096

// run is one restore. One goroutine walks. The goroutines that work on a
// group's files share only the fields that mu guards.
type run struct {
	Options
	ctx     context.Context //nolint:containedctx // a run lives as long as the call
	tree    Tree
	source  *content.Source
	handles *handles
	target  *folder
	choose  *Selector
	links   map[linkKey]*task // the first file of each set of hard links
	group   group
	rooms   []*folder    // folders with a room, the oldest first
	open    atomic.Int64 // number of open files
	unseen  atomic.Int64 // bytes written since the last look at the free space

	probe    sync.Once // sets noRights
	noRights bool      // the file system has no owners and modes

	mu     sync.Mutex // guards result and calls of the Reporter
	result Result
}

// Run restores the items below a tree into the folder target, which it makes if
// it is missing. With Within the target must exist, and no symbolic link below
// it is followed. Run reports and counts items that it cannot restore, and
// restores all others. An error means that the run ended early, and another run
// continues there. One case is lost: if Overwrite keeps files and the process
// was killed, half a file looks like one that existed before.
func Run(ctx context.Context, tree Tree, source *content.Source, target string, o Options) (Result, error) {
	r := &run{Options: o, ctx: ctx, tree: tree, source: source, handles: newHandles(), links: make(map[linkKey]*task), choose: o.Filter.Selector()}
	whole, err := r.measured(cmp.Or(o.Limit, defaultLimit))
	if err != nil {
		return Result{}, err
	}
	h, err := openBelow(target, o.Within, o.DryRun)
	if err != nil {
		return whole.result(), targetError(err)
	}
	if h != nil {
		defer h.close()
	}
	r.target = &folder{made: true, fresh: h == nil, h: h, users: 1}
	r.setAttributes()
	defer r.handles.close()
	r.result = whole.result()
	r.tell()
	defer r.leaveRooms()
	root := &spot{}
	if !r.DryRun {
		if err := r.fits(root, whole); err != nil {
			return r.result, err
		}
	}
	if _, err = r.walk(root, r.target); err == nil {
		err = r.flush()
	}
	return r.result, err
}

// openBelow opens the folder to restore into and makes its missing parts. In a
// dry run a missing part has no handle.
func openBelow(target, within string, dry bool) (*handle, error) {
	if dry {
		h, err := openTarget(filepath.Join(target, within), false)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil //nolint:nilnil // there is no folder, and no error
		}
		return h, err
	}
	make := within == ""
	if make {
		within = "."
	}
	if !filepath.IsLocal(within) {
		return nil, fs.ErrInvalid
	}
	h, err := openTarget(target, make)
	for name := range strings.SplitSeq(filepath.ToSlash(filepath.Clean(within)), "/") {
		if err != nil {
			return nil, err
		}
		if name == "." {
			continue
		}
		above := h
		if err = fs.ErrInvalid; validName(name) {
			h, err = above.openFolder(name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			h, err = above.newFolder(name)
		}
		above.close()
	}
	return h, err
}

// targetError explains an error of the target.
func targetError(err error) error {
	reason := err
	var at *fs.PathError
	if errors.As(err, &at) {
		reason = at.Err // without the path
	}
	return syncline.WrapError(syncline.CodeUnavailable, err, "the target folder cannot be used (%v); choose another one", reason)
}

// walk restores the items of a tree. restored reports whether there were any.
func (r *run) walk(at *spot, dir *folder) (restored bool, err error) {
	items, err := r.items(at)
	if err != nil {
		return false, err
	}
	names := callings{items: items, taken: make(map[string]bool, len(items))}
	var keep map[string]bool
	if r.Delete {
		keep = make(map[string]bool, len(items))
		for _, x := range items {
			keep[nameKey(x.entry.Name)] = true
		}
	}
	for i := range items {
		e, path := items[i].entry, dir.path+"/"+items[i].entry.Name
		switch {
		case r.ctx.Err() != nil:
			return restored, r.ctx.Err()
		case !validName(e.Name):
			r.failed(path, syncline.Errorf(syncline.CodeDamaged, "no file can have this name; it is left out"))
			continue
		case e.Type == syncline.TypeSocket:
			r.count(func(x *Result) { x.Skipped++ }) // nobody can listen to a restored socket
			continue
		}
		if called := names.call(e.Name); called != e.Name {
			e.Name, items[i].renamed = called, true
			if keep != nil {
				keep[nameKey(called)] = true
			}
		}
		did, err := r.item(&items[i], at.below(&items[i], i), dir, path)
		if err != nil {
			return restored, err
		}
		items[i] = walkItem{}
		restored = restored || did
	}
	if !dir.fresh {
		r.leaveRoom(dir)
	}
	if r.Delete && dir.made && (restored || dir.parent != nil) {
		err = r.purge(dir, keep)
	}
	return restored, err
}

// item restores one entry and everything below it, which is at a spot.
func (r *run) item(x *walkItem, at *spot, dir *folder, path string) (restored bool, err error) {
	selected, below, err := r.choose.Select(r.ctx, path)
	if x.renamed && (selected || below && x.entry.IsDir()) {
		r.noted(path, Renamed, x.entry.Name)
	}
	switch e := x.entry; {
	case err != nil:
		return false, err
	case e.IsDir():
		return r.folder(x, at, dir, path, selected, below)
	case !selected:
		return false, nil
	case !r.plain(path, e):
		return true, nil
	case !r.make(dir):
		err = r.settle(path, dir.failed)
	case r.DryRun && isRestorable(e.Type):
		err = r.settle(path, r.preview(dir, path, e))
	case e.Type == syncline.TypeFile:
		r.add(&task{dir: dir, path: path, entry: e})
		if r.group.full() {
			err = r.flush()
		}
	case isRestorable(e.Type):
		err = r.settle(path, r.special(dir, e))
	default:
		r.failed(path, syncline.Errorf(syncline.CodeUnsupported, "items of type %q cannot be restored", e.Type))
	}
	return true, err
}

// isRestorable is for items that are no folders.
func isRestorable(t syncline.EntryType) bool {
	switch t {
	case syncline.TypeFile, syncline.TypeSymlink, syncline.TypeFifo, syncline.TypeDevice, syncline.TypeCharDev:
		return true
	}
	return false
}

func (r *run) folder(x *walkItem, at *spot, dir *folder, path string, selected, below bool) (restored bool, err error) {
	f := &folder{parent: dir, name: x.entry.Name, path: path, entry: x.entry, depth: dir.depth + 1}
	switch {
	case !selected && !below:
		return false, nil
	case f.depth > maxDepth:
		r.failed(path, syncline.Errorf(syncline.CodeTooLarge, "folders are nested more than %d deep; what is below is left out", maxDepth))
		return false, nil
	case selected && !r.make(f):
		return true, r.settle(path, f.failed)
	case !x.ok:
		r.failed(path, syncline.Errorf(syncline.CodeDamaged, "what is in the folder is not restored: its listing is missing or damaged in the repository"))
		below = false
	}
	restored = selected
	if below {
		did, err := r.walk(at, f)
		if err != nil {
			return restored, err
		}
		restored = restored || did
	}
	if f.made && r.DryRun {
		r.count(func(x *Result) { x.Folders++ })
		r.did(Restored, path, 0)
	} else if f.made {
		r.group.closed = append(r.group.closed, f)
	}
	return restored, nil
}

// make makes a folder and the missing ones above it.
func (r *run) make(f *folder) bool {
	switch {
	case f.made:
		return true
	case f.failed != nil:
		return false
	case !r.make(f.parent):
		f.failed = f.parent.failed
		return false
	}
	if r.DryRun {
		f.failed = r.look(f)
		f.made = f.failed == nil
		return f.made
	}
	f.failed = r.handles.in(f.parent, func(h *handle) error { return r.makeFolder(f, h) })
	f.made = f.failed == nil
	return f.made
}

// special restores a link, a pipe or a device.
func (r *run) special(dir *folder, e *syncline.Entry) error {
	return r.handles.in(dir, func(h *handle) error {
		if !dir.fresh {
			there, err := h.stat(e.Name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
			case err != nil:
				return err
			case r.keeps(there, e):
				r.count(func(x *Result) { x.Skipped++ })
				return nil
			default:
				if err := r.clear(h, e.Name, dir.path+"/"+e.Name, there); err != nil {
					return err
				}
			}
		}
		return r.makeSpecial(dir, h, e)
	})
}

// keeps reports whether an existing item stays because it exists.
func (r *run) keeps(there info, e *syncline.Entry) bool {
	return r.Overwrite == syncline.OverwriteNever || r.Overwrite == syncline.OverwriteIfNewer && !there.mtime.Before(e.ModTime)
}

// Items that cannot be replaced.
var (
	errNoFolder = syncline.Errorf(syncline.CodeConflict, "something that is no folder is in its place; remove it, or overwrite with always")
	errFolder   = syncline.Errorf(syncline.CodeConflict, "a folder is in its place; move it away")
)

// clear removes an item that is in the way. It keeps a folder that is not
// empty, unless Delete is set.
func (r *run) clear(h *handle, name, path string, there info) error {
	if r.Delete && there.mode.IsDir() {
		return r.erase(h, name, path, 1)
	}
	err := h.remove(name, there.mode.IsDir())
	if err != nil && there.mode.IsDir() {
		return errors.Join(errFolder, err)
	}
	return err
}

// settle reports an error about one item. It returns an error that ends the
// run.
func (r *run) settle(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case r.ctx.Err() != nil:
		return r.ctx.Err()
	case errors.Is(err, errReserve):
		return err
	case isFull(err):
		return syncline.WrapError(syncline.CodeUnavailable, err, "the target is full; free some space and run the same again: it goes on where it stopped")
	case isReadOnly(err):
		return syncline.WrapError(syncline.CodeUnavailable, err, "the target is read-only; choose another one")
	case isFatal(err):
		return syncline.WrapError(syncline.CodeUnavailable, err, "no more files can be opened (%v)", err)
	}
	r.failed(path, err)
	return nil
}

func (r *run) failed(path string, err error) {
	var own *syncline.Error
	if !errors.As(err, &own) {
		err = syncline.WrapError(syncline.CodeUnavailable, err, "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Failed++
	r.Reporter.Failed(path, err)
}

func (r *run) count(fn func(*Result)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn(&r.result)
}

// tell lets the Reporter show the progress.
func (r *run) tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Reporter.Progress(r.result)
}
