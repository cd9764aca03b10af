package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// row is one line of the table of commands. Columns without a program are nil.
type row struct {
	what                             string
	floor, restic, syncline, release *usage
	pair                             paired // of Syncline and the release
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
	c.rows = append(c.rows, row{what: what, floor: floor, restic: restic, syncline: syncline})
}

func (c *comparison) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

// versions asks the programs which they are.
func (c *comparison) versions(ctx context.Context) error {
	for _, v := range []struct {
		program string
		to      *string
	}{{c.restic, &c.resticVersion}, {c.syncline, &c.synclineVersion}, {c.release, &c.releaseVersion}} {
		if v.program == "" || v.program == c.restic && c.quick {
			continue
		}
		u, err := measure(ctx, nil, v.program, "version")
		if err != nil {
			return err
		}
		*v.to, _, _ = strings.Cut(strings.TrimSpace(string(u.out)), "\n")
	}
	return nil
}

func (c *comparison) report() {
	fmt.Fprintf(c.out, "%s; %s.", time.Now().UTC().Format(time.DateOnly), machine())
	for _, v := range []string{c.resticVersion, c.synclineVersion} {
		if v != "" {
			fmt.Fprintf(c.out, " %s.", v)
		}
	}
	if c.releaseVersion != "" {
		fmt.Fprintf(c.out, " The release: %s.", c.releaseVersion)
	}
	fmt.Fprintf(c.out, "\n\nThe repository: %d snapshots, %d distinct trees with %d distinct entries; %.0f MB of tree JSON in %.0f MB of packs.\n\n",
		len(c.snapshots), c.floorSaid.Trees, c.firstSaid.Entries, mb(c.floorSaid.Bytes), mb(c.floorSaid.Stored))
	fmt.Fprintf(c.out, "| what | hold | next | measured | held | next |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, b := range c.bounds {
		fmt.Fprintf(c.out, "| %s | %s | %s | %s | %s | %s |\n", b.what, b.reach, b.then, b.measured, b.met, b.metThen)
	}
	fmt.Fprintf(c.out, "\nSeconds, CPU seconds of user and system, peak memory in MB; deriving the key takes %.2f s here.\n\n", c.floorSaid.Open)
	fmt.Fprintf(c.out, "| command | floor | restic | Syncline | restic : Syncline | release | Syncline : release |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range c.rows {
		times := ""
		if r.restic != nil && r.syncline != nil {
			times = fmt.Sprintf("%.1f", r.restic.wall.Seconds()/r.syncline.wall.Seconds())
		}
		fmt.Fprintf(c.out, "| %s | %s | %s | %s | %s | %s | %s |\n", r.what, r.floor, r.restic, r.syncline, times, r.release, r.pair)
	}
	fmt.Fprintln(c.out)
	c.reportServed()
	c.reportSlower()
	for _, n := range c.notes {
		fmt.Fprintf(c.out, "- %s\n", n)
	}
}

// reportServed prints the requests that both programs answered by turns.
func (c *comparison) reportServed() {
	if len(c.served) == 0 {
		return
	}
	fmt.Fprintf(c.out, "A request to a running server, in milliseconds: the median time and the server's CPU time.\n\n")
	fmt.Fprintf(c.out, "| request | Syncline | release | Syncline : release |\n| --- | --- | --- | --- |\n")
	for _, r := range c.served {
		cell := func(u *usage) string { return fmt.Sprintf("%.2f, %.2f CPU", ms(u.wall), ms(u.cpu)) }
		fmt.Fprintf(c.out, "| %s | %s | %s | %s |\n", r.what, cell(r.syncline), cell(r.release), r.pair)
	}
	fmt.Fprintln(c.out)
}

// reportSlower names the rows in which this program is slower than the release.
func (c *comparison) reportSlower() {
	if c.releaseVersion == "" {
		fmt.Fprintf(c.out, "- No release was measured beside this program.\n")
		return
	}
	var slow []string
	judgedRows := 0
	for _, r := range slices.Concat(c.rows, c.served) {
		if len(r.pair.this) >= judged && len(r.pair.release) >= judged {
			judgedRows++
		}
		if by := r.pair.slow; len(by) > 0 {
			slow = append(slow, fmt.Sprintf("%s (%s)", r.what, strings.Join(by, ", ")))
		}
	}
	if len(slow) == 0 {
		fmt.Fprintf(c.out, "- No row of the %d with at least %d turns is slower than the release by more than the spread.\n", judgedRows, judged)
		return
	}
	fmt.Fprintf(c.out, "- **Slower than the release by more than the spread**, %d of %d rows: %s.\n", len(slow), judgedRows, strings.Join(slow, "; "))
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
	return fmt.Sprintf("%.*f s, %.2f CPU, %.0f MB", digits, u.wall.Seconds(), u.cpu.Seconds(), mb(u.peak))
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
