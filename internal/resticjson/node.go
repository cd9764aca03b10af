package resticjson

import (
	"encoding/json"
	"io/fs"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"

	"syncline.dev/syncline"
)

// AppendNode appends restic ls's line for an entry at path, without its end. It
// is called for every file of a backup, so it writes encoding/json's output
// itself.
func AppendNode(b []byte, path string, e *syncline.Entry) []byte {
	var n Nodes
	b = AppendString(append(b, nodeName...), e.Name)
	b = AppendString(append(appendType(b, e.Type), nodePath...), path)
	return n.appendFields(b, e)
}

const (
	nodeName = `{"name":`
	nodePath = `,"path":`
)

// Nodes appends the lines of AppendNode for entries that follow one another. It keeps
// what neighbours have in common: a line is few pieces then. The zero value is ready.
type Nodes struct {
	folder string
	prefix []byte // the folder and a slash, as they stand in a path; empty before the first entry

	kind   syncline.EntryType
	middle []byte // from the type to the prefix, between a name and its repetition in the path

	uid, gid uint32
	owner    []byte // the fields of both; empty before the first entry

	mode  fs.FileMode
	modes []byte // both fields of mode; empty before the first entry

	clocks [3]clock // of the modification, access and change times
}

// Append appends the line for an entry in a folder, without its end. The folder is "" for
// the root.
func (n *Nodes) Append(b []byte, folder string, e *syncline.Entry) []byte {
	if n.folder != folder || n.kind != e.Type || len(n.prefix) == 0 {
		n.between(folder, e.Type)
	}
	b = append(b, nodeName...)
	from := len(b)
	b = AppendString(b, e.Name)
	to := len(b)
	b = append(b, n.middle...)
	b = append(b, b[from+1:to]...) // a name is escaped as it is in a path
	return n.appendFields(b, e)
}

func (n *Nodes) between(folder string, kind syncline.EntryType) {
	if n.folder != folder || len(n.prefix) == 0 {
		n.folder = folder
		n.prefix = AppendString(n.prefix[:0], folder)
		n.prefix[len(n.prefix)-1] = '/'
	}
	n.kind = kind
	n.middle = append(append(appendType(n.middle[:0], kind), nodePath...), n.prefix...)
}

func appendType(b []byte, kind syncline.EntryType) []byte {
	return AppendString(append(b, `,"type":`...), string(kind))
}

func (n *Nodes) appendFields(b []byte, e *syncline.Entry) []byte {
	if e.UID != n.uid || e.GID != n.gid || len(n.owner) == 0 {
		n.uid, n.gid = e.UID, e.GID
		n.owner = appendUint(append(n.owner[:0], `,"uid":`...), uint64(e.UID))
		n.owner = appendUint(append(n.owner, `,"gid":`...), uint64(e.GID))
	}
	if e.Mode != n.mode || len(n.modes) == 0 {
		n.setMode(e.Mode)
	}
	b = append(b, n.owner...)
	if e.Type == syncline.TypeFile {
		b = appendUint(append(b, `,"size":`...), e.Size)
	}
	b = append(append(b, n.modes...), `,"mtime":`...)
	from := len(b)
	b = n.clocks[0].append(b, e.ModTime)
	to := len(b)
	b = append(b, `,"atime":`...)
	atime, same := len(b), e.AccessTime == e.ModTime //nolint:staticcheck // in the same zone, too
	if same {
		b = slices.Grow(b, to-from)[:atime+to-from] // copied last: bytes that were just written are slow to read
	} else {
		b = n.clocks[1].append(b, e.AccessTime)
	}
	b = append(b, `,"ctime":`...)
	if e.ChangeTime == e.ModTime { //nolint:staticcheck // in the same zone, too
		b = append(b, b[from:to]...)
	} else {
		b = n.clocks[2].append(b, e.ChangeTime)
	}
	if e.Inode != 0 {
		b = appendUint(append(b, `,"inode":`...), e.Inode)
	}
	b = append(b, `,"message_type":"node","struct_type":"node"}`...)
	if same {
		copy(b[atime:], b[from:to])
	}
	return b
}

// appendUint is strconv.AppendUint to base 10. It writes the digits where they belong.
func appendUint(b []byte, v uint64) []byte {
	digits := bits.Len64(v) * 1233 >> 12 // 1233/4096 is just above the logarithm of 2
	if v >= powers[digits] {
		digits++
	}
	at := len(b) + digits
	b = slices.Grow(b, digits)[:at]
	for ; v >= 100; v /= 100 {
		at -= 2
		b[at], b[at+1] = tens[v%100], ones[v%100]
	}
	if b[at-1] = ones[v]; v >= 10 {
		b[at-2] = tens[v]
	}
	return b
}

// powers has the least number of one digit, and those of more digits.
var powers = func() (p [20]uint64) {
	for i, v := 1, uint64(10); i < len(p); i, v = i+1, v*10 {
		p[i] = v
	}
	return p
}()

func (n *Nodes) setMode(mode fs.FileMode) {
	n.mode, n.modes = mode, n.modes[:0]
	if mode != 0 {
		n.modes = appendUint(append(n.modes, `,"mode":`...), uint64(mode))
	}
	n.modes = AppendString(append(n.modes, `,"permissions":`...), mode.String())
}

// plain are the bytes that AppendString writes as they are, wherever they stand.
var plain = func() (is [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		is[c] = !strings.ContainsRune(`"\<>&`, c)
	}
	return is
}()

// AppendString appends a string as encoding/json writes it: with <, > and &
// escaped, and \ufffd in place of invalid UTF-8.
func AppendString(b []byte, s string) []byte {
	ascii := true
	for i := range len(s) {
		if !plain[s[i]] {
			if s[i] < utf8.RuneSelf {
				return appendEscaped(b, s)
			}
			ascii = false
		}
	}
	// encoding/json escapes the two separators of lines and paragraphs.
	if !ascii && (!utf8.ValidString(s) || strings.ContainsAny(s, "\u2028\u2029")) {
		return appendEscaped(b, s)
	}
	return append(append(append(b, '"'), s...), '"')
}

func appendEscaped(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil { // encoding/json refuses no string
		panic(err)
	}
	return append(b, quoted...)
}
