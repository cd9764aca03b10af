package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// floorResult is the output of the floor program.
type floorResult struct {
	Open   float64 `json:"open_seconds"`
	Index  float64 `json:"index_seconds"`
	Time   float64 `json:"tree_seconds"`
	Packs  int     `json:"packs"`
	Trees  int64   `json:"trees"`
	Stored int64   `json:"stored_bytes"`
	Bytes  int64   `json:"tree_bytes"`
}

// syncResult is the output of syncline sync --json.
type syncResult struct {
	Bytes    int64            `json:"bytesFetched"`
	Requests int64            `json:"requests"`
	Kinds    map[string]int64 `json:"requestsByKind"`
	Trees    int64            `json:"treesAdded"`
	Entries  int64            `json:"entriesAdded"`
}

func (c *comparison) measureFloor(ctx context.Context) error {
	u, err := median(max(3, c.runs), func() (usage, error) { return measure(ctx, nil, c.floor, "-r", c.repo, "-json") })
	if err != nil {
		return err
	}
	c.row("the floor: key, indexes and all trees, nothing parsed or kept", &u, nil, nil)
	return json.Unmarshal(u.out, &c.floorSaid)
}

// withoutKey runs a command and the derivation of the key by turns. It returns
// the run of median time, and the median of the differences between the two
// times. The key takes most of a short command, and its time varies with the
// load of the machine.
func (c *comparison) withoutKey(ctx context.Context, runs int, fn func() (usage, error)) (u usage, left time.Duration, err error) {
	var rest differences
	u, err = median(runs, func() (usage, error) { return c.besideKey(ctx, &rest, fn) })
	return u, rest.median(), err
}

// differences are the times of a command without that of the key.
type differences []time.Duration

func (d differences) median() time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return max(0, d[len(d)/2])
}

// besideKey runs a command after one derivation of the key, and adds the difference
// of the two times.
func (c *comparison) besideKey(ctx context.Context, to *differences, fn func() (usage, error)) (u usage, err error) {
	var key floorResult
	f, err := measure(ctx, nil, c.floor, "-r", c.repo, "-json", "-key")
	if err == nil {
		err = json.Unmarshal(f.out, &key)
	}
	if err != nil {
		return u, err
	}
	if u, err = fn(); err == nil {
		*to = append(*to, u.wall-time.Duration(key.Open*float64(time.Second)))
	}
	return u, err
}

// syncAnew synchronizes into an empty cache.
func (c *comparison) syncAnew(ctx context.Context, env []string, repo string, s side) (u usage, said syncResult, err error) {
	if err := os.RemoveAll(s.cache); err != nil {
		return u, said, err
	}
	return c.sync(ctx, env, repo, s)
}

func (c *comparison) sync(ctx context.Context, env []string, repo string, s side) (u usage, said syncResult, err error) {
	u, err = measure(ctx, env, s.program, "-r", repo, "--cache-dir", s.cache, "sync", "--json")
	if err != nil {
		return u, said, err
	}
	return u, said, json.Unmarshal(u.out, &said)
}

func (c *comparison) firstSync(ctx context.Context) error {
	var rest differences
	what := "first synchronization"
	p, err := c.byTurns(what, func(s side) (u usage, err error) {
		if s.release {
			u, _, err = c.syncAnew(ctx, nil, c.repo, s)
			return u, err
		}
		return c.besideKey(ctx, &rest, func() (u usage, err error) {
			u, c.firstSaid, err = c.syncAnew(ctx, nil, c.repo, s)
			return u, err
		})
	})
	if err != nil {
		return err
	}
	if len(p.release) == 0 {
		c.release = "" // it has no catalog to answer from
	}
	u := c.pairedRow(what, nil, p)
	c.first = u
	c.answer(firstLook, columnSyncline, u)
	work := rest.median().Seconds()
	floor := c.floorSaid.Index + c.floorSaid.Time
	c.bounds = append(c.bounds, bound{
		"first synchronization, against the floor (without the key)", "2 ×", "1.5 ×",
		fmt.Sprintf("%.2f × (%.2f s; floor %.2f s)", work/floor, work, floor), judge(work <= 2*floor), judge(work <= 1.5*floor),
	})
	if u.peak > 0 {
		// The second bound is for a repository ten times as large.
		limit, reach := int64(300e6), "300 MB"
		if c.newest {
			limit, reach = 1e9, "1 GB"
		}
		c.bounds = append(c.bounds, bound{
			"peak memory, first synchronization", reach, "", fmt.Sprintf("%.0f MB", mb(u.peak)), judge(u.peak <= limit), unmeasured,
		})
	}
	return c.choose(ctx)
}

