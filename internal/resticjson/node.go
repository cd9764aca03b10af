package resticjson

import (
	"encoding/json"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"syncline.dev/syncline"
)

// AppendNode appends restic ls's line for an entry at path, without its end. It
// is called for every file of a backup, so it writes encoding/json's output
// itself.
func AppendNode(b []byte, path string, e *syncline.Entry) []byte {
	var n Nodes
	b = appendType(AppendString(append(b, nodeName...), e.Name), e)
	b = AppendString(append(b, nodePath...), path)
	return n.appendFields(b, e)
}

const (
	nodeName = `{"name":`
	nodePath = `,"path":`
)

// Nodes appends the lines of AppendNode for entries that follow one another. It keeps
// what neighbours have in common. The zero value is ready.
type Nodes struct {
	folder string
	prefix []byte // the folder and a slash, as they stand in a path

	mode  fs.FileMode
	modes []byte // both fields of mode; empty before the first entry

	uid, gid uint32
	owner    []byte // the fields of both; empty before the first entry

	clock clock
}

// Append appends the line for an entry in a folder, without its end. The folder is "" for
// the root.
func (n *Nodes) Append(b []byte, folder string, e *syncline.Entry) []byte {
	if len(n.prefix) == 0 || n.folder != folder {
		n.folder = folder
		n.prefix = AppendString(n.prefix[:0], folder)
		n.prefix[len(n.prefix)-1] = '/'
	}
	b = append(b, nodeName...)
	from := len(b)
	b = AppendString(b, e.Name)
	to := len(b)
	b = append(appendType(b, e), nodePath...)
	b = append(append(b, n.prefix...), b[from+1:to]...) // a name is escaped as it is in a path
	return n.appendFields(b, e)
}

func appendType(b []byte, e *syncline.Entry) []byte {
	return AppendString(append(b, `,"type":`...), string(e.Type))
}

func (n *Nodes) appendFields(b []byte, e *syncline.Entry) []byte {
	if len(n.owner) == 0 || e.UID != n.uid || e.GID != n.gid {
		n.uid, n.gid = e.UID, e.GID
		n.owner = strconv.AppendUint(append(n.owner[:0], `,"uid":`...), uint64(e.UID), 10)
		n.owner = strconv.AppendUint(append(n.owner, `,"gid":`...), uint64(e.GID), 10)
	}
	b = append(b, n.owner...)
	if e.Type == syncline.TypeFile {
		b = strconv.AppendUint(append(b, `,"size":`...), e.Size, 10)
	}
	b = n.appendMode(b, e.Mode)
	b = append(b, `,"mtime":`...)
	from := len(b)
	b = n.clock.append(b, e.ModTime)
	to := len(b)
	for i, t := range [2]*time.Time{&e.AccessTime, &e.ChangeTime} {
		b = append(b, [2]string{`,"atime":`, `,"ctime":`}[i]...)
		if *t == e.ModTime { //nolint:staticcheck // in the same zone, too
			b = append(b, b[from:to]...)
		} else {
			b = n.clock.append(b, *t)
		}
	}
	if e.Inode != 0 {
		b = strconv.AppendUint(append(b, `,"inode":`...), e.Inode, 10)
	}
	return append(b, `,"message_type":"node","struct_type":"node"}`...)
}

func (n *Nodes) appendMode(b []byte, mode fs.FileMode) []byte {
	if len(n.modes) == 0 || mode != n.mode {
		n.mode, n.modes = mode, n.modes[:0]
		if mode != 0 {
			n.modes = strconv.AppendUint(append(n.modes, `,"mode":`...), uint64(mode), 10)
		}
		n.modes = AppendString(append(n.modes, `,"permissions":`...), mode.String())
	}
	return append(b, n.modes...)
}

// plain are the bytes that AppendString writes as they are.
var plain = func() (is [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		is[c] = !strings.ContainsRune(`"\<>&`, c)
	}
	return is
}()

// AppendString appends a string as encoding/json writes it: with <, > and &
// escaped, and \ufffd in place of invalid UTF-8.
func AppendString(b []byte, s string) []byte {
	for i := range len(s) {
		if !plain[s[i]] {
			quoted, err := json.Marshal(s)
			if err != nil { // encoding/json refuses no string
				panic(err)
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
