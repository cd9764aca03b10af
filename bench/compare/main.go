// Command compare measures Syncline, restic and the floor on one repository in
// one run, and prints figures and ratios as Markdown. It checks that Syncline
// and restic give the same answers, and asserts no time. Each row of Syncline is
// also paired with the present release: both programs run by turns, and a row in
// which this one is slower by more than the spread is marked. With -growth it
// prints one row of the table of growth instead.
//
// It knows the programs from the outside only: their commands, their HTTP
// interface and their requests to an object storage.
//
// Usage: RESTIC_PASSWORD=… compare -r REPOSITORY -syncline BIN -floor BIN
// -restic BIN [-release BIN] [-newest | -quick] [-steps LIST] [-into FILE] [-readme FILE]
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
	var o options
	flag.StringVar(&c.repo, "r", "", "folder of the repository")
	flag.StringVar(&c.syncline, "syncline", "", "the syncline program")
	flag.StringVar(&c.release, "release", "", "the present release's syncline program; without it, no row is paired")
	flag.StringVar(&c.floor, "floor", "", "the floor program")
	flag.StringVar(&c.restic, "restic", "restic", "the restic program")
	flag.StringVar(&c.genrepo, "genrepo", "", "the genrepo program, which writes the repositories of an idle server; without it, none is measured")
	flag.StringVar(&c.kopia, "kopia", "", "the kopia program; without it, it has no column in the README's table")
	flag.StringVar(&c.kopiaRepo, "kopia-repository", "", "folder of kopia's repository of the same files")
	flag.StringVar(&c.large, "large", "", "the repository of make-files.sh, with the same password; without it, no large files are restored")
	flag.StringVar(&c.work, "work", os.TempDir(), "folder for caches, on the repository's disk if possible")
	flag.IntVar(&c.runs, "runs", 3, "how often the floor, the older state and a row of growth are measured; the median counts")
	flag.BoolVar(&c.newest, "newest", false, "ask restic about the newest snapshot only, where all of them take too long")
	flag.BoolVar(&c.quick, "quick", false, "leave out restic and what takes minutes")
	flag.StringVar(&c.steps, "steps", "", "only these steps, with commas between; what each needs runs too")
	flag.StringVar(&o.growth, "growth", "", "only print a row of the table of growth, with this text in front")
	flag.StringVar(&o.into, "into", "", "also write the result into this document, between its marks for this kind of repository")
	flag.StringVar(&o.readme, "readme", "", "also write the short table into this document, between its marks")
	flag.StringVar(&o.section, "section", "", "which marks those are, where it is not for the kind of repository to tell")
	flag.StringVar(&o.from, "from", "", "measure nothing, and take the result from this file")
	flag.Parse()
	if err := c.main(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// options say what is measured, and where the results go.
type options struct {
	growth, into, readme, section, from string
}

func (c *comparison) main(ctx context.Context, o options) error {
	if c.quick {
		c.runs = 1
	}
	if (c.quick || c.steps != "") && (o.into != "" || o.readme != "") {
		return errors.New("a run with -quick or -steps is not whole, and is written into no document")
	}
	var text strings.Builder
	c.out = io.MultiWriter(os.Stdout, &text)
	run := c.run
	if o.growth != "" {
		run = func(ctx context.Context) error { return c.growthRow(ctx, o.growth) }
	}
	if o.from != "" {
		run = func(context.Context) error {
			raw, err := os.ReadFile(o.from)
			text.Write(raw)
			return err
		}
	}
	if err := c.within(ctx, run); err != nil {
		return err
	}
	if o.into != "" {
		if err := replaceSection(o.into, cmp.Or(o.section, c.section()), text.String()); err != nil {
			return err
		}
	}
	if c.quick || o.growth != "" || o.from != "" {
		return nil
	}
	table := c.readme()
	fmt.Printf("\n%s", table)
	if o.readme != "" {
		return replaceSection(o.readme, "numbers", table)
	}
	return nil
}

// comparison is one run on one repository.
type comparison struct {
	repo, syncline, floor, restic string
	release                       string // "" for none
	genrepo                       string // "" for no idle server
	kopia, kopiaRepo              string // "" for none
	large                         string // repository of large files; "" for none
	aside                         int    // folders that setAside has moved
	work, scratch                 string
	runs                          int
	newest, quick                 bool
	steps                         string // "" for all
	out                           io.Writer

	rows, served []row
	bounds       []bound
	notes        []string
	answers      map[question]map[column]usage
	snapshots    []string // ids, oldest first
	files        int      // of the newest
	pick         picked
	floorSaid    floorResult
	firstSaid    syncResult
	first        usage // the first synchronization
	cold         usage // restic's cold find
	coldSize     int64 // bytes of restic's cache after it
	coldIs       string
	folder       string // which is restored
	restored     int    // its files

	resticVersion, synclineVersion, releaseVersion, kopiaVersion string
}

// within calls fn with a scratch folder.
func (c *comparison) within(ctx context.Context, fn func(context.Context) error) (err error) {
	if c.repo, err = filepath.Abs(c.repo); err != nil {
		return err
	}
	if c.work, err = filepath.Abs(c.work); err != nil { // a server takes absolute paths
		return err
	}
	if c.kopiaRepo != "" { // so does kopia
		if c.kopiaRepo, err = filepath.Abs(c.kopiaRepo); err != nil {
			return err
		}
	}
	if c.scratch, err = os.MkdirTemp(c.work, "compare-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.scratch)) }()
	return fn(ctx)
}

// step is a part of a run.
type step struct {
	name   string
	run    func(context.Context) error
	always bool // the other steps need it
	slow   bool // it is about restic alone, or takes minutes
}

func (c *comparison) all() []step {
	return []step{
		{name: "versions", run: c.versions, always: true},
		{name: "floor", run: c.measureFloor, always: true},
		{name: "first", run: c.firstSync, always: true},
		{name: "cold", run: c.coldFind, slow: true},
		{name: "nothing", run: c.nothingNew},
		{name: "more", run: c.oneMore},
		{name: "searches", run: c.searches},
		{name: "listings", run: c.listings},
		{name: "differences", run: c.differences},
		{name: "news", run: c.news},
		{name: "objects", run: c.objectStorage, slow: true},
		{name: "restores", run: c.restores},
		{name: "large", run: c.largeRestores, slow: true},
		{name: "server", run: c.server},
		{name: "served", run: c.servedByTurns},
		{name: "idle", run: c.idle, slow: true},
		{name: "lists", run: c.lists, slow: true},
		{name: "kopia", run: c.measureKopia, slow: true},
	}
}

// chosen returns the steps that run.
func (c *comparison) chosen() (out []step, err error) {
	want := make(map[string]bool)
	for name := range strings.SplitSeq(c.steps, ",") {
		want[strings.TrimSpace(name)] = true
	}
	for _, s := range c.all() {
		inAll := c.steps == "" && (!s.slow || !c.quick)
		if s.always || inAll || want[s.name] {
			out = append(out, s)
		}
		delete(want, s.name)
	}
	delete(want, "")
	for name := range want {
		return nil, fmt.Errorf("there is no step %q", name)
	}
	return out, nil
}

func (c *comparison) run(ctx context.Context) error {
	steps, err := c.chosen()
	if err != nil {
		return err
	}
	for _, s := range steps {
		fmt.Fprintf(os.Stderr, "compare: %s %s\n", time.Now().Format(time.TimeOnly), s.name)
		if err := s.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if c.quick {
		c.note("This is the quick form: restic is left out, and so are object storage, an idle server and the comparison of lists.")
	}
	c.report()
	return nil
}

func (c *comparison) resticCache() string   { return filepath.Join(c.scratch, "restic") }
func (c *comparison) synclineCache() string { return filepath.Join(c.scratch, "syncline") }

func (c *comparison) resticArgs(args ...string) []string {
	return append([]string{"-r", c.repo, "--no-lock", "--cache-dir", c.resticCache()}, args...)
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
