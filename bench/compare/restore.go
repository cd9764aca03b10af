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
// and over HTTP, and compares the restored files of all programs.
func (c *comparison) restores(ctx context.Context) (err error) {
	if c.folder, c.restored, err = c.restorable(ctx); err != nil {
		return err
	}
	if err := c.restoreFrom(ctx, "a local disk", c.repo, nil, nil); err != nil {
		return err
	}
	if c.quick {
		return nil
	}
	s, address, stop, err := serveObjects(ctx, c.repo)
	if err != nil {
		return err
	}
	defer stop()
	env := []string{"AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=not checked", "AWS_DEFAULT_REGION=us-east-1"}
	return c.restoreFrom(ctx, "object storage, on the same machine", "s3:"+address+"/"+bucket, env, s)
}

// restoreFrom measures the restores from one place. With s it notes the requests.
func (c *comparison) restoreFrom(ctx context.Context, where, repo string, env []string, s *objectServer) error {
	restic, theirs, err := c.resticRestores(ctx, repo, env, s)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("restore of %d files from %s", c.restored, where)
	synced := make(map[bool]bool)
	var own, fetched int64
	p, err := c.byTurns(what, func(from side) (usage, error) {
		name := "syncline-target"
		if from.release {
			name = "release-target"
		}
		if s != nil {
			from = overHTTP(from)
		}
		if !synced[from.release] {
			if _, _, err := c.sync(ctx, env, repo, from); err != nil {
				return usage{}, err
			}
			synced[from.release] = true
		}
		if s != nil {
			s.take()
		}
		u, err := c.restoreInto(ctx, env, name, from.program, "-r", repo, "--cache-dir", from.cache, "--no-sync", "-q", "restore", "latest", "--include", literal(c.folder))
		if s != nil && !from.release {
			_, own, fetched = s.take()
		}
		return u, err
	})
	if err != nil {
		return err
	}
	u := c.pairedRow(what, restic, p)
	if len(p.release) > 0 {
		if err := sameFiles(filepath.Join(c.scratch, "release-target"), filepath.Join(c.scratch, "syncline-target")); err != nil {
			return err
		}
	}
	if restic == nil {
		return nil
	}
	if s == nil {
		c.answer(restoreSmall, columnRestic, *restic)
		c.answer(restoreSmall, columnSyncline, u)
	} else {
		c.note("Object storage, a restore: restic %s; Syncline %d requests, %.1f MB.", theirs, own, mb(fetched))
	}
	if err := sameFiles(filepath.Join(c.scratch, "restic-target"), filepath.Join(c.scratch, "syncline-target")); err != nil {
		return err
	}
	times := restic.wall.Seconds() / u.wall.Seconds()
	c.bounds = append(c.bounds, bound{
		"restore from " + where + ", against restic", "", "2.5 ×",
		fmt.Sprintf("%.1f × (%.2f s, %.2f s)", times, u.wall.Seconds(), restic.wall.Seconds()), unmeasured, judge(times >= 2.5),
	})
	return nil
}

// resticRestores measures restic's restores, and tells the requests of the last one.
func (c *comparison) resticRestores(ctx context.Context, repo string, env []string, s *objectServer) (u *usage, requests string, err error) {
	if c.quick {
		return nil, "", nil
	}
	cache := c.resticCache()
	if s != nil {
		cache += "-s3"
	}
	m, err := median(min(c.runs, 3), func() (usage, error) {
		if s != nil {
			s.take()
		}
		return c.restoreInto(ctx, env, "restic-target", c.restic, "-r", repo, "--no-lock", "--cache-dir", cache, "-q", "restore", "latest", "--include", literal(c.folder))
	})
	if err != nil || s == nil {
		return &m, "", err
	}
	_, n, fetched := s.take()
	return &m, fmt.Sprintf("%d requests, %.1f MB", n, mb(fetched)), nil
}

// restoreInto runs a restore into an empty folder.
func (c *comparison) restoreInto(ctx context.Context, env []string, name, program string, args ...string) (usage, error) {
	target := filepath.Join(c.scratch, name)
	if err := c.setAside(target); err != nil {
		return usage{}, err
	}
	return measure(ctx, env, program, append(args, "--target", target)...)
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
	}, c.syncline, c.plain(c.ours(), "ls", "--json", "latest")...)
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
