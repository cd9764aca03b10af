package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/resticjson"
)

func sizeOf(e *syncline.Entry) uint64 {
	if e.Type != syncline.TypeFile {
		return 0
	}
	return e.Size
}

// lsOrders has a function for each order of --sort. The paths decide between equal
// entries. A snapshot is sorted by name already.
var lsOrders = map[string]func(a, b listed) int{
	"name":      nil,
	"size":      func(a, b listed) int { return cmp.Compare(sizeOf(a.entry), sizeOf(b.entry)) },
	"time":      func(a, b listed) int { return a.entry.ModTime.Compare(b.entry.ModTime) },
	"mtime":     func(a, b listed) int { return a.entry.ModTime.Compare(b.entry.ModTime) },
	"atime":     func(a, b listed) int { return a.entry.AccessTime.Compare(b.entry.AccessTime) },
	"ctime":     func(a, b listed) int { return a.entry.ChangeTime.Compare(b.entry.ChangeTime) },
	"extension": func(a, b listed) int { return cmp.Compare(path.Ext(a.path), path.Ext(b.path)) },
}

// check refuses flags that make no sense together.
func (l *lister) check() error {
	_, known := lsOrders[l.sort]
	switch {
	case !known:
		return usageError(fmt.Sprintf("invalid sort mode %q, must be one of (name|size|time=mtime|atime|ctime|extension)", l.sort))
	case l.ncdu && l.env.json:
		return usageError("only either '--json' or '--ncdu' can be specified")
	case l.ncdu && l.sorts():
		return usageError("--ncdu has an order of its own; leave out --sort and --reverse")
	}
	return nil
}

// sorts reports whether the order is another one than the snapshot's.
func (l *lister) sorts() bool { return l.reverse || lsOrders[l.sort] != nil }

// printSorted sorts and prints the kept entries.
func (l *lister) printSorted() error {
	if compare := lsOrders[l.sort]; compare != nil {
		slices.SortStableFunc(l.kept, func(a, b listed) int {
			return cmp.Or(compare(a, b), strings.Compare(a.path, b.path))
		})
	}
	if l.reverse {
		slices.Reverse(l.kept)
	}
	for _, x := range l.kept {
		if err := l.line(x.path, x.entry); err != nil {
			return err
		}
	}
	return nil
}

// ncduHead begins the format that ncdu -f reads: nested lists, one for each folder
// with its entries.
func (l *lister) ncduHead(s catalog.Snapshot) error {
	meta, err := json.Marshal(resticjson.NewSnapshot(&s.Snapshot).SnapshotFields)
	if err == nil {
		_, err = fmt.Fprintf(l.out, "[1, 2, %s, [{\"name\":\"/\"}", meta)
	}
	return err
}

// ncduEntry ends the folders that are complete, and prints an entry.
func (l *lister) ncduEntry(at string, e *syncline.Entry) error {
	if err := l.ncduLeave(at[:strings.LastIndexByte(at, '/')]); err != nil {
		return err
	}
	item, err := json.Marshal(ncduItem(e))
	if err != nil {
		return err
	}
	indent := strings.Repeat("  ", 1+len(l.open))
	if e.IsDir() {
		l.open = append(l.open, at)
		_, err = fmt.Fprintf(l.out, ",\n%s[\n%s  %s", indent, indent, item)
	} else {
		_, err = fmt.Fprintf(l.out, ",\n%s%s", indent, item)
	}
	return err
}

// ncduLeave ends the open folders that do not contain the given one.
func (l *lister) ncduLeave(folder string) error {
	for len(l.open) > 0 && l.open[len(l.open)-1] != folder {
		l.open = l.open[:len(l.open)-1]
		if _, err := fmt.Fprintf(l.out, "\n%s]", strings.Repeat("  ", 1+len(l.open))); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) ncduEnd() error {
	err := l.ncduLeave("")
	if err == nil {
		_, err = fmt.Fprint(l.out, "\n]\n]\n")
	}
	return err
}

// ncduFields are the fields of an entry for ncdu. Sizes are bytes.
type ncduFields struct {
	Name   string `json:"name"`
	Asize  uint64 `json:"asize"`
	Dsize  uint64 `json:"dsize"`
	Dev    uint64 `json:"dev"`
	Ino    uint64 `json:"ino"`
	NLink  uint64 `json:"nlink"`
	NotReg bool   `json:"notreg"`
	UID    uint32 `json:"uid"`
	GID    uint32 `json:"gid"`
	Mode   uint16 `json:"mode"`
	Mtime  int64  `json:"mtime"` // ncdu takes none before 1970
}

func ncduItem(e *syncline.Entry) ncduFields {
	const block = 512
	mode := uint16(e.Mode.Perm())
	for _, bit := range []struct {
		of fs.FileMode
		to uint16
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if e.Mode&bit.of != 0 {
			mode |= bit.to
		}
	}
	return ncduFields{
		Name: e.Name, Asize: sizeOf(e), Dsize: (sizeOf(e) + block - 1) / block * block,
		Dev: e.DeviceID, Ino: e.Inode, NLink: e.Links, NotReg: e.Type != syncline.TypeDir && e.Type != syncline.TypeFile,
		UID: e.UID, GID: e.GID, Mode: mode, Mtime: max(0, e.ModTime.Unix()),
	}
}
