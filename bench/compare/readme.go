package main

import (
	"fmt"
	"strings"
	"time"
)

// question is a row of the README's table.
type question int

const (
	unasked question = iota // not in the table
	firstLook
	findName
	listNewest
	diffNewest
	listSnapshots
	restoreSmall
	questions
)

func (q question) String() string {
	return [...]string{
		"", "first look: the first `sync`; restic's `find` without a cache", "`find` a name in all snapshots", "`ls` of the newest snapshot",
		"`diff` of the newest two", "`snapshots`", "`restore` of small files",
	}[q]
}

// column is one program of the README's table.
type column int

const (
	columnSyncline column = iota
	columnRestic
	columnKopia
	columns
)

// answer notes how long a program takes for a question of the README's table.
func (c *comparison) answer(q question, of column, u usage) {
	if q == unasked {
		return
	}
	if c.answers == nil {
		c.answers = make(map[question]map[column]usage)
	}
	if c.answers[q] == nil {
		c.answers[q] = make(map[column]usage)
	}
	u.out = nil
	c.answers[q][of] = u
}

// readme is the README's table. kopia has a column if it was measured, and a question
// that one program alone has answered has no row.
func (c *comparison) readme() string {
	last := columnRestic
	if c.kopiaVersion != "" {
		last = columnKopia
	}
	names := []string{"Syncline", short(c.resticVersion), c.kopiaVersion}
	var b strings.Builder
	fmt.Fprintf(&b, "| seconds | %s |\n|%s\n", strings.Join(names[:last+1], " | "), strings.Repeat(" --- |", int(last)+2))
	for q := unasked + 1; q < questions; q++ {
		if len(c.answers[q]) < 2 {
			continue
		}
		name := q.String()
		if q == restoreSmall {
			name = fmt.Sprintf("`restore` of %s small files", grouped(float64(c.restored)))
		}
		fmt.Fprintf(&b, "| %s |", name)
		for of := columnSyncline; of <= last; of++ {
			cell := ""
			if u, ok := c.answers[q][of]; ok {
				cell = seconds(u.wall)
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\nThe repository has %s files in %d snapshots on a local disk. ", grouped(float64(c.files)), len(c.snapshots))
	if last == columnKopia {
		b.WriteString("kopia has its own repository of the same files, and no search.\n")
	}
	b.WriteString("`make bench` measures it; [docs/benchmarks.md](docs/benchmarks.md) has the rest.\n")
	return b.String()
}

// short is the name and the number of a version: "restic 0.19.1".
func short(version string) string {
	return strings.Join(strings.Fields(version)[:min(2, len(strings.Fields(version)))], " ")
}

// seconds writes a time with two or three digits.
func seconds(d time.Duration) string {
	if d >= 10*time.Second {
		return fmt.Sprintf("%.0f", d.Seconds())
	}
	if d >= time.Second {
		return fmt.Sprintf("%.1f", d.Seconds())
	}
	return fmt.Sprintf("%.2f", d.Seconds())
}
