package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// restoreFiles bounds the files of a measured restore.
const restoreFiles = 30_000

// restores measures restores of a folder of the newest snapshot, from the disk
// and over HTTP, and compares the restored files of both programs.
func (c *comparison) restores(ctx context.Context) error {
	folder, files, err := c.restorable(ctx)
	if err != nil {
		return err
	}
	s, address, stop, err := serveObjects(ctx, c.repo)
	if err != nil {
		return err
	}
	defer stop()
	env := []string{"AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=not checked", "AWS_DEFAULT_REGION=us-east-1"}
	remote := "s3:" + address + "/" + bucket
	for _, from := range []struct {
		what, repo, resticCache, synclineCache string
	}{
		{"a local disk", c.repo, c.resticCache(), c.synclineCache()},
		{"object storage, on the same machine", remote, filepath.Join(c.scratch, "restic-s3"), filepath.Join(c.scratch, "syncline-s3")},
	} {
		if _, _, err := c.sync(ctx, env, from.repo, from.synclineCache); err != nil {
			return err
		}
		s.take()
		theirs, err := c.restoreInto(ctx, env, "restic-target", c.restic, "-r", from.repo, "--no-lock", "--cache-dir", from.resticCache, "-q", "restore", "latest", "--include", literal(folder))
		if err != nil {
			return err
		}
		_, requests, fetched := s.take()
		mine, err := c.restoreInto(ctx, env, "syncline-target", c.syncline, "-r", from.repo, "--cache-dir", from.synclineCache, "--no-sync", "-q", "restore", "latest", "--include", literal(folder))
		if err != nil {
			return err
		}
		if from.repo == remote {
			_, own, ownFetched := s.take()
			c.note("Object storage, restore: restic %d requests, %.1f MB; Syncline %d requests, %.1f MB, in all runs.", requests, mb(fetched), own, mb(ownFetched))
		}
		if err := sameFiles(filepath.Join(c.scratch, "restic-target"), filepath.Join(c.scratch, "syncline-target")); err != nil {
			return err
		}
		c.row(fmt.Sprintf("restore of %d files from %s", files, from.what), nil, &theirs, &mine)
		times := theirs.wall.Seconds() / mine.wall.Seconds()
		c.bounds = append(c.bounds, bound{
			"restore from " + from.what + ", against restic", "as fast", "2 ×",
			fmt.Sprintf("%.1f × (%.2f s, %.2f s)", times, mine.wall.Seconds(), theirs.wall.Seconds()), judge(times >= 1), judge(times >= 2),
		})
	}
	return nil
}

// restoreInto runs a restore a few times, each into an empty folder.
func (c *comparison) restoreInto(ctx context.Context, env []string, name, program string, args ...string) (usage, error) {
	target := filepath.Join(c.scratch, name)
	return median(min(c.runs, 3), func() (usage, error) {
		if err := os.RemoveAll(target); err != nil {
			return usage{}, err
		}
		return measure(ctx, env, program, append(args, "--target", target)...)
	})
}

// restorable picks the folder of the newest snapshot with the most files in and
// below it, up to restoreFiles.
func (c *comparison) restorable(ctx context.Context) (folder string, files int, err error) {
	counts := make(map[string]int)
	_, err = stream(ctx, nil, func(r io.Reader) error {
		return lines(r, func(line []byte) error {
			var n node
			if err := json.Unmarshal(line, &n); err != nil || n.Type != "file" {
				return err
			}
			for dir := path.Dir(n.Path); dir != "/"; dir = path.Dir(dir) {
				counts[dir]++
			}
			return nil
		})
	}, c.syncline, c.synclineArgs("--no-sync", "ls", "--json", "latest")...)
	for dir, n := range counts {
		if n <= restoreFiles && (n > files || n == files && dir < folder) {
			folder, files = dir, n
		}
	}
	if err == nil && folder == "" {
		err = errors.New("no folder of the newest snapshot has few enough files to be restored")
	}
	return folder, files, err
}

// sameFiles compares modes, times and contents of the files in two folders.
func sameFiles(want, got string) error {
	left := make(map[string]bool)
	err := filepath.WalkDir(want, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(want, at)
		if err != nil {
			return err
		}
		left[rel] = true
		if rel == "." {
			return nil
		}
		return sameFile(at, filepath.Join(got, rel))
	})
	if err != nil {
		return err
	}
	return filepath.WalkDir(got, func(at string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(got, at)
		if err == nil && !left[rel] {
			err = fmt.Errorf("restic did not restore %s", rel)
		}
		return err
	})
}

func sameFile(want, got string) error {
	a, err := os.Lstat(want)
	if err != nil {
		return err
	}
	b, err := os.Lstat(got)
	if err != nil {
		return err
	}
	if a.Mode() != b.Mode() || !a.ModTime().Equal(b.ModTime()) || a.Mode().IsRegular() && a.Size() != b.Size() {
		return fmt.Errorf("%s is %v of %v with %d bytes, %s is %v of %v with %d", want, a.Mode(), a.ModTime(), a.Size(), got, b.Mode(), b.ModTime(), b.Size())
	}
	if !a.Mode().IsRegular() {
		return nil
	}
	x, err := os.ReadFile(want)
	if err != nil {
		return err
	}
	y, err := os.ReadFile(got)
	if err == nil && !bytes.Equal(x, y) {
		err = fmt.Errorf("%s and %s differ", want, got)
	}
	return err
}
