package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"
)

// picked is the material of the searches: names and folders that exist.
type picked struct {
	name, glob, pattern string // one of each
	file                string // a file's path
	names, dirs         []string
}

// node has the fields that are used of a line of ls --json and of a match of
// find --json.
type node struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Path string `json:"path"`
}

// choose reads the snapshots and picks names of the newest, always the same.
func (c *comparison) choose(ctx context.Context) error {
	u, err := measure(ctx, nil, c.syncline, c.plain(c.ours(), "snapshots", "--json")...)
	if err != nil {
		return err
	}
	var list []struct {
		ID   string    `json:"id"`
		Time time.Time `json:"time"`
	}
	if err := json.Unmarshal(u.out, &list); err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b struct {
		ID   string    `json:"id"`
		Time time.Time `json:"time"`
	},
	) int {
		return a.Time.Compare(b.Time)
	})
	for _, s := range list {
		c.snapshots = append(c.snapshots, s.ID)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	files, dirs := sample{rng: rng, size: 500}, sample{rng: rng, size: 500}
	_, err = stream(ctx, nil, func(r io.Reader) error {
		return lines(r, func(line []byte) error {
			var n node
			if err := json.Unmarshal(line, &n); err != nil {
				return err
			}
			switch n.Type {
			case "file":
				files.add(n.Path)
			case "dir":
				dirs.add(n.Path)
			}
			return nil
		})
	}, c.syncline, c.plain(c.ours(), "ls", "--json", "latest")...)
	if err != nil {
		return err
	}
	if len(files.kept) == 0 || len(dirs.kept) == 0 {
		return fmt.Errorf("the newest snapshot of %s has no files in folders", c.repo)
	}
	for _, p := range files.kept {
		c.pick.names = append(c.pick.names, path.Base(p))
	}
	c.pick.dirs, c.files = dirs.kept, files.seen
	one := files.kept[len(files.kept)/2]
	c.pick.file = one
	c.pick.name = literal(path.Base(one))
	stem, _, _ := strings.Cut(c.pick.name, ".")
	c.pick.glob = "*" + stem[len(stem)/3:] + "*"
	top, _, _ := strings.Cut(one[1:], "/")
	c.pick.pattern = "/" + literal(top) + "/**/" + literal(path.Base(path.Dir(one))) + "/*" + path.Ext(c.pick.name)
	return nil
}

