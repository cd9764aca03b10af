package mounts

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxLine bounds a line of the table, in bytes. An overlay of many folders has a long one.
const maxLine = 1 << 20

// table is the kernel's list of the mounts that this process sees.
const table = "/proc/self/mountinfo"

// of returns the mount that a path lies on, without a call into its file system. ok is
// false when nobody knows.
func of(path string) (m Mount, ok bool) {
	f, err := os.Open(table)
	if err != nil || !filepath.IsAbs(path) {
		return Mount{}, false
	}
	defer f.Close()
	all, err := mountsIn(f)
	if err != nil {
		return Mount{}, false
	}
	return choose(all, path)
}

// mountsIn reads a whole table. A part of one would hide mounts.
func mountsIn(r io.Reader) (all []Mount, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if m, ok := parse(lines.Text()); ok {
			all = append(all, m)
		}
	}
	return all, lines.Err()
}

// parse reads a line, whose form proc_pid_mountinfo(5) has.
func parse(line string) (m Mount, ok bool) {
	before, after, found := strings.Cut(line, " - ")
	fields, kind := strings.Fields(before), strings.Fields(after)
	if !found || len(fields) < 5 || len(kind) == 0 {
		return Mount{}, false
	}
	return Mount{ID: fields[0], Point: unescape(fields[4]), Type: kind[0]}, true
}

// unescape reads the characters that are written as octal numbers, such as a space.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
