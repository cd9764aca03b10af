package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// withoutNewest copies a repository in its state before the newest snapshot,
// with links if the disk allows it. It returns the files that are left out: the
// snapshot and the indexes written since the one before. It returns none if the
// times of the files do not say which these are.
func withoutNewest(repo, to string) (late []string, err error) {
	snapshots, err := byTime(repo, "snapshots")
	if err != nil || len(snapshots) < 2 {
		return nil, err
	}
	before := snapshots[len(snapshots)-2].at
	indexes, err := byTime(repo, "index")
	if err != nil {
		return nil, err
	}
	for _, f := range indexes {
		if f.at.After(before) {
			late = append(late, f.name)
		}
	}
	if len(late) == 0 || len(late) == len(indexes) {
		return nil, nil
	}
	late = append(late, snapshots[len(snapshots)-1].name)
	return late, filepath.WalkDir(repo, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(repo, path)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case slices.Contains(late, name) || strings.HasPrefix(name, "locks"):
			return nil
		}
		return place(path, filepath.Join(to, name))
	})
}

// place links a file, or copies it to another disk.
func place(from, to string) (err error) {
	if os.Link(from, to) == nil {
		return nil
	}
	return copyFile(from, to)
}

// copyFolder copies the files of a folder. The copy is on the disk when it
// returns, so that no measured program waits for that.
func copyFolder(from, to string) error {
	list, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, file := range list {
		if err := copyFile(filepath.Join(from, file.Name()), filepath.Join(to, file.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

type timed struct {
	name string // below the repository
	at   time.Time
}

// byTime returns the files of one of a repository's folders, oldest first.
func byTime(repo, dir string) ([]timed, error) {
	list, err := os.ReadDir(filepath.Join(repo, dir))
	if err != nil {
		return nil, fmt.Errorf("read the repository: %w", err)
	}
	out := make([]timed, 0, len(list))
	for _, d := range list {
		info, err := d.Info()
		if err != nil {
			return nil, err
		}
		out = append(out, timed{filepath.Join(dir, d.Name()), info.ModTime()})
	}
	slices.SortFunc(out, func(a, b timed) int { return a.at.Compare(b.at) })
	return out, nil
}
