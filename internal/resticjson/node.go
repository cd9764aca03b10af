package resticjson

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"syncline.dev/syncline"
)

// AppendNode appends restic ls's line for an entry at path, without its end. It
// is called for every file of a backup, so it writes encoding/json's output
// itself.
func AppendNode(b []byte, path string, e *syncline.Entry) []byte {
	b = AppendString(append(b, `{"name":`...), e.Name)
	b = AppendString(append(b, `,"type":`...), string(e.Type))
	b = AppendString(append(b, `,"path":`...), path)
	b = strconv.AppendUint(append(b, `,"uid":`...), uint64(e.UID), 10)
	b = strconv.AppendUint(append(b, `,"gid":`...), uint64(e.GID), 10)
	if e.Type == syncline.TypeFile {
		b = strconv.AppendUint(append(b, `,"size":`...), e.Size, 10)
	}
	if e.Mode != 0 {
		b = strconv.AppendUint(append(b, `,"mode":`...), uint64(e.Mode), 10)
	}
	b = AppendString(append(b, `,"permissions":`...), e.Mode.String())
	b = AppendTime(append(b, `,"mtime":`...), e.ModTime)
	b = AppendTime(append(b, `,"atime":`...), e.AccessTime)
	b = AppendTime(append(b, `,"ctime":`...), e.ChangeTime)
	if e.Inode != 0 {
		b = strconv.AppendUint(append(b, `,"inode":`...), e.Inode, 10)
	}
	return append(b, `,"message_type":"node","struct_type":"node"}`...)
}

// AppendTime appends a time as encoding/json writes it.
func AppendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// AppendString appends a string as encoding/json writes it: with <, > and &
// escaped, and \ufffd in place of invalid UTF-8.
func AppendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(s)
			if err != nil { // encoding/json refuses no string
				panic(err)
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
