package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

// usage is the cost of one command.
type usage struct {
	wall, cpu time.Duration // cpu is that of user and system
	peak      int64         // bytes of memory
	out       []byte
}

// measure runs a program and returns its output.
func measure(ctx context.Context, env []string, program string, args ...string) (usage, error) {
	var out []byte
	u, err := stream(ctx, env, func(r io.Reader) (err error) {
		out, err = io.ReadAll(r)
		return err
	}, program, args...)
	u.out = out
	return u, err
}

// stream runs a program and passes its output to fn.
func stream(ctx context.Context, env []string, fn func(io.Reader) error, program string, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return usage{}, err
	}
	forget()
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	readErr := fn(out)
	if readErr != nil {
		_, _ = io.Copy(io.Discard, out) // so that it ends
	}
	if err := errors.Join(readErr, cmd.Wait()); err != nil {
		return usage{}, fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, stderr.String())
	}
	u := usage{wall: time.Since(begun), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = r.Maxrss << 10
	}
	return u, nil
}

// forget lowers the peak memory of this process. The peak of a program that it starts
// begins with it, where the system is Linux.
func forget() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // only there
}

// median runs something several times and returns the run of median time.
func median(runs int, fn func() (usage, error)) (usage, error) {
	all := make([]usage, 0, runs)
	for range max(1, runs) {
		u, err := fn()
		if err != nil {
			return usage{}, err
		}
		all = append(all, u)
	}
	return middle(all), nil
}

// middle returns the run of median time.
func middle(all []usage) usage {
	all = slices.SortedFunc(slices.Values(all), func(a, b usage) int { return cmp.Compare(a.wall, b.wall) })
	return all[len(all)/2]
}

// nothing discards what a program prints.
func nothing(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// lines calls fn with every line of r. The line is fn's until it returns.
func lines(r io.Reader, fn func([]byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 1<<20), 1<<30)
	for s.Scan() {
		if err := fn(s.Bytes()); err != nil {
			return err
		}
	}
	return s.Err()
}

// size sums the files below dir, in bytes.
func size(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	return sum, err
}
