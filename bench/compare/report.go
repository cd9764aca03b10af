package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// row is one line of the table of commands. Columns without a program are nil.
type row struct {
	what                    string
	floor, restic, syncline *usage
}

// bound is one line of the table of the design's numbers.
type bound struct {
	what, reach, then, measured string
	met, metThen                verdict
}

type verdict int

const (
	unmeasured verdict = iota
	met
	missed
)

func (v verdict) String() string { return [...]string{"", "yes", "**no**"}[v] }

func judge(ok bool) verdict {
	if ok {
		return met
	}
	return missed
}

func (c *comparison) row(what string, floor, restic, syncline *usage) {
	c.rows = append(c.rows, row{what, floor, restic, syncline})
}

func (c *comparison) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

func (c *comparison) report(ctx context.Context) error {
	versions := make([]string, 0, 2)
	for _, program := range []string{c.restic, c.syncline} {
		v, err := measure(ctx, nil, program, "version")
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(strings.TrimSpace(string(v.out)), "\n")
		versions = append(versions, first)
	}
	fmt.Fprintf(c.out, "%s; %s. %s; %s.\n\n", time.Now().UTC().Format(time.DateOnly), machine(), versions[0], versions[1])
	fmt.Fprintf(c.out, "The repository: %d snapshots, %d distinct trees with %d distinct entries; %.0f MB of tree JSON in %.0f MB of packs.\n\n",
		len(c.snapshots), c.floorSaid.Trees, c.firstSaid.Entries, mb(c.floorSaid.Bytes), mb(c.floorSaid.Stored))
	fmt.Fprintf(c.out, "| what | reach | then | measured | reached | then |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, b := range c.bounds {
		fmt.Fprintf(c.out, "| %s | %s | %s | %s | %s | %s |\n", b.what, b.reach, b.then, b.measured, b.met, b.metThen)
	}
	fmt.Fprintf(c.out, "\nSeconds, user CPU seconds, peak memory in MB; a command's time includes deriving the key, %.2f s here.\n\n", c.floorSaid.Open)
	fmt.Fprintf(c.out, "| command | floor | restic | Syncline | restic : Syncline |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range c.rows {
		ratio := ""
		if r.restic != nil && r.syncline != nil {
			ratio = fmt.Sprintf("%.1f", r.restic.wall.Seconds()/r.syncline.wall.Seconds())
		}
		fmt.Fprintf(c.out, "| %s | %s | %s | %s | %s |\n", r.what, r.floor, r.restic, r.syncline, ratio)
	}
	fmt.Fprintln(c.out)
	for _, n := range c.notes {
		fmt.Fprintf(c.out, "- %s\n", n)
	}
	return nil
}

// String is the text of a cell.
func (u *usage) String() string {
	if u == nil {
		return ""
	}
	digits := 2
	if u.wall >= 10*time.Second {
		digits = 1
	}
	return fmt.Sprintf("%.*f s, %.2f CPU, %.0f MB", digits, u.wall.Seconds(), u.user.Seconds(), mb(u.peak))
}

func mb(n int64) float64 { return float64(n) / 1e6 }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// section is the name of this repository's part of the document.
func (c *comparison) section() string {
	if c.newest {
		return "large"
	}
	return "measured"
}

// replaceSection puts text between the marks of a section.
func replaceSection(file, section, text string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin, end := fmt.Sprintf("<!-- begin %s -->\n", section), fmt.Sprintf("<!-- end %s -->\n", section)
	before, rest, ok := strings.Cut(string(raw), begin)
	if !ok {
		return fmt.Errorf("%s has no line %q", file, strings.TrimSpace(begin))
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return fmt.Errorf("%s has no line %q", file, strings.TrimSpace(end))
	}
	return os.WriteFile(file, []byte(before+begin+"\n"+text+"\n"+end+after), 0o644)
}
