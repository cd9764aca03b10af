package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/oserr"
)

// Dir is a catalog.Directory in one folder, with a file for each catalog. A
// catalog that was opened stays open while its file is where it was. One process
// uses a Dir at a time.
type Dir struct {
	// Room fails with an error that matches catalog.ErrNoRoom while the disk has no
	// room. Nil is no bound. It is set before the first use.
	Room func() error

	path      string
	onDamage  func(repository syncline.ID)
	mu        sync.Mutex
	open      map[syncline.ID]*handle
	paths     map[syncline.ID]string // the files that the last listing found
	looked    time.Time              // of the last listing
	isDamaged map[syncline.ID]bool
}

// handle is an open catalog and the number of its users. Once the directory has
// let it go, the last user closes it.
type handle struct {
	path    string
	opened  chan struct{} // closed when cat or err is set
	cat     *catalog.Catalog
	box     *Container
	file    os.FileInfo
	err     error
	users   int
	letGo   bool
	removed bool // its files are gone, or about to go
	closed  chan struct{}
}

// OpenDir opens the folder at path, and creates it if it is missing. It calls
// onDamage when a catalog is found damaged, once until the catalog is deleted.
func OpenDir(path string, onDamage func(syncline.ID)) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, syncline.WrapError(syncline.CodeUnavailable, err, "the folder for catalogs cannot be created; %s", oserr.Advice(err, "check the rights of the folder above it"))
	}
	return &Dir{
		path: path, onDamage: onDamage,
		open: make(map[syncline.ID]*handle), isDamaged: make(map[syncline.ID]bool),
	}, nil
}

// Path returns the path of the folder.
func (d *Dir) Path() string { return d.path }

const suffix = ".catalog"

// find returns the repository's catalog file, "" for none. An empty file does
// not count. The caller holds mu.
func (d *Dir) find(id syncline.ID) (path string, info os.FileInfo) {
	if path = d.paths[id]; path != "" {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			return path, info
		}
	}
	// Somebody may put the folder back while the server runs. A request for many
	// repositories must not list the folder for each of them, though.
	if now := time.Now(); path != "" || now.Sub(d.looked) > time.Second || now.Before(d.looked) {
		d.look()
		d.looked = now
	}
	if path = d.paths[id]; path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		return "", nil
	}
	return path, info
}

// look lists the folder. The newest of several files of a repository counts.
func (d *Dir) look() {
	d.paths = make(map[syncline.ID]string)
	entries, err := os.ReadDir(d.path) // sorted
	if err != nil {
		return // without the folder there are no catalogs
	}
	for _, e := range entries {
		name := e.Name()
		if len(name) <= idLength || !strings.HasSuffix(name, suffix) || name[idLength] != '-' {
			continue
		}
		d.paths[syncline.ID(name[:idLength])] = filepath.Join(d.path, name)
	}
}

// idLength is the length of a repository's id, with which the names of its files
// begin.
const idLength = 36

// place returns the path for a new catalog of a repository. Each path is used
// once: when SQLite closes a file it removes the log by its name, even if
// another file has taken the name. The caller holds mu.
func (d *Dir) place(id syncline.ID) (string, error) {
	if err := os.MkdirAll(d.path, 0o700); err != nil { // it may have been removed
		return "", syncline.WrapError(syncline.CodeUnavailable, err, "the folder for catalogs cannot be created; %s", oserr.Advice(err, "check the rights of the folder above it"))
	}
	if err := d.removeFiles(id); err != nil {
		return "", err
	}
	path := filepath.Join(d.path, fmt.Sprintf("%s-%020d%s", id, time.Now().UnixNano(), suffix))
	if d.paths == nil {
		d.look()
	}
	d.paths[id] = path
	return path, nil
}

// FileOf returns the file of a repository's catalog in a folder, "" for none. The
// folder may belong to another process.
func FileOf(folder string, id syncline.ID) string {
	path, _ := (&Dir{path: folder}).find(id)
	return path
}

func (d *Dir) marker(id syncline.ID) string { return filepath.Join(d.path, string(id)+".damaged") }

// Present reports whether the repository has a catalog file that is not empty.
func (d *Dir) Present(_ context.Context, id syncline.ID) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	path, _ := d.find(id)
	return path != "", nil
}

