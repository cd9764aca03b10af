package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// Dir keeps the catalogs of a server, a file each, in one folder. Catalogs are
// opened when they are first used and stay open. One process uses a Dir at a
// time.
type Dir struct {
	path      string
	onDamage  func(repository syncline.ID)
	mu        sync.Mutex
	open      map[syncline.ID]*handle
	isDamaged map[syncline.ID]bool
}

// handle counts the users of an open catalog; the last one closes it when it
// has been let go.
type handle struct {
	opened chan struct{} // closed when cat or err is there
	cat    *catalog.Catalog
	err    error
	users  int
	letGo  bool
	closed chan struct{}
}

// OpenDir uses the folder at path, which it creates. onDamage is told when a
// catalog is found damaged, once until it is renewed.
func OpenDir(path string, onDamage func(syncline.ID)) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, syncline.WrapError(syncline.CodeUnavailable, err, "the folder for catalogs cannot be created; check the data directory's rights")
	}
	return &Dir{
		path: path, onDamage: onDamage,
		open: make(map[syncline.ID]*handle), isDamaged: make(map[syncline.ID]bool),
	}, nil
}

// file returns the repository's catalog file, a new name when there is none.
// Names are never used again: SQLite removes a log by its name when it closes
// a file, also of one that was unlinked and replaced since.
func (d *Dir) file(id syncline.ID) (string, error) {
	names, err := filepath.Glob(filepath.Join(d.path, string(id)+"-*.catalog"))
	if err != nil || len(names) > 0 {
		return slices.Max(append(names, "")), err
	}
	return filepath.Join(d.path, fmt.Sprintf("%s-%020d.catalog", id, time.Now().UnixNano())), nil
}

func (d *Dir) marker(id syncline.ID) string { return filepath.Join(d.path, string(id)+".damaged") }

// Use runs fn with a repository's catalog, which is created when there is
// none. When fn or the opening meets damage, the catalog is marked. One that is
// removed meanwhile can be CodeUnavailable for fn.
func (d *Dir) Use(ctx context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	h, err := d.acquire(ctx, id)
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
func (d *Dir) acquire(ctx context.Context, id syncline.ID) (*handle, error) {
	d.mu.Lock()
	h, ok := d.open[id]
	if !ok {
		h = &handle{opened: make(chan struct{}), closed: make(chan struct{})}
		d.open[id] = h
	}
	h.users++
	d.mu.Unlock()
	if !ok {
		// For those too who wait for it longer than this user does.
		h.cat, h.err = d.openFile(context.WithoutCancel(ctx), id)
		close(h.opened)
	}
	var err error
	select {
	case <-h.opened:
		if err = h.err; err != nil {
			d.giveUp(id, h)
		}
	case <-ctx.Done():
		err = syncline.WrapError(syncline.CodeCanceled, ctx.Err(), "the operation was canceled")
	}
	if err != nil {
		d.release(h)
		return nil, err
	}
	return h, nil
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

func (d *Dir) openFile(ctx context.Context, id syncline.ID) (*catalog.Catalog, error) {
	path, err := d.file(id)
	if err != nil {
		return nil, err
	}
	return OpenCatalog(ctx, path)
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
	entries, err := os.ReadDir(d.path)
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), string(id)) {
			continue
		}
		if e := os.Remove(filepath.Join(d.path, entry.Name())); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = e
		}
	}
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the catalog cannot be removed; check the data directory's rights")
	}
	return nil
}

// Sweep removes the catalogs of repositories that are not in keep: those whose
// deletion a crash cut short.
func (d *Dir) Sweep(ctx context.Context, keep []syncline.Repository) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the folder for catalogs cannot be read; check the data directory's rights")
	}
	known := make(map[syncline.ID]bool, len(keep))
	for _, r := range keep {
		known[r.ID] = true
	}
	for _, e := range entries {
		if len(e.Name()) < 36 {
			continue
		}
		id, err := syncline.ParseID(e.Name()[:36])
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
