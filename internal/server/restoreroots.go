package server

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"syncline.dev/syncline"
)

// findRestoreRoots checks the folders at paths, and returns them without symbolic
// links. A folder must not share files with the server's own directories and files,
// because a restore could put other users, keys and catalogs there. "" in own names
// nothing.
func findRestoreRoots(own, paths []string) ([]syncline.RestoreTarget, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	var plain []string
	for _, dir := range own {
		if dir == "" {
			continue
		}
		path, err := plainPath(dir)
		if err != nil {
			return nil, syncline.WrapError(syncline.CodeUnavailable, err, "the directory %s cannot be found", dir)
		}
		plain = append(plain, path)
	}
	var roots []syncline.RestoreTarget
	taken := make(map[string]bool)
	for _, given := range paths {
		path, err := plainPath(given)
		if err == nil {
			var fi os.FileInfo
			if fi, err = os.Stat(path); err == nil && !fi.IsDir() {
				err = errors.New("it is no directory")
			}
		}
		switch {
		case err != nil:
			return nil, syncline.WrapError(syncline.CodeInvalid, err, "%s cannot be restored into; make the directory, or name another one", given)
		case slices.ContainsFunc(plain, func(dir string) bool { return inside(path, dir) || inside(dir, path) }):
			return nil, syncline.Errorf(syncline.CodeInvalid, "%s holds the server's own data, or lies in it; name another directory", given)
		}
		name := filepath.Base(path)
		if taken[name] {
			name = path
		}
		taken[name] = true
		roots = append(roots, syncline.RestoreTarget{Name: name, Path: path})
	}
	return roots, nil
}

// plainPath returns an absolute path without symbolic links in its existing part.
func plainPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path, err
	}
	plain, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, os.ErrNotExist) && filepath.Dir(abs) != abs {
		above, err := plainPath(filepath.Dir(abs))
		return filepath.Join(above, filepath.Base(abs)), err
	}
	return plain, err
}

// inside reports whether path is dir or lies in it.
func inside(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
