//go:build linux

// Command oddtree fills a folder with everything that makes trouble in a
// backup: names, types, times, attributes, depth. scripts/make-fixtures.sh lets
// restic back it up. Character devices and foreign owners need root.
//
// Usage: oddtree DIR DEPTH
package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oddtree:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: oddtree DIR DEPTH")
	}
	depth, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	b := &builder{dir: args[0]}
	b.names()
	b.types()
	b.attributes()
	b.times()
	b.deep(depth)
	return b.err
}

// builder writes below dir until the first error.
type builder struct {
	dir string
	err error
}

// do runs f on the path of name unless something failed before.
func (b *builder) do(name string, f func(path string) error) {
	if b.err == nil {
		if err := f(filepath.Join(b.dir, name)); err != nil {
			b.err = fmt.Errorf("%q: %w", name, err)
		}
	}
}

func (b *builder) mkdir(name string) {
	b.do(name, func(p string) error { return os.MkdirAll(p, 0o755) })
}

func (b *builder) file(name, content string) {
	b.do(name, func(p string) error { return os.WriteFile(p, []byte(content), 0o644) })
}

func (b *builder) names() {
	b.mkdir("names")
	for i, name := range []string{
		`double"quote`, "single'quote", "new\nline", "tab\there", `back\slash`, `\n`, "not utf-8 \xff\xfe", "\xc3",
		"latin-1 caf\xe9", "emoji \U0001f5c4\ufe0f", "rtl \u200fmark", "nfc \u00e9", "nfd e\u0301", strings.Repeat("x", 255),
		strings.Repeat("\u20ac", 85), "-leading-dash", "trailing space ", " leading", "...", "..two", "bell\a",
		"del\x7f", "esc \x1b[31mred", "<b>&amp;<i>", "line\u2028sep", "bom\ufeff", "replacement \ufffd", "\U0010ffff",
		`{"name":"x"}`, `},{"name":"y","type":"file"`, "percent%2f", "a:b|c?d*e", "CON", "sm\u00f8rrebr\u00f8d",
	} {
		b.file("names/"+name, fmt.Sprintf("odd name %d\n", i))
	}
	b.mkdir("names/dir \"quoted\"\n\xff")
	b.file("names/dir \"quoted\"\n\xff/inside", "inside\n")
}

func (b *builder) types() {
	b.mkdir("types/empty folder")
	b.file("types/empty file", "")
	b.file("types/plain", "plain\n")
	b.do("types/hard link", func(p string) error { return os.Link(filepath.Join(b.dir, "types/plain"), p) })
	b.do("types/another hard link", func(p string) error { return os.Link(filepath.Join(b.dir, "types/plain"), p) })
	for name, target := range map[string]string{
		"to plain": "plain", "dangling": "no such file", "not utf-8": "target \xff\xfe", "absolute": "/etc/hostname",
		"to folder": "../names", "odd": "quote\" new\nline", "itself": "itself",
	} {
		b.do("types/link "+name, func(p string) error { return os.Symlink(target, p) })
	}
	b.do("types/fifo", func(p string) error { return unix.Mkfifo(p, 0o640) })
	b.do("types/socket", func(p string) error {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: p, Net: "unix"})
		if err != nil {
			return err
		}
		l.SetUnlinkOnClose(false)
		return l.Close()
	})
	b.do("types/char device", func(p string) error { return unix.Mknod(p, unix.S_IFCHR|0o600, int(unix.Mkdev(5, 261))) })
	b.do("types/block device", func(p string) error { return unix.Mknod(p, unix.S_IFBLK|0o660, int(unix.Mkdev(8, 17))) })
}

func (b *builder) attributes() {
	b.mkdir("attributes")
	for name, mode := range map[string]uint32{
		"setuid": 0o4755, "setgid": 0o2755, "sticky": 0o1644, "all bits": 0o7777, "no bits": 0,
	} {
		b.file("attributes/"+name, name)
		b.do("attributes/"+name, func(p string) error { return unix.Chmod(p, mode) })
	}
	b.file("attributes/xattrs", "x\n")
	b.mkdir("attributes/folder with xattr")
	for _, x := range []struct{ file, name, value string }{
		{"xattrs", "user.text", "value"},
		{"xattrs", "user.binary", "\x00\x01\xff\xfe"},
		{"xattrs", "user.empty", ""},
		{"xattrs", "user.odd \"name\"", "quote \" and ü"},
		{"folder with xattr", "user.note", "on a folder"},
	} {
		b.do("attributes/"+x.file, func(p string) error { return unix.Lsetxattr(p, x.name, []byte(x.value), 0) })
	}
	b.file("attributes/foreign owner", "x\n")
	b.do("attributes/foreign owner", func(p string) error { return os.Lchown(p, 4294967294, 123456) })
}

func (b *builder) times() {
	b.mkdir("times")
	for name, at := range map[string]unix.Timespec{
		"1969":         {Sec: -1, Nsec: 500_000_001},
		"1912":         {Sec: -1_830_000_000, Nsec: 1},
		"epoch":        {},
		"nanosecond":   {Sec: 1_000_000_000, Nsec: 999_999_999},
		"trailing 0":   {Sec: 1_500_000_000, Nsec: 120_000_000},
		"2038":         {Sec: 1 << 31, Nsec: 7},
		"2106":         {Sec: 1 << 32, Nsec: 123_456_789},
		"far, in 2400": {Sec: 13_570_000_000, Nsec: 1000},
	} {
		b.file("times/"+name, name)
		b.do("times/"+name, func(p string) error {
			return unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{at, at}, 0)
		})
	}
}

func (b *builder) deep(depth int) {
	path := "deep" + strings.Repeat("/d", depth)
	b.mkdir(path)
	b.file(path+"/bottom", "far down\n")
}