// Use runs fn with a repository's catalog, and creates the catalog if it is
// missing.
func (d *Dir) Use(ctx context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	return d.use(ctx, id, true, fn)
}

// Read runs fn with a catalog that exists. A missing one is catalog.ErrMissing.
func (d *Dir) Read(ctx context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	return d.use(ctx, id, false, fn)
}

func (d *Dir) use(ctx context.Context, id syncline.ID, create bool, fn func(*catalog.Catalog) error) error {
	h, err := d.acquire(ctx, id, create)
	if err == nil {
		defer d.release(h)
		err = fn(h.cat)
		letGo, removed := d.hasLetGo(h)
		if removed && errors.Is(err, catalog.ErrDamaged) {
			// A new connection found only a part of the files. The catalog that may
			// have taken their place is not damaged by that.
			err = syncline.WrapError(syncline.CodeUnavailable, fs.ErrNotExist, "%v", err)
		}
		if letGo && syncline.CodeOf(err) == syncline.CodeUnavailable {
			// A new connection found no file.
			err = syncline.WrapError(syncline.CodeUnavailable, err, "the catalog was removed while it was read; try again")
		}
	}
	if errors.Is(err, catalog.ErrDamaged) {
		d.mark(id)
	}
	return err
}

// acquire counts in a user. The first user opens the catalog; users of other
// catalogs do not wait for that.
func (d *Dir) acquire(ctx context.Context, id syncline.ID, create bool) (*handle, error) {
	for {
		h, mine, err := d.join(id, create)
		if err != nil {
			return nil, err
		}
		if mine {
			// Others may wait for it longer than this user does.
			h.err = d.openFile(context.WithoutCancel(ctx), id, create, h)
			close(h.opened)
		}
		select {
		case <-h.opened:
			if err = h.err; err != nil {
				d.giveUp(id, h)
			}
		case <-ctx.Done():
			err = syncline.WrapError(syncline.CodeCanceled, ctx.Err(), "the operation was canceled")
		}
		if err == nil {
			return h, nil
		}
		d.release(h)
		if !create || mine || !errors.Is(err, catalog.ErrMissing) {
			return nil, err
		}
		// The user who opened it does not create catalogs.
	}
}

// join returns the handle of a catalog with one more user. mine says that the
// handle is new and that the caller has to open it. join lets go of a catalog
// whose file is gone.
func (d *Dir) join(id syncline.ID, create bool) (h *handle, mine bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	path, info := d.find(id)
	h, ok := d.open[id]
	if ok {
		select {
		case <-h.opened:
			if h.file != nil && (info == nil || !os.SameFile(h.file, info)) {
				d.forgetEmpty(id, h)
				d.letGo(id).removed = true
				ok = false
			}
		default: // somebody is opening it
		}
	}
	if !ok {
		switch {
		case path != "":
		case !create:
			return nil, false, catalog.Missing(fs.ErrNotExist)
		default:
			if path, err = d.place(id); err != nil {
				return nil, false, err
			}
		}
		h = &handle{path: path, opened: make(chan struct{}), closed: make(chan struct{})}
		d.open[id] = h
	}
	h.users++
	return h, !ok, nil
}

// giveUp lets go of a catalog that cannot be opened. The next user tries again.
func (d *Dir) giveUp(id syncline.ID, h *handle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[id] == h {
		d.letGo(id)
	}
}

// forgetEmpty removes the files of a catalog whose file somebody has cut to
// nothing while it was open. Closing it would otherwise write a part of it there
// again. The caller holds mu.
func (d *Dir) forgetEmpty(id syncline.ID, h *handle) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.Size() == 0 && os.SameFile(info, h.file) {
			// If it cannot be removed, closing the file reports that.
			_ = d.removeFiles(id)
			return
		}
	}
}

// openFile opens the handle's file. It takes no lock, because a caller that
// holds mu may wait for its end.
func (d *Dir) openFile(ctx context.Context, id syncline.ID, create bool, h *handle) (err error) {
	open := openExisting
	if create {
		open = Open
	}
	if h.box, err = open(ctx, h.path); err != nil {
		return err
	}
	h.box.room = d.Room
	cat, err := asCatalog(ctx, h.box)
	if err != nil {
		return err
	}
	// A catalog without an owner gets one when there is room to write.
	if err := cat.Own(ctx, id, create); err != nil && !errors.Is(err, catalog.ErrNoRoom) {
		return errors.Join(err, cat.Close())
	}
	info, err := os.Stat(h.path)
	if err != nil {
		return errors.Join(catalog.Missing(err), cat.Close())
	}
	h.cat, h.file = cat, info
	return nil
}