// literal escapes the special characters of patterns.
func literal(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

// sample keeps some of many texts, each with the same probability.
type sample struct {
	rng        *rand.Rand
	size, seen int
	kept       []string
}

func (s *sample) add(text string) {
	s.seen++
	if len(s.kept) < s.size {
		s.kept = append(s.kept, text)
	} else if i := s.rng.IntN(s.seen); i < s.size {
		s.kept[i] = text
	}
}

// searches measures find and compares the results.
func (c *comparison) searches(ctx context.Context) error {
	for i, q := range []struct{ what, pattern string }{
		{"find a name", c.pick.name}, {"find a glob", c.pick.glob}, {"find a path pattern", c.pick.pattern},
	} {
		if err := c.search(ctx, q.what, q.pattern, i == 0); err != nil {
			return err
		}
	}
	what := "find names with a part, one line per version"
	part, err := c.commands(ctx, what, func(s side) []string { return c.plain(s, "find", "--contains", c.pick.name) })
	if err == nil {
		c.pairedRow(what, nil, part)
	}
	return err
}

// search measures one search over all snapshots and compares its results with
// restic's. With first it compares the first snapshot only, because restic
// takes long.
func (c *comparison) search(ctx context.Context, what, pattern string, first bool) error {
	mine, err := c.byTurns(what, func(s side) (usage, error) {
		return measure(ctx, nil, s.program, c.plain(s, "find", "--json", pattern)...)
	})
	if err != nil {
		return err
	}
	paths, err := matches(mine.this[0].out, "")
	if err != nil {
		return err
	}
	if c.quick || c.newest && !first {
		c.pairedRow(fmt.Sprintf("%s, `%s`: %d paths", what, pattern, len(paths)), nil, mine)
		return nil
	}
	args := []string{"find", "--json", pattern}
	only := ""
	if c.newest {
		only = c.snapshots[len(c.snapshots)-1]
		args = append(args, "--snapshot", only)
	}
	theirs, err := measure(ctx, nil, c.restic, c.resticArgs(args...)...)
	if err != nil {
		return err
	}
	want, err := matches(theirs.out, only)
	if err != nil {
		return err
	}
	if only != "" {
		if paths, err = matches(mine.this[0].out, only); err != nil {
			return err
		}
		what += " (restic in the newest snapshot, Syncline in all)"
	}
	if !maps.Equal(paths, want) {
		return fmt.Errorf("find %q: restic finds %d paths, syncline %d, and they are not the same", pattern, len(want), len(paths))
	}
	u := c.pairedRow(fmt.Sprintf("%s, `%s`: the same %d paths", what, pattern, len(want)), &theirs, mine)
	if first && !c.newest {
		c.answer(findName, columnRestic, theirs)
		c.faster("name search over all snapshots, new process, `--no-sync`, against restic's `find`", theirs, u, 500, 1000)
	}
	return nil
}

// matches returns the paths in each snapshot in the output of find --json. A
// non-empty only chooses one snapshot.
func matches(raw []byte, only string) (map[string]bool, error) {
	var list []struct {
		Matches  []node `json:"matches"`
		Snapshot string `json:"snapshot"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("read what find printed: %w", err)
	}
	out := make(map[string]bool)
	for _, s := range list {
		if only != "" && !strings.HasPrefix(only, s.Snapshot) {
			continue
		}
		for _, m := range s.Matches {
			out[fmt.Sprintf("%.8s %s", s.Snapshot, m.Path)] = true
		}
	}
	return out, nil
}

// pair measures the same command of both programs, with their caches. next is how
// many times restic's speed it shall have; 0 is no bound. It compares the items of
// diff; the step lists compares those of ls and snapshots.
func (c *comparison) pair(ctx context.Context, of question, what string, next float64, args ...string) error {
	run := func(program string, all []string) (usage, error) {
		if args[0] == "diff" {
			return measure(ctx, nil, program, all...)
		}
		return stream(ctx, nil, nothing, program, all...)
	}
	var theirs *usage
	if !c.quick {
		u, err := run(c.restic, c.resticArgs(args...))
		if err != nil {
			return err
		}
		theirs = &u
		c.answer(of, columnRestic, u)
	}
	p, err := c.byTurns(what, func(s side) (usage, error) { return run(s.program, c.plain(s, args...)) })
	if err != nil {
		return err
	}
	if theirs != nil && !maps.Equal(changes(theirs.out), changes(p.this[0].out)) {
		return fmt.Errorf("%s: restic prints %d items, syncline %d, and they are not the same", what, len(changes(theirs.out)), len(changes(p.this[0].out)))
	}
	mine := c.pairedRow(what, theirs, p)
	if theirs != nil && next > 0 {
		c.faster(what+", `--no-sync`, against restic", *theirs, mine, 0, next)
	}
	return nil
}

// faster adds a bound on how many times faster than restic this program is. A hold of 0
// is none.
func (c *comparison) faster(what string, restic, mine usage, hold, next float64) {
	times := restic.wall.Seconds() / mine.wall.Seconds()
	b := bound{
		what: what, then: grouped(next) + " ×", metThen: judge(times >= next),
		measured: fmt.Sprintf("%.0f × (%.3f s, %.1f s)", times, mine.wall.Seconds(), restic.wall.Seconds()),
	}
	if hold > 0 {
		b.reach, b.met = grouped(hold)+" × faster", judge(times >= hold)
	}
	c.bounds = append(c.bounds, b)
}

// grouped writes a number with commas between thousands.
func grouped(n float64) string {
	if n < 1000 {
		return fmt.Sprintf("%.0f", n)
	}
	thousands := math.Floor(n / 1000)
	return fmt.Sprintf("%s,%03.0f", grouped(thousands), n-1000*thousands)
}

func (c *comparison) listings(ctx context.Context) error {
	for _, q := range []struct {
		of   question
		next float64
		args []string
	}{
		{listNewest, 50, []string{"ls", "latest"}},
		{unasked, 50, []string{"ls", "--json", "latest"}},
		{listSnapshots, 0, []string{"snapshots"}},
		{unasked, 0, []string{"snapshots", "--json"}},
	} {
		if err := c.pair(ctx, q.of, "`"+strings.Join(q.args, " ")+"`", q.next, q.args...); err != nil {
			return err
		}
	}
	what := "`history` of a file"
	p, err := c.commands(ctx, what, func(s side) []string { return c.plain(s, "history", c.pick.file) })
	if err == nil {
		c.pairedRow(what, nil, p)
	}
	return err
}

func (c *comparison) differences(ctx context.Context) error {
	n := len(c.snapshots)
	if n < 2 {
		return nil
	}
	if err := c.pair(ctx, diffNewest, "`diff` of the last two snapshots", 100, "diff", c.snapshots[n-2], c.snapshots[n-1]); err != nil {
		return err
	}
	if c.newest {
		return nil
	}
	return c.pair(ctx, unasked, "`diff` of the first and the last snapshot", 0, "diff", c.snapshots[0], c.snapshots[n-1])
}
