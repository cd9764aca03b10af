// Command compare measures Syncline, restic and the floor on one repository in
// one run, and prints figures and ratios as Markdown. It checks that Syncline
// and restic give the same answers, and asserts no time. With -growth it prints
// one row of the table of growth instead.
//
// It knows the programs from the outside only: their commands, their HTTP
// interface and their requests to an object storage.
//
// Usage: RESTIC_PASSWORD=… compare -r REPOSITORY -syncline BIN -floor BIN
// -restic BIN [-newest] [-into FILE]
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	var c comparison
	var growth, into, section, from string
	flag.StringVar(&c.repo, "r", "", "folder of the repository")
	flag.StringVar(&c.syncline, "syncline", "", "the syncline program")
	flag.StringVar(&c.floor, "floor", "", "the floor program")
	flag.StringVar(&c.restic, "restic", "restic", "the restic program")
	flag.StringVar(&c.genrepo, "genrepo", "", "the genrepo program, which writes the repositories of an idle server; without it, none is measured")
	flag.StringVar(&c.work, "work", os.TempDir(), "folder for caches, on the repository's disk if possible")
	flag.IntVar(&c.runs, "runs", 3, "how often what is short is measured; the median counts")
	flag.BoolVar(&c.newest, "newest", false, "ask restic about the newest snapshot only, where all of them take too long")
	flag.StringVar(&growth, "growth", "", "only print a row of the table of growth, with this text in front")
	flag.StringVar(&into, "into", "", "also write the result into this document, between its marks for this kind of repository")
	flag.StringVar(&section, "section", "", "which marks those are, where it is not for the kind of repository to tell")
	flag.StringVar(&from, "from", "", "measure nothing, and take the result from this file")
	flag.Parse()
	var text strings.Builder
	c.out = io.MultiWriter(os.Stdout, &text)
	run := c.run
	if growth != "" {
		run = func(ctx context.Context) error { return c.growthRow(ctx, growth) }
	}
	if from != "" {
		run = func(context.Context) error {
			raw, err := os.ReadFile(from)
			text.Write(raw)
			return err
		}
	}
	err := c.within(context.Background(), run)
	if err == nil && into != "" {
		err = replaceSection(into, cmp.Or(section, c.section()), text.String())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// comparison is one run on one repository.
type comparison struct {
	repo, syncline, floor, restic string
	genrepo                       string // "" for no idle server
	work, scratch                 string
	runs                          int
	newest                        bool
	out                           io.Writer

	rows      []row
	bounds    []bound
	notes     []string
	snapshots []string // ids, oldest first
	pick      picked
	floorSaid floorResult
	firstSaid syncResult
	cold      usage // restic's cold find
	coldSize  int64 // bytes of restic's cache after it
	coldIs    string
}

// within calls fn with a scratch folder.
func (c *comparison) within(ctx context.Context, fn func(context.Context) error) (err error) {
	if c.repo, err = filepath.Abs(c.repo); err != nil {
		return err
	}
	if c.work, err = filepath.Abs(c.work); err != nil { // a server takes absolute paths
		return err
	}
	if c.scratch, err = os.MkdirTemp(c.work, "compare-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.scratch)) }()
	return fn(ctx)
}

func (c *comparison) run(ctx context.Context) error {
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"floor", c.measureFloor},
		{"first synchronization", c.firstSync},
		{"restic with an empty cache", c.coldFind},
		{"nothing new", c.nothingNew},
		{"one more snapshot", c.oneMore},
		{"searches", c.searches},
		{"listings", c.listings},
		{"differences", c.differences},
		{"object storage", c.objectStorage},
		{"restores", c.restores},
		{"server", c.server},
		{"idle server", c.idle},
		{"comparison of lists", c.lists},
	} {
		fmt.Fprintf(os.Stderr, "compare: %s %s\n", time.Now().Format(time.TimeOnly), step.name)
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return c.report(ctx)
}

func (c *comparison) resticCache() string   { return filepath.Join(c.scratch, "restic") }
func (c *comparison) synclineCache() string { return filepath.Join(c.scratch, "syncline") }

func (c *comparison) resticArgs(args ...string) []string {
	return append([]string{"-r", c.repo, "--no-lock", "--cache-dir", c.resticCache()}, args...)
}

func (c *comparison) synclineArgs(args ...string) []string {
	return append([]string{"-r", c.repo, "--cache-dir", c.synclineCache()}, args...)
}

// machine describes the machine.
func machine() string {
	name := "unknown processor"
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(raw)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	load := ""
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = ", load " + strings.Join(strings.Fields(string(raw))[:3], " ") + " at the end"
	}
	return fmt.Sprintf("%s, %d cores%s", name, runtime.NumCPU(), load)
}