// coldFind runs restic's find without a cache.
func (c *comparison) coldFind(ctx context.Context) (err error) {
	args := []string{"find", "--json", c.pick.name}
	c.coldIs = "cold find over all snapshots"
	if c.newest {
		args = append(args, "--snapshot", "latest")
		c.coldIs = "cold find over the newest snapshot alone"
	}
	if c.cold, err = measure(ctx, nil, c.restic, c.resticArgs(args...)...); err != nil {
		return err
	}
	if c.coldSize, err = size(c.resticCache()); err != nil {
		return err
	}
	c.row("restic's "+c.coldIs, nil, &c.cold, nil)
	times := c.cold.wall.Seconds() / c.first.wall.Seconds()
	if !c.newest {
		c.answer(firstLook, columnRestic, c.cold)
	}
	b := bound{
		"first synchronization, against restic's " + c.coldIs, "10 × faster", "25 ×",
		fmt.Sprintf("%.1f × (%.1f s)", times, c.cold.wall.Seconds()), judge(times >= 10), judge(times >= 25),
	}
	if c.newest {
		b.reach, b.then, b.met, b.metThen = "", "", unmeasured, unmeasured
	}
	c.bounds = append(c.bounds, b)
	own, err := size(c.synclineCache())
	if err != nil {
		return err
	}
	share := float64(own) / float64(c.coldSize)
	b = bound{
		"catalog on disk, against restic's cache", "a quarter", "",
		fmt.Sprintf("%.2f (%.0f MB, %.0f MB)", share, mb(own), mb(c.coldSize)), judge(share <= .25), unmeasured,
	}
	if c.newest {
		b.what, b.met, b.metThen = "catalog on disk, against restic's cache after that", unmeasured, unmeasured
	}
	c.bounds = append(c.bounds, b)
	return nil
}

func (c *comparison) nothingNew(ctx context.Context) error {
	var said syncResult
	var rest differences
	what := "synchronization with nothing new"
	p, err := c.byTurns(what, func(s side) (u usage, err error) {
		if s.release {
			u, _, err = c.sync(ctx, nil, c.repo, s)
			return u, err
		}
		return c.besideKey(ctx, &rest, func() (u usage, err error) {
			u, said, err = c.sync(ctx, nil, c.repo, s)
			return u, err
		})
	})
	if err != nil {
		return err
	}
	c.pairedRow(what, nil, p)
	listings := said.Kinds["list snapshots"] == 1 && said.Kinds["list index"] == 1
	left := rest.median()
	c.bounds = append(c.bounds, bound{
		"synchronization with nothing new (without the key)", "two listings, < 100 ms", "",
		fmt.Sprintf("%.0f ms, %d requests: %s", ms(left), said.Requests, kinds(said.Kinds)),
		judge(left < 100*time.Millisecond && listings), unmeasured,
	})
	return nil
}

// oneMore measures the synchronization after the newest snapshot was added. The
// times of a repository's files say which index belongs to that snapshot, so
// restic must have written it in place.
func (c *comparison) oneMore(ctx context.Context) error {
	older := filepath.Join(c.scratch, "older")
	late, err := withoutNewest(c.repo, older)
	if err != nil {
		return err
	}
	if len(late) == 0 {
		c.note("One more snapshot was not measured: the times of the repository's files do not tell what came with the newest one.")
		return nil
	}
	first, err := c.keepOlder(ctx, older)
	if err != nil {
		return err
	}
	for _, name := range late {
		if err := place(filepath.Join(c.repo, name), filepath.Join(older, name)); err != nil {
			return err
		}
	}
	var said syncResult
	var rest differences
	what := "synchronization after one more snapshot"
	p, err := c.byTurns(what, func(s side) (u usage, err error) {
		kept := keptOlder(s)
		s.cache = filepath.Join(c.scratch, "older-cache")
		if err := errors.Join(os.RemoveAll(s.cache), copyFolder(kept, s.cache)); err != nil {
			return u, err
		}
		if s.release {
			u, _, err = c.sync(ctx, nil, older, s)
			return u, err
		}
		return c.besideKey(ctx, &rest, func() (u usage, err error) {
			u, said, err = c.sync(ctx, nil, older, s)
			return u, err
		})
	})
	if err != nil {
		return err
	}
	c.pairedRow(what, nil, p)
	left := rest.median()
	share := left.Seconds() / first.Seconds()
	c.bounds = append(c.bounds, bound{
		"synchronization after one more snapshot, against the first (without the key)", "1/8", "by new trees",
		fmt.Sprintf("1/%.1f (%.2f s, %d new trees of %d)", 1/share, left.Seconds(), said.Trees, c.floorSaid.Trees),
		judge(share < 1./8), unmeasured,
	})
	return nil
}

// keptOlder is the folder with a side's catalog of the older state.
func keptOlder(s side) string { return s.cache + "-older" }

// keepOlder synchronizes the older state of the repository, and keeps the catalogs of
// both programs. It returns the time of this one, without the key.
func (c *comparison) keepOlder(ctx context.Context, older string) (first time.Duration, err error) {
	s := c.ours()
	s.cache = keptOlder(s)
	_, first, err = c.withoutKey(ctx, c.runs, func() (usage, error) {
		u, _, err := c.syncAnew(ctx, nil, older, s)
		return u, err
	})
	if err != nil || c.release == "" {
		return first, err
	}
	s = c.theRelease()
	s.cache = keptOlder(s)
	_, _, err = c.syncAnew(ctx, nil, older, s)
	return first, err
}
