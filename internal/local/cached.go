package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/sqlite"
)

// cached is the catalog of one place in the cache directory. Its files begin
// with 32 hexadecimal digits that follow from the place:
//
//	<digits>-<time>.catalog   a catalog
//	<digits>.current          the name of the current one; without it, the one with the greatest time is current
//	<digits>.lock             the lock of the process that synchronizes
//	<digits>.damaged          the name of a damaged catalog
//
// Several repositories can lie at one place in turn, as disks that are rotated
// do. Each has a catalog of its own, and at most maxRepositories are kept.
//
// A new catalog never takes the name of a discarded one, but a later time. A
// process that still reads the discarded file would otherwise remove the new
// file's write-ahead log when it closes.
type cached struct {
	dir, key string
}

// files returns the existing catalog files. The last one is current.
func (c *cached) files() ([]string, error) {
	entries, err := os.ReadDir(c.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, c.failed(err)
	}
	var names []string
	for _, entry := range entries {
		if ok, _ := filepath.Match(c.key+"-*.catalog", entry.Name()); ok {
			names = append(names, filepath.Join(c.dir, entry.Name()))
		}
	}
	slices.Sort(names)
	if current, err := os.ReadFile(c.pointer()); err == nil {
		if i := slices.Index(names, filepath.Join(c.dir, string(current))); i >= 0 {
			names = append(slices.Delete(names, i, i+1), filepath.Join(c.dir, string(current)))
		}
	}
	return names, nil
}

func (c *cached) pointer() string { return filepath.Join(c.dir, c.key+".current") }

// newName returns the name of a new catalog.
func (c *cached) newName() string {
	return filepath.Join(c.dir, fmt.Sprintf("%s-%020d.catalog", c.key, time.Now().UnixNano()))
}

// exists reports whether the current catalog has content.
func (c *cached) exists() bool {
	names, err := c.files()
	if err != nil || len(names) == 0 {
		return false
	}
	info, err := os.Stat(names[len(names)-1])
	return err == nil && info.Size() > 0
}

// read opens the current catalog as it is. The error is catalog.ErrMissing where
// there is none, and for one that shows nothing because no synchronization has
// finished.
func (c *cached) read(ctx context.Context) (*catalog.Catalog, error) {
	names, err := c.files()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, catalog.Missing(fs.ErrNotExist)
	}
	cat, err := orReadOnly(ctx, names[len(names)-1], sqlite.OpenExisting)
	if err != nil {
		return nil, err
	}
	err = cat.View(ctx, func(v *catalog.View) error {
		list, err := v.Snapshots()
		if _, synchronized := v.Mark(); err == nil && len(list) == 0 && !synchronized {
			err = catalog.Missing(errors.New("nothing was synchronized"))
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, cat.Close())
	}
	return cat, nil
}

// open opens the current catalog, and makes one when there is none.
func (c *cached) open(ctx context.Context) (*catalog.Catalog, error) {
	names, err := c.files()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		if err := os.MkdirAll(c.dir, 0o700); err != nil {
			return nil, c.failed(err)
		}
		names = []string{c.newName()}
	}
	cat, err := orReadOnly(ctx, names[len(names)-1], sqlite.OpenCatalog)
	if err == nil {
		cat.Brief()
	}
	return cat, err
}

// orReadOnly opens a catalog with open, or only for reading where the folder is
// read-only or its disk is full. If both fail, the error is that of open.
func orReadOnly(ctx context.Context, file string, open func(context.Context, string) (*catalog.Catalog, error)) (*catalog.Catalog, error) {
	cat, err := open(ctx, file)
	if syncline.CodeOf(err) != syncline.CodeUnavailable {
		return cat, err
	}
	if cat, readErr := sqlite.OpenReadOnly(ctx, file); readErr == nil {
		return cat, nil
	}
	return nil, err
}

func (c *cached) marker() string { return filepath.Join(c.dir, c.key+".damaged") }

// markDamaged marks the current catalog as damaged. The next synchronization
// builds a new one.
func (c *cached) markDamaged() error {
	names, err := c.files()
	if err != nil || len(names) == 0 {
		return err
	}
	if err := os.WriteFile(c.marker(), []byte(filepath.Base(names[len(names)-1])), 0o600); err != nil {
		return c.failed(err)
	}
	return nil
}

// foundDamaged reports whether the current catalog is marked as damaged.
func (c *cached) foundDamaged() bool {
	marked, err := os.ReadFile(c.marker())
	if err != nil {
		return false
	}
	names, err := c.files()
	return err == nil && len(names) > 0 && filepath.Base(names[len(names)-1]) == string(marked)
}

