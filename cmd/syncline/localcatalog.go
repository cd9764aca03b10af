package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	"syncline.dev/syncline/internal/place"
)

// localCatalog is the catalog of one location in the cache directory. Its
// files begin with 32 hexadecimal digits that follow from the location:
//
//	<digits>-<time>.catalog   a catalog
//	<digits>.current          the name of the one that counts; else the greatest time does
//	<digits>.lock             held by the process that synchronizes
//	<digits>.damaged          the name of a catalog that was found damaged
//
// Several repositories can lie at one location in turn, as disks that are
// rotated do. Each has a catalog of its own, and at most maxRepositories are
// kept.
//
// A catalog that is thrown away makes room for one with a later time, never
// with the same name: a process that still reads the old file would remove the
// new one's write-ahead log when it closes.
type localCatalog struct {
	dir, key string
}

// catalogDir returns the directory of the catalogs.
func (e *environment) catalogDir() (string, error) {
	if e.cacheDir != "" {
		return e.cacheDir, nil
	}
	if dir := e.getenv("SYNCLINE_CACHE_DIR"); dir != "" {
		return dir, nil
	}
	if dir := e.getenv("RESTIC_CACHE_DIR"); dir != "" { // restic leaves alone what has no repository's name
		return filepath.Join(dir, "syncline"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", syncline.WrapError(syncline.CodeInvalid, err, "there is no cache directory to keep the catalog in; name one with --cache-dir or SYNCLINE_CACHE_DIR")
	}
	return filepath.Join(dir, "syncline"), nil
}

func (e *environment) localCatalog(at place.Named) (*localCatalog, error) {
	dir, err := e.catalogDir()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(at.Key))
	e.local = &localCatalog{dir: dir, key: hex.EncodeToString(sum[:16])}
	return e.local, nil
}

// files returns the catalog files that are there. The last one counts.
func (l *localCatalog) files() ([]string, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, l.failed(err)
	}
	var names []string
	for _, entry := range entries {
		if ok, _ := filepath.Match(l.key+"-*.catalog", entry.Name()); ok {
			names = append(names, filepath.Join(l.dir, entry.Name()))
		}
	}
	slices.Sort(names)
	if current, err := os.ReadFile(l.pointer()); err == nil {
		if i := slices.Index(names, filepath.Join(l.dir, string(current))); i >= 0 {
			names = append(slices.Delete(names, i, i+1), filepath.Join(l.dir, string(current)))
		}
	}
	return names, nil
}

func (l *localCatalog) pointer() string { return filepath.Join(l.dir, l.key+".current") }

// newName returns the name of a catalog that is to be begun.
func (l *localCatalog) newName() string {
	return filepath.Join(l.dir, fmt.Sprintf("%s-%020d.catalog", l.key, time.Now().UnixNano()))
}

// exists reports whether there is a catalog with something in it.
func (l *localCatalog) exists() bool {
	names, err := l.files()
	if err != nil || len(names) == 0 {
		return false
	}
	info, err := os.Stat(names[len(names)-1])
	return err == nil && info.Size() > 0
}

// read opens the catalog to answer from it as it is. One that is not there, or
// that no synchronization has brought to its end and that shows nothing, is
// catalog.ErrMissing.
func (l *localCatalog) read(ctx context.Context) (*catalog.Catalog, error) {
	names, err := l.files()
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

// open opens the catalog, and begins one when there is none.
func (l *localCatalog) open(ctx context.Context) (*catalog.Catalog, error) {
	names, err := l.files()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		if err := os.MkdirAll(l.dir, 0o700); err != nil {
			return nil, l.failed(err)
		}
		names = []string{l.newName()}
	}
	return orReadOnly(ctx, names[len(names)-1], sqlite.OpenCatalog)
}

// orReadOnly opens a catalog for reading where it cannot be opened as it should: the
// folder is read-only, or its disk is full. Without that, the error is of the first
// attempt.
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

func (l *localCatalog) marker() string { return filepath.Join(l.dir, l.key+".damaged") }

// markDamaged remembers that the catalog was found damaged, for the next
// synchronization to build it anew.
func (l *localCatalog) markDamaged() error {
	names, err := l.files()
	if err != nil || len(names) == 0 {
		return err
	}
	if err := os.WriteFile(l.marker(), []byte(filepath.Base(names[len(names)-1])), 0o600); err != nil {
		return l.failed(err)
	}
	return nil
}

