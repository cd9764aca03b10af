package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"syncline.dev/syncline/bench/internal/treemodel"
)

// entry is a file or a folder in one tree blob.
type entry struct {
	name string
	dir  int // index of the folder, 0 for a file
	file treemodel.File
}

// encoder writes tree blobs as restic does: the same keys in the same order,
// names quoted twice. It is for one goroutine.
type encoder struct {
	buf     []byte
	entries []entry
	content []byte

	contents contents
}

// tree returns the tree blob of a folder. all, trees and times have all folders, their
// trees and their times. The result is valid until the next call.
func (e *encoder) tree(files []treemodel.File, subs []int, all []treemodel.Dir, trees []id, times []time.Time) []byte {
	e.entries = e.entries[:0]
	for _, f := range files {
		e.entries = append(e.entries, entry{name: f.Name, file: f})
	}
	for _, sub := range subs {
		e.entries = append(e.entries, entry{name: all[sub].Name, dir: sub})
	}
	slices.SortFunc(e.entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })

	e.buf = append(e.buf[:0], `{"nodes":[`...)
	for i, n := range e.entries {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		if n.dir != 0 {
			e.dir(n.name, uint64(n.dir), times[n.dir], trees[n.dir])
		} else {
			e.file(n.file)
		}
	}
	// encoding/json ends a document of an Encoder with a line feed, and so
	// does every tree that restic writes.
	e.buf = append(e.buf, "]}\n"...)
	return e.buf
}

// root returns the tree above the folder tree, with one folder in it.
func (e *encoder) root(name string, at time.Time, tree id) []byte {
	e.buf = append(e.buf[:0], `{"nodes":[`...)
	e.dir(name, 0, at, tree)
	e.buf = append(e.buf, "]}\n"...)
	return e.buf
}

func (e *encoder) dir(name string, serial uint64, at time.Time, tree id) {
	e.common(name, `,"type":"dir","mode":2147484141`, at, at, 1<<32+serial)
	e.buf = append(e.buf, `,"content":null,"subtree":"`...)
	e.buf = hex.AppendEncode(e.buf, tree[:])
	e.buf = append(e.buf, `"}`...)
}

func (e *encoder) file(f treemodel.File) {
	e.content = e.contents.append(e.content[:0], f)
	sum := sha256.Sum256(e.content)
	at := f.ModTime()
	e.common(f.Name, `,"type":"file","mode":420`, at, at.Add(123456789*time.Nanosecond), f.Inode())
	e.buf = append(e.buf, `,"size":`...)
	e.buf = strconv.AppendInt(e.buf, int64(len(e.content)), 10)
	e.buf = append(e.buf, `,"links":1,"content":["`...)
	e.buf = hex.AppendEncode(e.buf, sum[:])
	e.buf = append(e.buf, `"]}`...)
}

func (e *encoder) common(name, kind string, modified, changed time.Time, inode uint64) {
	e.buf = append(e.buf, `{"name":`...)
	e.buf = appendName(e.buf, name)
	e.buf = append(e.buf, kind...)
	for _, t := range []struct {
		key string
		at  time.Time
	}{{`,"mtime":"`, modified}, {`,"atime":"`, modified}, {`,"ctime":"`, changed}} {
		e.buf = append(e.buf, t.key...)
		e.buf = t.at.AppendFormat(e.buf, time.RFC3339Nano)
		e.buf = append(e.buf, '"')
	}
	e.buf = append(e.buf, `,"uid":1000,"gid":1000,"user":"bench","group":"bench","inode":`...)
	e.buf = strconv.AppendUint(e.buf, inode, 10)
	e.buf = append(e.buf, `,"device_id":64768`...)
}

// appendName escapes a name as Go does, then again as JSON does.
func appendName(b []byte, name string) []byte {
	if !strings.ContainsFunc(name, escaped) {
		return append(append(append(b, '"'), name...), '"')
	}
	quoted := strconv.Quote(name)
	doc, err := json.Marshal(quoted[1 : len(quoted)-1])
	if err != nil {
		panic("a string cannot fail to encode: " + err.Error())
	}
	return append(b, doc...)
}

// escaped reports whether Go or JSON may write a character in another way.
func escaped(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r) }

// contents is how many distinct contents the files share, 0 for one of its own in each
// file and version.
type contents int

// append appends the contents of a file. They are few bytes, so that the repository
// stays small. Contents of their own give an index the length of a real one.
func (c contents) append(b []byte, f treemodel.File) []byte {
	if c > 0 {
		b = append(b, "shared "...)
		b = strconv.AppendInt(b, int64(c.shared(f)), 10)
		return append(b, '\n')
	}
	b = append(b, "file "...)
	b = strconv.AppendUint(b, uint64(f.Serial), 10)
	b = append(b, " version "...)
	b = strconv.AppendUint(b, uint64(f.Version), 10)
	return append(b, '\n')
}

// shared says which of the shared contents a file has.
func (c contents) shared(f treemodel.File) int {
	return int((uint64(f.Serial) + uint64(f.Version)) % uint64(c))
}
