package main

import (
	"cmp"
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

// runsBeside is the number of runs of a command of less than a second. Each run
// follows one derivation of the key.
const runsBeside = 7

// withoutKey runs a command and the derivation of the key by turns. It returns
// the run of median time, and the median of the differences between the two
// times. The key takes most of a short command, and its time varies with the
// load of the machine.
func (c *comparison) withoutKey(ctx context.Context, runs int, fn func() (usage, error)) (u usage, left time.Duration, err error) {
	all := make([]usage, 0, runs)
	rest := make([]time.Duration, 0, runs)
	for range max(1, runs) {
		var key floorResult
		f, err := measure(ctx, nil, c.floor, "-r", c.repo, "-json", "-key")
		if err == nil {
			err = json.Unmarshal(f.out, &key)
		}
		if err != nil {
			return u, 0, err
		}
		u, err := fn()
		if err != nil {
			return u, 0, err
		}
		all = append(all, u)
		rest = append(rest, u.wall-time.Duration(key.Open*float64(time.Second)))
	}
	slices.SortFunc(all, func(a, b usage) int { return cmp.Compare(a.wall, b.wall) })
	slices.Sort(rest)
	return all[len(all)/2], max(0, rest[len(rest)/2]), nil
}

// syncAnew synchronizes into an empty cache.
func (c *comparison) syncAnew(ctx context.Context, env []string, repo, cache string) (u usage, said syncResult, err error) {
	if err := os.RemoveAll(cache); err != nil {
		return u, said, err
	}
	return c.sync(ctx, env, repo, cache)
}

func (c *comparison) sync(ctx context.Context, env []string, repo, cache string) (u usage, said syncResult, err error) {
	u, err = measure(ctx, env, c.syncline, "-r", repo, "--cache-dir", cache, "sync", "--json")
	if err != nil {
		return u, said, err
	}
	return u, said, json.Unmarshal(u.out, &said)
}

func (c *comparison) firstSync(ctx context.Context) error {
	u, left, err := c.withoutKey(ctx, c.runs, func() (u usage, err error) {
		u, c.firstSaid, err = c.syncAnew(ctx, nil, c.repo, c.synclineCache())
		return u, err
	})
	if err != nil {
		return err
	}
	c.row("first synchronization", nil, nil, &u)
	work := left.Seconds()
	floor := c.floorSaid.Index + c.floorSaid.Time
	c.bounds = append(c.bounds, bound{
		"first synchronization, against the floor (without the key)", "≤ 3 ×", "1.5 ×",
		fmt.Sprintf("%.2f × (%.2f s; floor %.2f s)", work/floor, work, floor), judge(work <= 3*floor), judge(work <= 1.5*floor),
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
	first := c.rows[1].syncline
	times := c.cold.wall.Seconds() / first.wall.Seconds()
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
		"catalog on disk, against restic's cache", "half", "a quarter",
		fmt.Sprintf("%.2f (%.0f MB, %.0f MB)", share, mb(own), mb(c.coldSize)), judge(share <= .5), judge(share <= .25),
	}
	if c.newest {
		b.what, b.met, b.metThen = "catalog on disk, against restic's cache after that", unmeasured, unmeasured
	}
	c.bounds = append(c.bounds, b)
	return nil
}

func (c *comparison) nothingNew(ctx context.Context) error {
	var said syncResult
	u, left, err := c.withoutKey(ctx, runsBeside, func() (u usage, err error) {
		u, said, err = c.sync(ctx, nil, c.repo, c.synclineCache())
		return u, err
	})
	if err != nil {
		return err
	}
	c.row("synchronization with nothing new", nil, nil, &u)
	listings := said.Kinds["list snapshots"] == 1 && said.Kinds["list index"] == 1
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
	cache, kept := filepath.Join(c.scratch, "older-cache"), filepath.Join(c.scratch, "kept-cache")
	_, first, err := c.withoutKey(ctx, c.runs, func() (usage, error) {
		u, _, err := c.syncAnew(ctx, nil, older, cache)
		return u, err
	})
	if err != nil {
		return err
	}
	if err := copyFolder(cache, kept); err != nil {
		return err
	}
	for _, name := range late {
		if err := place(filepath.Join(c.repo, name), filepath.Join(older, name)); err != nil {
			return err
		}
	}
	var said syncResult
	u, left, err := c.withoutKey(ctx, max(c.runs, runsBeside), func() (u usage, err error) {
		if err := errors.Join(os.RemoveAll(cache), copyFolder(kept, cache)); err != nil {
			return u, err
		}
		u, said, err = c.sync(ctx, nil, older, cache)
		return u, err
	})
	if err != nil {
		return err
	}
	c.row("synchronization after one more snapshot", nil, nil, &u)
	share := left.Seconds() / first.Seconds()
	c.bounds = append(c.bounds, bound{
		"synchronization after one more snapshot, against the first (without the key)", "under 1/8", "by new trees",
		fmt.Sprintf("1/%.1f (%.2f s, %d new trees of %d)", 1/share, left.Seconds(), said.Trees, c.floorSaid.Trees),
		judge(share < 1./8), unmeasured,
	})
	return nil
}
