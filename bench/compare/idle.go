package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	// idleRepositories are attached to the server that idles for idleTime.
	idleRepositories = 100
	idleTime         = time.Minute
	// idleSettles is how long the server has been started by then.
	idleSettles = 30 * time.Second
	// attachTime is the most that the catalogs of all of them take.
	attachTime = 10 * time.Minute
)

// idle attaches many small repositories to a server, starts it again, and measures its
// memory and its CPU time while nobody asks it.
func (c *comparison) idle(ctx context.Context) error {
	if c.genrepo == "" {
		c.note("An idle server was not measured, because no -genrepo writes its repositories.")
		return nil
	}
	data := filepath.Join(c.scratch, "idle-data")
	s, err := c.startServer(ctx, c.ours(), data)
	if err != nil {
		return err
	}
	err = c.attachSmall(ctx, s)
	if _, stopErr := s.stop(); err != nil || stopErr != nil {
		return errors.Join(err, stopErr)
	}
	if s, err = c.startServer(ctx, c.ours(), data); err != nil {
		return err
	}
	pass(ctx, idleSettles)
	before, _, err := used(s.cmd.Process.Pid)
	pass(ctx, idleTime)
	after, memory, usedErr := used(s.cmd.Process.Pid)
	_, stopErr := s.stop()
	if err := errors.Join(err, usedErr, stopErr); err != nil {
		return err
	}
	c.bounds = append(c.bounds, bound{
		fmt.Sprintf("memory of an idle server with %d repositories", idleRepositories), "150 MB", "100 MB", fmt.Sprintf("%.0f MB", mb(memory)),
		judge(memory <= 150e6), judge(memory <= 100e6),
	})
	c.note("Server with %d repositories that nobody asks: %.0f MB of memory, %.2f s of CPU time in %s.", idleRepositories, mb(memory), after-before, idleTime)
	return nil
}

// pass waits for a time, or for the end of ctx.
func pass(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// attachSmall writes small repositories, attaches them, and waits for their catalogs.
func (c *comparison) attachSmall(ctx context.Context, s *server) error {
	ctx, cancel := context.WithTimeoutCause(ctx, attachTime, errors.New("the catalogs of the small repositories are not there in time"))
	defer cancel()
	var key struct {
		ID string `json:"id"`
	}
	if err := s.call(ctx, "POST", "/v6/EncryptionKeys", map[string]string{"password": os.Getenv("RESTIC_PASSWORD")}, &key); err != nil {
		return err
	}
	for i := range idleRepositories {
		dir := filepath.Join(c.scratch, "small", strconv.Itoa(i))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if out, err := exec.CommandContext(ctx, c.genrepo, "-r", dir, "-files", "200", "-snapshots", "3", "-seed", strconv.Itoa(i+1)).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		err := s.call(ctx, "POST", "/v6/BackupRepositories", map[string]string{
			"name": fmt.Sprint("small ", i), "path": dir, "encryptionKeyId": key.ID, "retentionType": "SnapshotBased",
		}, nil)
		if err != nil {
			return err
		}
	}
	again := time.NewTicker(sessionPause)
	defer again.Stop()
	for {
		var points []struct {
			RepositoryID string `json:"backupRepositoryId"`
		}
		if err := s.call(ctx, "GET", "/v6/RestorePoints", nil, &points); err != nil {
			return err
		}
		if len(points) == 3*idleRepositories {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// used returns what the system tells of a process: its CPU time in seconds, and the bytes
// of memory that it has.
func used(pid int) (seconds float64, memory int64, err error) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, 0, fmt.Errorf("an idle server can be measured on Linux only: %w", err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // behind the program's name
	fields := strings.Fields(rest)
	const user, system, pages = 11, 12, 21
	if len(fields) <= pages {
		return 0, 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	var n [3]int64
	for i, at := range []int{user, system, pages} {
		if n[i], err = strconv.ParseInt(fields[at], 10, 64); err != nil {
			return 0, 0, err
		}
	}
	const ticks = 100 // in a second
	return float64(n[0]+n[1]) / ticks, n[2] * int64(os.Getpagesize()), nil
}