// discard removes the current catalog and makes an empty one. The caller holds
// the lock.
func (c *cached) discard() error {
	names, err := c.files()
	if err != nil {
		return err
	}
	if err := os.Remove(c.marker()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c.failed(err)
	}
	if len(names) > 0 {
		if err := c.remove(names[len(names)-1]); err != nil { // first, because the disk may be full
			return err
		}
	}
	return c.begin()
}

func (c *cached) remove(name string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(name + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return c.failed(err)
		}
	}
	return nil
}

// begin makes an empty catalog and makes it current.
func (c *cached) begin() error {
	name := c.newName()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return c.failed(err)
	}
	return c.use(name)
}

// use makes a catalog current.
func (c *cached) use(name string) error {
	temp := c.pointer() + ".new"
	err := os.WriteFile(temp, []byte(filepath.Base(name)), 0o600)
	if err == nil {
		err = os.Rename(temp, c.pointer())
	}
	if err != nil {
		return c.failed(err)
	}
	return nil
}

// maxRepositories bounds the catalogs of one place. The one with the oldest write
// is removed for another.
const maxRepositories = 8

// turnTo makes the catalog of a repository current, and makes one where there is
// none. The other repositories keep theirs. The caller holds the lock.
func (c *cached) turnTo(ctx context.Context, repository syncline.Hash) error {
	name, err := c.find(ctx, repository)
	if err != nil {
		return err
	}
	if name != "" {
		return c.use(name)
	}
	if err := c.begin(); err != nil {
		return err
	}
	names, err := c.files()
	if err != nil {
		return err
	}
	for others := names[:len(names)-1]; len(others) >= maxRepositories; {
		oldest := slices.MinFunc(others, func(a, b string) int { return written(a).Compare(written(b)) })
		if err := c.remove(oldest); err != nil {
			return err
		}
		others = slices.DeleteFunc(others, func(name string) bool { return name == oldest })
	}
	return nil
}

// written returns the time of the last write to a catalog.
func written(name string) time.Time {
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// find returns the file of a repository's catalog, "" when there is none.
func (c *cached) find(ctx context.Context, repository syncline.Hash) (string, error) {
	names, err := c.files()
	for _, name := range slices.Backward(names) {
		cat, err := orReadOnly(ctx, name, sqlite.OpenExisting)
		if err != nil {
			continue // this one cannot be the repository's
		}
		err = cat.View(ctx, func(v *catalog.View) error { return v.CheckRepository(repository) })
		if err = errors.Join(err, cat.Close()); err == nil {
			return name, nil
		}
	}
	return "", err
}

// readOf opens the catalog of a repository as it is, also where it is not current.
func (c *cached) readOf(ctx context.Context, repository syncline.Hash) (*catalog.Catalog, error) {
	cat, err := c.read(ctx)
	if err != nil {
		return nil, err
	}
	err = cat.View(ctx, func(v *catalog.View) error { return v.CheckRepository(repository) })
	if err == nil {
		return cat, nil
	}
	if err = cat.Close(); err != nil {
		return nil, err
	}
	name, err := c.find(ctx, repository)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, syncline.Errorf(syncline.CodeNotFound, "another repository lies there than the last one that was synchronized, and there is no catalog of it yet; run the command once without --no-sync")
	}
	return orReadOnly(ctx, name, sqlite.OpenExisting)
}

// lockRetry is the time between two tries of a lock that another process holds.
const lockRetry = 100 * time.Millisecond

// lock takes the lock of the process that synchronizes. It calls wait once if
// another process holds the lock.
func (c *cached) lock(ctx context.Context, wait func()) (*flock.Flock, error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, c.failed(err)
	}
	f := flock.New(filepath.Join(c.dir, c.key+".lock"), flock.SetPermissions(0o600))
	ok, err := f.TryLock()
	if err == nil && !ok {
		wait()
		ok, err = f.TryLockContext(ctx, lockRetry)
	}
	switch {
	case ctx.Err() != nil:
		return nil, errors.Join(ctx.Err(), f.Close())
	case err != nil && c.exists() && (errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC)):
		return f, nil // no process can make a lock or write a catalog here
	case err != nil || !ok:
		return nil, errors.Join(c.failed(err), f.Close())
	}
	return f, nil
}

func (c *cached) failed(err error) error {
	return syncline.WrapError(syncline.CodeUnavailable, err, "the cache directory %s cannot be used (%v); name another one with --cache-dir", c.dir, err)
}
