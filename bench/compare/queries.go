package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"
)

// picked is the material of the searches: names and folders that exist.
type picked struct {
	name, glob, pattern string // one of each
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
	u, err := measure(ctx, nil, c.syncline, c.synclineArgs("--no-sync", "snapshots", "--json")...)
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
	}, c.syncline, c.synclineArgs("--no-sync", "ls", "--json", "latest")...)
	if err != nil {
		return err
	}
	if len(files.kept) == 0 || len(dirs.kept) == 0 {
		return fmt.Errorf("the newest snapshot of %s has no files in folders", c.repo)
	}
	for _, p := range files.kept {
		c.pick.names = append(c.pick.names, path.Base(p))
	}
	c.pick.dirs = dirs.kept
	one := files.kept[len(files.kept)/2]
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
	part, err := median(c.runs, func() (usage, error) {
		return measure(ctx, nil, c.syncline, c.synclineArgs("--no-sync", "find", "--contains", c.pick.name)...)
	})
	if err != nil {
		return err
	}
	c.row("find names with a part, one line per version", nil, nil, &part)
	synced, err := median(c.runs, func() (usage, error) {
		return measure(ctx, nil, c.syncline, c.synclineArgs("find", c.pick.name)...)
	})
	c.row("find a name, synchronizing before", nil, nil, &synced)
	return err
}

// search measures one search over all snapshots and compares its results with
// restic's. With first it compares the first snapshot only, because restic
// takes long.
func (c *comparison) search(ctx context.Context, what, pattern string, first bool) error {
	mine, err := median(c.runs, func() (usage, error) {
		return measure(ctx, nil, c.syncline, c.synclineArgs("--no-sync", "find", "--json", pattern)...)
	})
	if err != nil {
		return err
	}
	paths, err := matches(mine.out, "")
	if err != nil {
		return err
	}
	if c.newest && !first {
		c.row(fmt.Sprintf("%s, `%s`: %d paths", what, pattern, len(paths)), nil, nil, &mine)
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
		if paths, err = matches(mine.out, only); err != nil {
			return err
		}
		what += " (restic in the newest snapshot, Syncline in all)"
	}
	if !maps.Equal(paths, want) {
		return fmt.Errorf("find %q: restic finds %d paths, syncline %d, and they are not the same", pattern, len(want), len(paths))
	}
	c.row(fmt.Sprintf("%s, `%s`: the same %d paths", what, pattern, len(want)), nil, &theirs, &mine)
	if first && !c.newest {
		times := theirs.wall.Seconds() / mine.wall.Seconds()
		c.bounds = append(c.bounds, bound{
			"name search over all snapshots, new process, against restic's `find`", "200 × faster", "1,000 ×",
			fmt.Sprintf("%.0f × (%.3f s, %.1f s)", times, mine.wall.Seconds(), theirs.wall.Seconds()),
			judge(times >= 200), judge(times >= 1000),
		})
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

// pair measures the same command of both programs, with their caches.
func (c *comparison) pair(ctx context.Context, what string, args ...string) error {
	discard := func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }
	theirs, err := stream(ctx, nil, discard, c.restic, c.resticArgs(args...)...)
	if err != nil {
		return err
	}
	mine, err := median(c.runs, func() (usage, error) {
		return stream(ctx, nil, discard, c.syncline, c.synclineArgs(append([]string{"--no-sync"}, args...)...)...)
	})
	c.row(what, nil, &theirs, &mine)
	return err
}

func (c *comparison) listings(ctx context.Context) error {
	if err := c.pair(ctx, "`ls latest`", "ls", "latest"); err != nil {
		return err
	}
	return c.pair(ctx, "`snapshots --json`", "snapshots", "--json")
}

func (c *comparison) differences(ctx context.Context) error {
	n := len(c.snapshots)
	if n < 2 {
		return nil
	}
	if err := c.pair(ctx, "`diff` of the last two snapshots", "diff", c.snapshots[n-2], c.snapshots[n-1]); err != nil {
		return err
	}
	if c.newest {
		return nil
	}
	return c.pair(ctx, "`diff` of the first and the last snapshot", "diff", c.snapshots[0], c.snapshots[n-1])
}
