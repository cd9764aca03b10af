// Command compare measures Syncline beside restic and beside the floor, on one
// repository in one run, and prints the figures and ratios as a table. It
// asserts nothing.
//
// Usage: RESTIC_PASSWORD=… compare -r REPOSITORY -syncline BIN -floor BIN -restic BIN
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	c := comparison{}
	flag.StringVar(&c.repo, "r", "", "folder of the repository")
	flag.StringVar(&c.syncline, "syncline", "", "the syncline program")
	flag.StringVar(&c.floor, "floor", "", "the floor program")
	flag.StringVar(&c.restic, "restic", "restic", "the restic program")
	flag.Parse()
	if err := c.run(); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

type comparison struct {
	repo, syncline, floor, restic string
	scratch                       string
}

// usage is what one command took.
type usage struct {
	wall, user time.Duration
	peak       int64 // bytes of memory
	out        []byte
}

func (c *comparison) measure(program string, args ...string) (usage, error) {
	cmd := exec.CommandContext(context.Background(), program, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	begun := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return usage{}, fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, stderr.String())
	}
	u := usage{wall: time.Since(begun), user: cmd.ProcessState.UserTime(), out: out}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = r.Maxrss << 10
	}
	return u, nil
}

func (c *comparison) run() (err error) {
	if c.scratch, err = os.MkdirTemp("", "syncline-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.scratch)) }()
	version, err := c.measure(c.restic, "version")
	if err != nil {
		return err
	}
	rCache, sCache := filepath.Join(c.scratch, "restic"), filepath.Join(c.scratch, "syncline")
	resticArgs := func(args ...string) []string {
		return append([]string{"-r", c.repo, "--no-lock", "--cache-dir", rCache}, args...)
	}
	synclineArgs := func(args ...string) []string {
		return append([]string{"-r", c.repo, "--cache-dir", sCache}, args...)
	}
	steps := []struct {
		name    string
		program string
		args    []string
		got     usage
	}{
		{name: "floor", program: c.floor, args: []string{"-r", c.repo, "-json"}},
		{name: "restic find, cold", program: c.restic, args: resticArgs("find", "no-such-name-anywhere")},
		{name: "restic find, warm", program: c.restic, args: resticArgs("find", "no-such-name-anywhere")},
		{name: "restic ls of one snapshot", program: c.restic, args: resticArgs("ls", "latest")},
		{name: "syncline first sync", program: c.syncline, args: synclineArgs("sync", "--json")},
		{name: "syncline sync, nothing new", program: c.syncline, args: synclineArgs("sync", "--json")},
		{name: "syncline ls of one snapshot", program: c.syncline, args: synclineArgs("ls", "latest")},
		{name: "syncline ls --no-sync", program: c.syncline, args: synclineArgs("--no-sync", "ls", "latest")},
	}
	fmt.Printf("%s%d cores\n\n| what | seconds | user CPU s | peak memory MB |\n| --- | --- | --- | --- |\n", version.out, runtime.NumCPU())
	for i := range steps {
		s := &steps[i]
		if s.got, err = c.measure(s.program, s.args...); err != nil {
			return err
		}
		fmt.Printf("| %s | %.3f | %.2f | %d |\n", s.name, s.got.wall.Seconds(), s.got.user.Seconds(), s.got.peak>>20)
	}
	return c.ratios(steps[0].got, steps[1].got, steps[4].got, steps[5].got, rCache, sCache)
}

func (c *comparison) ratios(floor, find, first, again usage, rCache, sCache string) error {
	var f struct {
		Open  float64 `json:"open_seconds"`
		Index float64 `json:"index_seconds"`
		Trees float64 `json:"tree_seconds"`
		Bytes int64   `json:"stored_bytes"`
	}
	if err := json.Unmarshal(floor.out, &f); err != nil {
		return err
	}
	var s struct {
		Bytes    int64            `json:"bytesFetched"`
		Requests int64            `json:"requests"`
		Kinds    map[string]int64 `json:"requestsByKind"`
	}
	if err := json.Unmarshal(first.out, &s); err != nil {
		return err
	}
	rSize, err := size(rCache)
	if err != nil {
		return err
	}
	sSize, err := size(sCache)
	if err != nil {
		return err
	}
	sync := first.wall.Seconds() - f.Open
	fmt.Printf(`
The floor: key %.3f s, indexes %.3f s, trees %.3f s. A command's time includes the key.

| ratio | measured |
| --- | --- |
| first synchronization, against restic's cold find | %.1f x faster |
| first synchronization without the key, against the floor's trees | %.2f x |
| first synchronization without the key, against the floor's indexes and trees | %.2f x |
| synchronization with nothing new, without the key | %.0f ms |
| catalog on disk, against restic's cache | %.2f (%d MB, %d MB) |
| bytes fetched, against the trees' own size | %.3f (%d requests: %v) |
`, f.Open, f.Index, f.Trees,
		find.wall.Seconds()/first.wall.Seconds(), sync/f.Trees, sync/(f.Index+f.Trees),
		1000*max(0, again.wall.Seconds()-f.Open),
		float64(sSize)/float64(rSize), sSize>>20, rSize>>20,
		float64(s.Bytes)/float64(f.Bytes), s.Requests, s.Kinds)
	return nil
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
