//go:build !windows

package databases

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// withoutNewest links a repository in its state before the newest snapshot. It returns
// the files that are left out.
func withoutNewest(b *testing.B, repo, to string) (late []string) {
	b.Helper()
	snapshots, indexes := byTime(b, repo, "snapshots"), byTime(b, repo, "index")
	if len(snapshots) < 2 {
		b.Fatal("the repository has fewer than two snapshots")
	}
	before := snapshots[len(snapshots)-2].at
	for _, f := range indexes {
		if f.at.After(before) {
			late = append(late, f.name)
		}
	}
	late = append(late, snapshots[len(snapshots)-1].name)
	link(b, repo, to, late)
	return late
}

// link links the files of a repository, without some.
func link(b *testing.B, repo, to string, without []string) {
	b.Helper()
	check(b, filepath.WalkDir(repo, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(repo, path)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case slices.Contains(without, name) || strings.HasPrefix(name, "locks"):
			return nil
		}
		return os.Link(path, filepath.Join(to, name))
	}))
}

type timed struct {
	name string // below the repository
	at   time.Time
}

// byTime returns the files of one of a repository's folders, oldest first.
func byTime(b *testing.B, repo, dir string) (out []timed) {
	b.Helper()
	list, err := os.ReadDir(filepath.Join(repo, dir))
	check(b, err)
	for _, d := range list {
		info, err := d.Info()
		check(b, err)
		out = append(out, timed{filepath.Join(dir, d.Name()), info.ModTime()})
	}
	slices.SortFunc(out, func(a, b timed) int { return a.at.Compare(b.at) })
	return out
}
