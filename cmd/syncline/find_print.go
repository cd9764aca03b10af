package main

import (
	"bufio"
	"fmt"
	"strconv"
	"time"

	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/resticjson"
)

// flushEvery bounds the time that results wait in the buffer while more come.
const flushEvery = 100 * time.Millisecond

// findPrinter prints each result of find at once.
type findPrinter struct {
	env     *environment
	flags   *findFlags
	w       *bufio.Writer
	lines   lister // prints an entry in the long form
	flushed time.Time
	count   int64
	heading string // above the columns' names
	headed  bool

	buf     []byte
	current *catalog.Snapshot // whose matches are being printed
	hits    int
}

func newFindPrinter(env *environment, flags *findFlags) *findPrinter {
	w := bufio.NewWriterSize(env.stdout, 1<<16)
	return &findPrinter{
		env: env, flags: flags, w: w, flushed: time.Now(),
		lines: lister{env: env, long: flags.long, human: flags.human, out: w},
	}
}

// printed counts a result, and flushes the buffer in time.
func (p *findPrinter) printed() error {
	p.count++
	if now := time.Now(); now.Sub(p.flushed) > flushEvery {
		p.flushed = now
		return p.w.Flush()
	}
	return nil
}

// result prints a result.
func (p *findPrinter) result(x *explore.Found) error {
	if p.env.json {
		return p.match(x)
	}
	return p.version(x)
}

// match prints a result in restic's JSON: an array with an object for each
// snapshot, in which the matches come first.
func (p *findPrinter) match(hit *explore.Found) error {
	p.buf = p.buf[:0]
	switch {
	case p.current == nil:
		p.buf = append(p.buf, `[{"matches":[`...)
	case p.current != hit.First:
		p.buf = append(p.appendEnd(p.buf), `,{"matches":[`...)
	default:
		p.buf = append(p.buf, ',')
	}
	if p.current != hit.First {
		p.current, p.hits = hit.First, 0
	}
	p.hits++
	p.buf = resticjson.AppendMatch(p.buf, hit.Path, hit.Entry)
	if _, err := p.w.Write(p.buf); err != nil {
		return err
	}
	return p.printed()
}

// appendEnd appends the text behind a snapshot's matches.
func (p *findPrinter) appendEnd(b []byte) []byte {
	b = strconv.AppendInt(append(b, `],"hits":`...), int64(p.hits), 10)
	return append(resticjson.AppendString(append(b, `,"snapshot":`...), p.current.ID.String()), '}')
}

func (p *findPrinter) endJSON() error {
	b := []byte("[]\n")
	if p.current != nil {
		b = append(p.appendEnd(nil), "]\n"...)
	}
	_, err := p.w.Write(b)
	return err
}

// version prints a line for people: an entry, the first and the last snapshot
// that have it, and their number.
func (p *findPrinter) version(x *explore.Found) error {
	if !p.headed && !p.env.quiet {
		p.headed = true
		if p.heading != "" {
			fmt.Fprintln(p.w, p.heading)
		}
		if _, err := fmt.Fprintf(p.w, "%-28s  %-28s  %9s  %s\n", "First snapshot", "Last snapshot", "Snapshots", "Path"); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(p.w, "%s %s  %s %s  %9d  ", x.First.ID.Short(), x.First.Time.Local().Format(timeFormat),
		x.Last.ID.Short(), x.Last.Time.Local().Format(timeFormat), x.Snapshots)
	if err == nil {
		err = p.lines.line(x.Path, x.Entry)
	}
	if err != nil {
		return err
	}
	return p.printed()
}