// foundDamaged reports whether the catalog that is there was found damaged.
func (l *localCatalog) foundDamaged() bool {
	marked, err := os.ReadFile(l.marker())
	if err != nil {
		return false
	}
	names, err := l.files()
	return err == nil && len(names) > 0 && filepath.Base(names[len(names)-1]) == string(marked)
}

// discard throws the catalog away and begins one. The lock is held. Files that
// another process has open go when it ends, where the system lets them.
func (l *localCatalog) discard() error {
	names, err := l.files()
	if err != nil {
		return err
	}
	if err := os.Remove(l.marker()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return l.failed(err)
	}
	if len(names) > 0 {
		if err := l.remove(names[len(names)-1]); err != nil { // first, should the disk be full
			return err
		}
	}
	return l.begin()
}

func (l *localCatalog) remove(name string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(name + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return l.failed(err)
		}
	}
	return nil
}

// begin makes an empty catalog the one that counts.
func (l *localCatalog) begin() error {
	name := l.newName()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return l.failed(err)
	}
	return l.use(name)
}

// use makes a catalog the one that counts.
func (l *localCatalog) use(name string) error {
	temp := l.pointer() + ".new"
	err := os.WriteFile(temp, []byte(filepath.Base(name)), 0o600)
	if err == nil {
		err = os.Rename(temp, l.pointer())
	}
	if err != nil {
		return l.failed(err)
	}
	return nil
}

// maxRepositories is how many repositories at one location have a catalog. The
// one that was written to the longest time ago makes room for another.
const maxRepositories = 8

// turnTo makes the catalog of the repository that lies there now the one that
// counts, and begins one where there is none. The others are kept. The lock is
// held.
func (l *localCatalog) turnTo(ctx context.Context, repository syncline.Hash) error {
	name, err := l.find(ctx, repository)
	if err != nil {
		return err
	}
	if name != "" {
		return l.use(name)
	}
	if err := l.begin(); err != nil {
		return err
	}
	names, err := l.files()
	if err != nil {
		return err
	}
	for others := names[:len(names)-1]; len(others) >= maxRepositories; {
		oldest := slices.MinFunc(others, func(a, b string) int { return written(a).Compare(written(b)) })
		if err := l.remove(oldest); err != nil {
			return err
		}
		others = slices.DeleteFunc(others, func(name string) bool { return name == oldest })
	}
	return nil
}

// written returns when a catalog was written to.
func written(name string) time.Time {
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// find returns the file of a repository's catalog, "" when there is none.
func (l *localCatalog) find(ctx context.Context, repository syncline.Hash) (string, error) {
	names, err := l.files()
	for _, name := range slices.Backward(names) {
		cat, err := orReadOnly(ctx, name, sqlite.OpenExisting)
		if err != nil {
			continue // it is of no use, and in nobody's way
		}
		err = cat.View(ctx, func(v *catalog.View) error { return v.CheckRepository(repository) })
		if err = errors.Join(err, cat.Close()); err == nil {
			return name, nil
		}
	}
	return "", err
}

// readOf is read for the catalog of the repository that lies there.
func (l *localCatalog) readOf(ctx context.Context, repository syncline.Hash) (*catalog.Catalog, error) {
	cat, err := l.read(ctx)
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
	name, err := l.find(ctx, repository)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, syncline.Errorf(syncline.CodeNotFound, "another repository lies there than the last one that was synchronized, and there is no catalog of it yet; run the command once without --no-sync")
	}
	return orReadOnly(ctx, name, sqlite.OpenExisting)
}

// lockRetry is how often a lock that another process holds is tried.
const lockRetry = 100 * time.Millisecond

// lock makes sure that one process synchronizes the catalog. It calls wait
// once when it has to wait for another one.
func (l *localCatalog) lock(ctx context.Context, wait func()) (*flock.Flock, error) {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return nil, l.failed(err)
	}
	f := flock.New(filepath.Join(l.dir, l.key+".lock"), flock.SetPermissions(0o600))
	ok, err := f.TryLock()
	if err == nil && !ok {
		wait()
		ok, err = f.TryLockContext(ctx, lockRetry)
	}
	switch {
	case ctx.Err() != nil:
		return nil, errors.Join(ctx.Err(), f.Close())
	case err != nil && l.exists() && (errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC)):
		return f, nil // where no lock can be made, nobody writes a catalog
	case err != nil || !ok:
		return nil, errors.Join(l.failed(err), f.Close())
	}
	return f, nil
}

func (l *localCatalog) failed(err error) error {
	return syncline.WrapError(syncline.CodeUnavailable, err, "the cache directory %s cannot be used (%v); name another one with --cache-dir", l.dir, err)
}
