package main

import (
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"syncline.dev/syncline"
)

// entryLines appends the lines of entries that are not JSON. It keeps what neighbours have
// in common. The zero value is ready.
type entryLines struct {
	long, human bool

	mode     fs.FileMode
	uid, gid uint32
	head     []byte // the columns of these; empty before the first entry

	clock localClock
}

// append appends a line. plain says that the folder's path can be printed as it is.
func (l *entryLines) append(b []byte, folder, name string, plain bool, e *syncline.Entry) []byte {
	if l.long {
		b = l.appendColumns(b, e)
	}
	if plain && isPrintable(name) {
		b = append(append(append(b, folder...), '/'), name...)
	} else {
		b = append(b, printable(folder+"/"+name)...)
	}
	if l.long && e.Type == syncline.TypeSymlink {
		b = append(append(b, " -> "...), printable(e.LinkTarget)...)
	}
	return append(b, '\n')
}

func (l *entryLines) appendColumns(b []byte, e *syncline.Entry) []byte {
	mode := typeMode(e.Type) | e.Mode
	if mode != l.mode || e.UID != l.uid || e.GID != l.gid || len(l.head) == 0 {
		l.mode, l.uid, l.gid = mode, e.UID, e.GID
		l.head = fmt.Appendf(l.head[:0], "%s %5d %5d ", mode, e.UID, e.GID)
	}
	b = append(b, l.head...)
	if l.human {
		b = append(b, formatSize(e.Size)...)
	} else {
		b = appendPadded(b, e.Size)
	}
	return append(l.clock.append(append(b, ' '), e.ModTime), ' ')
}

// appendPadded appends a number in six places, or as many as it needs.
func appendPadded(b []byte, n uint64) []byte {
	for least := uint64(100_000); least > max(n, 1); least /= 10 {
		b = append(b, ' ')
	}
	return strconv.AppendUint(b, n, 10)
}

// localClock appends times in the local zone in the form of timeFormat. It keeps the date
// of the last one, because the files of a folder mostly have few days.
type localClock struct {
	day  int64  // since 1970, in the local zone
	date []byte // and a space; empty before the first time
}

func (c *localClock) append(b []byte, t time.Time) []byte {
	t = t.Local()
	_, offset := t.Zone()
	const perDay = 24 * 60 * 60
	local := t.Unix() + int64(offset)
	if local < 0 || local >= 1<<40 { // before 1970, or in a year that could be any
		return t.AppendFormat(b, timeFormat)
	}
	if day := local / perDay; day != c.day || len(c.date) == 0 {
		c.day, c.date = day, t.AppendFormat(c.date[:0], timeFormat[:len("2006-01-02 ")])
	}
	second := byte(local % 60)
	minute, hour := byte(local/60%60), byte(local%perDay/3600)
	b = append(b, c.date...)
	return append(b, '0'+hour/10, '0'+hour%10, ':', '0'+minute/10, '0'+minute%10, ':', '0'+second/10, '0'+second%10)
}
