package main

import (
	"bufio"
	"fmt"
	"strconv"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/resticjson"
)

// flushEvery is how long results wait at most when more come.
const flushEvery = 100 * time.Millisecond

// findPrinter prints what find finds as it is found.
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

// printed counts a result and sends it on its way in time.
func (p *findPrinter) printed() error {
	p.count++
	if now := time.Now(); now.Sub(p.flushed) > flushEvery {
		p.flushed = now
		return p.w.Flush()
	}
	return nil
}

// match prints a result in restic's JSON: an array with an object for each
// snapshot, in which the matches come first.
func (p *findPrinter) match(hit *explore.Hit) error {
	p.buf = p.buf[:0]
	switch {
	case p.current == nil:
		p.buf = append(p.buf, `[{"matches":[`...)
	case p.current != hit.Snapshot:
		p.buf = append(p.appendEnd(p.buf), `,{"matches":[`...)
	default:
		p.buf = append(p.buf, ',')
	}
	if p.current != hit.Snapshot {
		p.current, p.hits = hit.Snapshot, 0
	}
	p.hits++
	p.buf = resticjson.AppendMatch(p.buf, hit.Path, hit.Entry)
	if _, err := p.w.Write(p.buf); err != nil {
		return err
	}
	return p.printed()
}

// appendEnd appends what goes behind a snapshot's matches.
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

// version prints a line for people: an entry that so many snapshots have, from
// the first to the last.
func (p *findPrinter) version(path string, e *syncline.Entry, first, last *catalog.Snapshot, snapshots int) error {
	if !p.headed && !p.env.quiet {
		p.headed = true
		if p.heading != "" {
			fmt.Fprintln(p.w, p.heading)
		}
		if _, err := fmt.Fprintf(p.w, "%-28s  %-28s  %9s  %s\n", "First snapshot", "Last snapshot", "Snapshots", "Path"); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(p.w, "%s %s  %s %s  %9d  ", first.ID.Short(), first.Time.Local().Format(timeFormat),
		last.ID.Short(), last.Time.Local().Format(timeFormat), snapshots)
	if err == nil {
		err = p.lines.print(path, e)
	}
	if err != nil {
		return err
	}
	return p.printed()
}
