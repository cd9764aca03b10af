package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"
)

// isTerminal reports whether a stream is one, and its file descriptor.
func isTerminal(stream any) (fd int, ok bool) {
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// printable returns s. It quotes s if anything in it could act on a terminal:
// control characters, other unprintable characters, bytes that are not UTF-8.
func printable(s string) string {
	if isPrintable(s) {
		return s
	}
	return strconv.Quote(s)
}

func isPrintable(s string) bool {
	at := 0
	for at < len(s) && s[at] >= ' ' && s[at] < 0x7f {
		at++
	}
	s = s[at:] // an ASCII text is done by then
	return strings.IndexFunc(s, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }) < 0
}

// jsonFor returns the writer for JSON. For a terminal it escapes everything that
// could act on the terminal, which leaves the meaning of the JSON as it is.
func jsonFor(w io.Writer) io.Writer {
	if _, ok := isTerminal(w); ok {
		return &jsonEscaper{w: w}
	}
	return w
}

// jsonEscaper writes JSON and escapes unprintable characters. These stand only in
// strings, where an escape has the same meaning.
type jsonEscaper struct {
	w    io.Writer
	rest []byte // the beginning of a character
}

// Write implements io.Writer.
func (e *jsonEscaper) Write(p []byte) (int, error) {
	in := append(e.rest, p...)
	out := make([]byte, 0, len(in)+16)
	for len(in) > 0 && utf8.FullRune(in) {
		r, n := utf8.DecodeRune(in)
		switch {
		case r == utf8.RuneError && n == 1:
			out = append(out, `\ufffd`...)
		case r == '\n' || unicode.IsPrint(r):
			out = append(out, in[:n]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		in = in[n:]
	}
	e.rest = append([]byte(nil), in...)
	if _, err := e.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

func clipText(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
