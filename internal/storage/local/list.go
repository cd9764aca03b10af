package local

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/mounts"
	"syncline.dev/syncline/internal/storage"
)

// maxDepth bounds the depth of List. restic's layout needs two levels.
const maxDepth = 64

// batch is the number of directory entries that are read at once.
const batch = 1024

// List implements storage.Storage. A missing dir matches fs.ErrNotExist. Files
// that vanish during the listing are left out. A symbolic link counts as the
// file it leads to. A link to a folder or out of the repository is an error,
// because a listing without it would be short. For the same reason a folder or
// a pipe with the name of an object counts as a file without bytes, which Open
// does not find.
func (s *Storage) List(ctx context.Context, dir string, fn func(name string, size int64) error) error {
	if err := storage.CheckDir(dir); err != nil {
		return err
	}
	type file struct {
		name string
		size int64
	}
	err := mounts.Each(ctx, s.gate, func(ctx context.Context, yield func(file) error) error {
		return s.list(ctx, dir, func(name string, size int64) error { return yield(file{name, size}) })
	}, func(f file) error { return fn(f.name, f.size) })
	return retried(err)
}

func (s *Storage) list(ctx context.Context, dir string, fn func(name string, size int64) error) error {
	start := "."
	if dir != "" {
		start = filepath.FromSlash(dir)
	}
	folder, err := s.root.OpenRoot(start)
	if err != nil {
		if errors.Is(err, syscall.ENOTDIR) {
			return syncline.WrapError(syncline.CodeNotFound, fs.ErrNotExist, "%q is not a folder", dir)
		}
		return translate(dir, err)
	}
	w := walk{storage: s, ctx: ctx, fn: fn}
	if err := w.folder(folder, dir, 0); err != nil {
		return err
	}
	// A folder that was removed meanwhile gave only a part of its files.
	if _, err := s.root.Lstat(start); err != nil {
		return translate(dir, err)
	}
	return nil
}

// walk is one run of List.
type walk struct {
	storage *Storage
	ctx     context.Context
	fn      func(name string, size int64) error
}

// folder lists one folder and closes it.
func (w *walk) folder(folder *os.Root, name string, depth int) error {
	defer folder.Close()
	f, err := folder.Open(".")
	if err != nil {
		return translate(name, err)
	}
	defer f.Close()
	for {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		entries, err := f.ReadDir(batch)
		for _, e := range entries {
			if err := w.entry(folder, name, e, depth); err != nil {
				return err
			}
		}
		if err == io.EOF || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return translate(name, err)
		}
	}
}

func (w *walk) entry(folder *os.Root, parent string, e fs.DirEntry, depth int) error {
	name := e.Name()
	if parent != "" {
		name = parent + "/" + name
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if e.IsDir() && !isObject(e.Name()) {
		return w.enter(folder, name, e.Name(), depth)
	}
	// Lstat goes through the open folder. The entry's own method would look up
	// its path, outside the root's protection.
	info, err := folder.Lstat(e.Name())
	if err != nil {
		err = translate(name, err)
	} else if info.Mode()&fs.ModeSymlink != 0 {
		info, err = w.follow(name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // vanished
	case err != nil:
		return err
	case info.Mode().IsRegular():
		return w.fn(name, info.Size())
	case isObject(e.Name()):
		return w.fn(name, 0)
	}
	return nil // sockets, pipes and devices are no part of a repository
}

// isObject reports whether a name is the hash of a file.
func isObject(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}

func (w *walk) enter(folder *os.Root, name, base string, depth int) error {
	if depth >= maxDepth {
		return syncline.Errorf(syncline.CodeTooLarge, "folders below %q are nested deeper than %d levels; this is no restic repository", name[:min(len(name), 80)], maxDepth)
	}
	sub, err := folder.OpenRoot(base)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil // vanished, or replaced
	case err != nil:
		return translate(name, err)
	}
	return w.folder(sub, name, depth+1)
}

// follow returns the file that a symbolic link leads to, within the repository.
func (w *walk) follow(name string) (fs.FileInfo, error) {
	info, err := w.storage.root.Stat(filepath.FromSlash(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the symbolic link %q leads out of the repository's folder; replace it with the file itself", name)
	case info.IsDir():
		return nil, syncline.Errorf(syncline.CodeInvalid, "the symbolic link %q leads to a folder; replace it with the folder itself", name)
	}
	return info, nil
}