// Trim truncates the write-ahead log of a catalog, after a session that had no
// room. It deletes a catalog that shows nothing.
func (d *Dir) Trim(ctx context.Context, id syncline.ID) error {
	h, err := d.acquire(ctx, id, false)
	if errors.Is(err, catalog.ErrMissing) {
		return d.Delete(ctx, id)
	}
	if err != nil {
		return err
	}
	shown := 0
	err = h.cat.View(ctx, func(v *catalog.View) error {
		list, err := v.Snapshots()
		shown = len(list)
		return err
	})
	if err == nil && shown > 0 {
		err = h.box.trim(ctx)
	}
	d.release(h)
	if err == nil && shown == 0 {
		err = d.Delete(ctx, id)
	}
	return err
}

func (d *Dir) release(h *handle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h.users--
	d.closeUnused(h)
}

func (d *Dir) hasLetGo(h *handle) (letGo, removed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return h.letGo, h.removed
}

// closeUnused closes a catalog that nobody uses and that the directory has let
// go. The caller holds mu.
func (d *Dir) closeUnused(h *handle) {
	if h.letGo && h.users == 0 {
		if h.cat != nil {
			// Its file is gone or the server ends, so nobody needs the error.
			_ = h.cat.Close()
		}
		close(h.closed)
	}
}

func (d *Dir) mark(id syncline.ID) {
	d.mu.Lock()
	known := d.isDamaged[id]
	d.isDamaged[id] = true
	d.mu.Unlock()
	// The mark outlives the process. If it cannot be written, the next user meets the
	// damage again.
	_ = os.WriteFile(d.marker(id), nil, 0o600)
	if !known && d.onDamage != nil {
		d.onDamage(id)
	}
}

// Damaged reports whether the catalog was found damaged.
func (d *Dir) Damaged(_ context.Context, id syncline.ID) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isDamaged[id] {
		return true, nil
	}
	_, err := os.Stat(d.marker(id))
	return err == nil, nil
}

// Delete forgets a catalog and removes its files.
func (d *Dir) Delete(_ context.Context, id syncline.ID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := d.letGo(id); h != nil {
		h.removed = true
	}
	delete(d.isDamaged, id)
	return d.removeFiles(id)
}

// removeFiles removes a repository's files. The caller holds mu.
func (d *Dir) removeFiles(id syncline.ID) error {
	delete(d.paths, id)
	entries, err := os.ReadDir(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), string(id)) {
			continue
		}
		if e := os.Remove(filepath.Join(d.path, entry.Name())); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = e
		}
	}
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the catalog cannot be removed; %s", oserr.Advice(err, "check the rights of the folder for catalogs"))
	}
	return nil
}

// Sweep deletes the catalogs of repositories that are not in keep. A crash may
// have cut their deletion short.
func (d *Dir) Sweep(ctx context.Context, keep []syncline.ID) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the folder for catalogs cannot be read; %s", oserr.Advice(err, "check the rights of the data directory"))
	}
	known := make(map[syncline.ID]bool, len(keep))
	for _, id := range keep {
		known[id] = true
	}
	for _, e := range entries {
		if len(e.Name()) < idLength {
			continue
		}
		id, err := syncline.ParseID(e.Name()[:idLength])
		if err != nil || known[id] {
			continue
		}
		if err := d.Delete(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// letGo has a catalog closed once its users have ended. It waits for an opening
// that runs, so that all files are there. The caller holds mu.
func (d *Dir) letGo(id syncline.ID) *handle {
	h, ok := d.open[id]
	if !ok {
		return nil
	}
	<-h.opened // the opener does not need mu
	delete(d.open, id)
	h.letGo = true
	d.closeUnused(h)
	return h
}

// Close waits for all users and closes every catalog.
func (d *Dir) Close() {
	d.mu.Lock()
	var open []*handle
	for id := range d.open {
		open = append(open, d.letGo(id))
	}
	d.mu.Unlock()
	for _, h := range open {
		<-h.closed
	}
}
