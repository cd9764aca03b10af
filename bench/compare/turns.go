package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// side is one of the two programs that run by turns: that of the tree, and the
// present release. Each has its own catalogs, whose formats may differ.
type side struct {
	program, cache string
	release        bool
}

func (c *comparison) ours() side { return side{program: c.syncline, cache: c.synclineCache()} }

// theRelease has an empty program where none is measured.
func (c *comparison) theRelease() side {
	return side{program: c.release, cache: filepath.Join(c.scratch, "release"), release: true}
}

// args are those of a command on the repository and the side's catalog.
func (c *comparison) args(s side, args ...string) []string {
	return append([]string{"-r", c.repo, "--cache-dir", s.cache}, args...)
}

// plain are those of a command that takes the catalog as it is.
func (c *comparison) plain(s side, args ...string) []string {
	return append(c.args(s), append([]string{"--no-sync"}, args...)...)
}

// paired is the result of a command that both programs ran by turns. release is
// empty where there is none, or where it does not know the command.
type paired struct {
	this, release []usage
	slow          []string // the measures by which this program is slower: "time", "CPU time"
}

// turns is how many runs of each program a command gets that takes both together
// this long in the first turn.
func turns(both time.Duration) int {
	switch {
	case both < 3*time.Second:
		return 7
	case both < 40*time.Second:
		return judged
	case both < 5*time.Minute:
		return 3
	}
	return 1
}

// byTurns runs a command of both programs by turns. A release that fails is left
// out of the row with a note. A row in which this program looks slower is measured
// once more, and counts as slower if it is so again.
func (c *comparison) byTurns(what string, run func(side) (usage, error)) (paired, error) {
	p, err := c.someTurns(what, run)
	if err != nil {
		return p, err
	}
	return p.confirm(func() (paired, error) { return c.someTurns(what, run) })
}

// someTurns lets each program be first in every second turn.
func (c *comparison) someTurns(what string, run func(side) (usage, error)) (p paired, err error) {
	sides := []side{c.ours()}
	if c.release != "" {
		sides = append(sides, c.theRelease())
	}
	most := 1
	for turn := 0; turn < most; turn++ {
		begun := time.Now()
		for _, s := range sides {
			u, err := run(s)
			if s.release || len(p.this) > 0 {
				u.out = nil // the first answer of this program is enough
			}
			switch {
			case err == nil && s.release:
				p.release = append(p.release, u)
			case err == nil:
				p.this = append(p.this, u)
			case s.release:
				c.note("%s: without the release. %s", what, reason(err))
				sides, p.release = []side{c.ours()}, nil
			default:
				return p, err
			}
		}
		if turn == 0 {
			most = turns(time.Since(begun))
		}
		slices.Reverse(sides)
	}
	return p, nil
}

// confirm measures a row once more in which this program looks slower.
func (p paired) confirm(again func() (paired, error)) (paired, error) {
	by := p.slowBy()
	if len(by) == 0 {
		return p, nil
	}
	q, err := again()
	if err != nil {
		return p, err
	}
	for _, name := range q.slowBy() {
		if slices.Contains(by, name) {
			p.slow = append(p.slow, name)
		}
	}
	p.this = append(p.this, q.this...)
	p.release = append(p.release, q.release...)
	return p, nil
}

// reason says why the release has no column, in one line.
func reason(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 {
		return "It does not know the command or a flag of it."
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return "It fails: " + line
}

// commands runs the same command of both by turns, and discards what they print.
func (c *comparison) commands(ctx context.Context, what string, args func(side) []string) (paired, error) {
	return c.byTurns(what, func(s side) (usage, error) { return stream(ctx, nil, nothing, s.program, args(s)...) })
}

// pairedRow adds a row with both programs, and restic's usage if there is one. It
// lets go of what the programs printed.
func (c *comparison) pairedRow(what string, restic *usage, p paired) usage {
	for i := range p.this {
		p.this[i].out = nil
	}
	u := middle(p.this)
	r := row{what: what, syncline: &u, pair: p}
	if restic != nil {
		v := *restic
		v.out = nil
		r.restic = &v
	}
	if len(p.release) > 0 {
		v := middle(p.release)
		r.release = &v
	}
	c.rows = append(c.rows, r)
	return u
}

const (
	// judged is the least number of runs of which it is said that one program is slower.
	judged = 5
	// noise is the part by which the medians must differ at least.
	noise = 0.05
)

// slower reports whether this program is slower by more than the spread: each of
// its runs takes longer than all the release's but the slowest, and the medians
// differ by more than the noise. In seven runs each, this happens once in 400
// times by chance, in five once in 40, and confirm asks for it twice. One run that
// other work of the machine has delayed changes nothing.
func slower(this, release []time.Duration) bool {
	if len(this) < judged || len(release) < judged {
		return false
	}
	this, release = slices.Sorted(slices.Values(this)), slices.Sorted(slices.Values(release))
	return this[0] > release[len(release)-2] && ratio(this, release) > 1+noise
}

// ratio is that of the medians of sorted times.
func ratio(this, release []time.Duration) float64 {
	return float64(this[len(this)/2]) / max(1, float64(release[len(release)/2]))
}

func walls(all []usage) []time.Duration {
	out := make([]time.Duration, 0, len(all))
	for _, u := range all {
		out = append(out, u.wall)
	}
	return slices.Sorted(slices.Values(out))
}

func cpus(all []usage) []time.Duration {
	out := make([]time.Duration, 0, len(all))
	for _, u := range all {
		out = append(out, u.cpu)
	}
	return slices.Sorted(slices.Values(out))
}

// slowBy names the measures by which this program is slower in these runs.
func (p paired) slowBy() (by []string) {
	if slower(walls(p.this), walls(p.release)) {
		by = append(by, "time")
	}
	if slower(cpus(p.this), cpus(p.release)) {
		by = append(by, "CPU time")
	}
	return by
}

// String is the cell "this : release" of a table: the ratios of time and of CPU
// time, bold where this program is slower.
func (p paired) String() string {
	if len(p.release) == 0 {
		return ""
	}
	cell := func(name string, r float64) string {
		if slices.Contains(p.slow, name) {
			return fmt.Sprintf("**%.2f**", r)
		}
		return fmt.Sprintf("%.2f", r)
	}
	return cell("time", ratio(walls(p.this), walls(p.release))) + ", CPU " + cell("CPU time", ratio(cpus(p.this), cpus(p.release)))
}
