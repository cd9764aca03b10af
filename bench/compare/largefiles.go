package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// setAside moves a restored folder out of the way, and waits until the disk has
// what was written before. Nothing is removed: ext4 does not use an inode again
// in the minute after its removal, and looks at each one that it leaves out,
// so that files made then take four times as long.
func (c *comparison) setAside(target string) error {
	c.aside++
	err := os.Rename(target, filepath.Join(c.scratch, "aside-"+strconv.Itoa(c.aside)))
	if os.IsNotExist(err) {
		err = nil
	}
	syscall.Sync()
	return err
}

// largeRestores measures restores of large files beside their floors, and the
// floor of the restores of small files before them.
func (c *comparison) largeRestores(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(c.scratch, "restic-target")); err == nil { // that step runs too
		small, err := c.makeLike(ctx, filepath.Join(c.scratch, "restic-target"))
		if err != nil {
			return err
		}
		c.row("the floor of these restores: the same files made with few calls, on all cores", &small, nil, nil)
	}
	if c.large == "" {
		return nil
	}
	if err := c.decodeFloor(ctx); err != nil {
		return err
	}
	s, address, stop, err := serveObjects(ctx, c.large)
	if err != nil {
		return err
	}
	defer stop()
	for _, from := range []struct{ where, repo string }{
		{"a local disk", c.large},
		{"object storage, on the same machine", "s3:" + address + "/" + bucket},
	} {
		if err := c.largeFrom(ctx, from.where, from.repo); err != nil {
			return err
		}
		by, n, bytes := s.take()
		if n > 0 {
			c.note("Object storage, restores of large files: %d requests (%s), %.0f MB, in all runs of both programs.", n, kinds(by), mb(bytes))
		}
	}
	made, err := c.makeLike(ctx, filepath.Join(c.scratch, "large-restic"))
	if err == nil {
		c.row("the floor of large files: the same bytes written", &made, nil, nil)
	}
	return err
}

// decodeFloor measures how long the bytes of the large files take at least.
func (c *comparison) decodeFloor(ctx context.Context) error {
	u, err := median(3, func() (usage, error) { // the first may fill the disk's cache
		u, err := measure(ctx, nil, c.floor, "-r", c.large, "-data", "-json")
		if err != nil {
			return u, err
		}
		var said struct {
			Seconds float64 `json:"tree_seconds"`
		}
		err = json.Unmarshal(u.out, &said)
		u.wall = time.Duration(said.Seconds * float64(time.Second))
		return u, err
	})
	if err != nil {
		return err
	}
	c.row("the floor of large files: all data decrypted and hashed, on all cores", &u, nil, nil)
	return nil
}

// largeFrom measures both programs by turns.
func (c *comparison) largeFrom(ctx context.Context, where, repo string) error {
	env := []string{"AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=not checked", "AWS_DEFAULT_REGION=us-east-1"}
	cache := filepath.Join(c.scratch, "large-cache")
	if _, err := measure(ctx, env, c.syncline, "-r", repo, "--cache-dir", cache, "-q", "sync"); err != nil {
		return err
	}
	into := func(name, program string, args ...string) func() (usage, error) {
		return func() (usage, error) {
			target := filepath.Join(c.scratch, name)
			if err := os.RemoveAll(target); err != nil { // few files: see setAside
				return usage{}, err
			}
			syscall.Sync()
			return measure(ctx, env, program, append(args, "--target", target)...)
		}
	}
	theirs := into("large-restic", c.restic, "-r", repo, "--no-lock", "--cache-dir", cache+"-restic", "-q", "restore", "latest")
	mine := into("large-syncline", c.syncline, "-r", repo, "--cache-dir", cache, "--no-sync", "-q", "restore", "latest")
	var runs [2][]usage
	for range min(c.runs, 3) {
		for i, run := range []func() (usage, error){theirs, mine} {
			u, err := run()
			if err != nil {
				return err
			}
			runs[i] = append(runs[i], u)
		}
	}
	restic, syncline := middle(runs[0]), middle(runs[1])
	if err := sameFiles(filepath.Join(c.scratch, "large-restic"), filepath.Join(c.scratch, "large-syncline")); err != nil {
		return err
	}
	c.row("restore of large files from "+where, nil, &restic, &syncline)
	times := restic.wall.Seconds() / syncline.wall.Seconds()
	c.bounds = append(c.bounds, bound{
		"restore of large files from " + where + ", against restic", "as fast", "2.5 ×",
		fmt.Sprintf("%.1f × (%.2f s, %.2f s)", times, syncline.wall.Seconds(), restic.wall.Seconds()), judge(times >= 1), judge(times >= 2.5),
	})
	return nil
}

// makeLike measures how long it takes to make the files of a folder again.
func (c *comparison) makeLike(ctx context.Context, like string) (usage, error) {
	return median(min(c.runs, 3), func() (usage, error) {
		into := filepath.Join(c.scratch, "made")
		if err := c.setAside(into); err != nil {
			return usage{}, err
		}
		u, err := measure(ctx, nil, c.floor, "-like", like, "-into", into)
		if err != nil {
			return u, err
		}
		var made struct {
			Seconds float64 `json:"seconds"`
		}
		err = json.Unmarshal(u.out, &made)
		u.wall = time.Duration(made.Seconds * float64(time.Second))
		return u, err
	})
}
