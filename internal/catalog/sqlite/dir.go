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

// Dir keeps the catalogs of a server, a file each, in one folder. Catalogs are
// opened when they are first used and stay open while their file is where it
// was. One process uses a Dir at a time.
type Dir struct {
	// Room fails, with an error that matches catalog.ErrNoRoom, while there is no
	// room to write. Nil for no bound. It is set before the first use.
	Room func() error

	path      string
	onDamage  func(repository syncline.ID)
	mu        sync.Mutex
	open      map[syncline.ID]*handle
	paths     map[syncline.ID]string // of the files that were found
	looked    time.Time              // when the folder was listed last
	isDamaged map[syncline.ID]bool
}

// handle counts the users of an open catalog; the last one closes it when it
// has been let go.
type handle struct {
	path   string
	opened chan struct{} // closed when cat or err is there
	cat    *catalog.Catalog
	box    *Container
	file   os.FileInfo
	err    error
	users  int
	letGo  bool
	closed chan struct{}
}

// OpenDir uses the folder at path, which it creates. onDamage is told when a
// catalog is found damaged, once until it is renewed.
func OpenDir(path string, onDamage func(syncline.ID)) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, syncline.WrapError(syncline.CodeUnavailable, err, "the folder for catalogs cannot be created; %s", oserr.Advice(err, "check the rights of the folder above it"))
	}
	return &Dir{
		path: path, onDamage: onDamage,
		open: make(map[syncline.ID]*handle), isDamaged: make(map[syncline.ID]bool),
	}, nil
}

const suffix = ".catalog"

// find returns the repository's catalog file, "" for none. One that has nothing
// in it is none. The caller holds mu.
func (d *Dir) find(id syncline.ID) (path string, info os.FileInfo) {
	if path = d.paths[id]; path != "" {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			return path, info
		}
	}
	// A folder can be put back while the server runs, but whoever lists many
	// repositories must not list the folder for each of them.
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

// look lists the folder. Of several files of a repository the newest counts.
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

// idLength is that of a repository's id, with which its files' names begin.
const idLength = 36

// place returns where a repository's catalog is to be made that has none. Names
// are never used again: SQLite removes a log by its name when it closes a file,
// also of one that was unlinked and replaced since. The caller holds mu.
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

func (d *Dir) marker(id syncline.ID) string { return filepath.Join(d.path, string(id)+".damaged") }

// Present reports whether the repository has a catalog file with something in
// it.
func (d *Dir) Present(id syncline.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	path, _ := d.find(id)
	return path != ""
}

// Use runs fn with a repository's catalog, which is created when there is
// none. When fn or the opening meets damage, the catalog is marked. One that is
// removed meanwhile can be CodeUnavailable for fn.
func (d *Dir) Use(ctx context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	return d.use(ctx, id, true, fn)
}

// Read is Use for a catalog that is there; another one is catalog.ErrMissing.
func (d *Dir) Read(ctx context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	return d.use(ctx, id, false, fn)
}

func (d *Dir) use(ctx context.Context, id syncline.ID, create bool, fn func(*catalog.Catalog) error) error {
	h, err := d.acquire(ctx, id, create)
	if err == nil {
		defer d.release(h)
		err = fn(h.cat)
		if syncline.CodeOf(err) == syncline.CodeUnavailable && d.hasLetGo(h) {
			// A new connection to a file that is there no more.
			err = syncline.WrapError(syncline.CodeUnavailable, err, "the catalog was removed while it was read; try again")
		}
	}
	if errors.Is(err, catalog.ErrDamaged) {
		d.mark(id)
	}
	return err
}

// acquire counts in a user. The first one opens the catalog, which nobody
// waits for who wants another one.
func (d *Dir) acquire(ctx context.Context, id syncline.ID, create bool) (*handle, error) {
	for {
		h, mine, err := d.join(id, create)
		if err != nil {
			return nil, err
		}
		if mine {
			// For those too who wait for it longer than this user does.
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
		// It was opened by one who does not create it.
	}
}

// join returns the handle of a catalog with one more user, who has to open it
// when it is new. One whose file is gone is let go.
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
				d.letGo(id)
				ok = false
			}
		default: // about to be made
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

// giveUp lets go of a catalog that could not be opened: the next user tries
// again.
func (d *Dir) giveUp(id syncline.ID, h *handle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[id] == h {
		d.letGo(id)
	}
}

// forgetEmpty removes what is left of a catalog whose file was cut to nothing while
// it was open: its closing would write a part of it there again. The caller holds
// mu.
func (d *Dir) forgetEmpty(id syncline.ID, h *handle) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.Size() == 0 && os.SameFile(info, h.file) {
			// Where it cannot be removed, the closing says so in its own way.
			_ = d.removeFiles(id)
			return
		}
	}
}

// openFile opens the handle's file. It takes no lock: whoever holds mu may wait
// for its end.
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
	// An older catalog is tied when there is room to write it.
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

// Trim gives back the room that a repository's catalog takes and nobody needs,
// after a session that failed for want of it. One that shows nothing goes as a
// whole.
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

func (d *Dir) hasLetGo(h *handle) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return h.letGo
}

// closeUnused closes a catalog that was let go and that nobody uses. The
// caller holds mu.
func (d *Dir) closeUnused(h *handle) {
	if h.letGo && h.users == 0 {
		if h.cat != nil {
			// Its file is gone or the server ends; there is nobody to tell.
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
	// The mark outlives the process. Where it cannot be written, the damage
	// will be met again.
	_ = os.WriteFile(d.marker(id), nil, 0o600)
	if !known && d.onDamage != nil {
		d.onDamage(id)
	}
}

// Damaged reports whether the catalog was found damaged.
func (d *Dir) Damaged(id syncline.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isDamaged[id] {
		return true
	}
	_, err := os.Stat(d.marker(id))
	return err == nil
}

// Renew throws a catalog away. Who still reads it goes on reading the old one.
func (d *Dir) Renew(ctx context.Context, id syncline.ID) error { return d.Delete(ctx, id) }

// Delete forgets a catalog and removes its files.
func (d *Dir) Delete(_ context.Context, id syncline.ID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.letGo(id)
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

// Sweep removes the catalogs of repositories that are not in keep: those whose
// deletion a crash cut short.
func (d *Dir) Sweep(ctx context.Context, keep []syncline.Repository) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the folder for catalogs cannot be read; %s", oserr.Advice(err, "check the rights of the data directory"))
	}
	known := make(map[syncline.ID]bool, len(keep))
	for _, r := range keep {
		known[r.ID] = true
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

// letGo has a catalog closed when its users have ended. What is being opened
// is open afterwards, so that its files are all there. The caller holds mu.
func (d *Dir) letGo(id syncline.ID) *handle {
	h, ok := d.open[id]
	if !ok {
		return nil
	}
	<-h.opened // whose opener does not wait for mu
	delete(d.open, id)
	h.letGo = true
	d.closeUnused(h)
	return h
}

// Close closes every catalog, when its users have ended.
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
