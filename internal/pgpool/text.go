package pgpool

import (
	"strings"
	"unicode/utf8"
)

// PostgreSQL's texts hold neither NUL nor bytes that are no UTF-8, while host names,
// paths and messages of others may. Such texts are kept in another form, in which the
// character 1 begins a byte that is written out:
//
//	1 1        NUL
//	1 2        the character 1 itself
//	1 "ff"     any other byte, in hexadecimal
//
// Different texts have different forms, and texts that are UTF-8 keep their order.
const escape = 1

const hexDigits = "0123456789abcdef"

// Text returns the form in which the database keeps a text.
func Text(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 && strings.IndexByte(s, escape) < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + len(s)/4)
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == 0 || r == escape:
			b.WriteByte(escape)
			b.WriteByte(byte(r) + 1)
		case r == utf8.RuneError && n == 1:
			b.Write([]byte{escape, hexDigits[s[0]>>4], hexDigits[s[0]&15]})
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// Original returns the text that Text was given. A text that Text cannot have made stays
// as it is.
func Original(kept string) string {
	i := strings.IndexByte(kept, escape)
	if i < 0 {
		return kept
	}
	var b strings.Builder
	b.Grow(len(kept))
	for ; i >= 0; i = strings.IndexByte(kept, escape) {
		b.WriteString(kept[:i])
		c, n := written(kept[i:])
		b.WriteByte(c)
		kept = kept[i+n:]
	}
	b.WriteString(kept)
	return b.String()
}

// written returns the byte that is written out at the begin of a text, and how many
// bytes its form has.
func written(s string) (c byte, n int) {
	switch {
	case len(s) >= 2 && (s[1] == 1 || s[1] == 2):
		return s[1] - 1, 2
	case len(s) >= 3:
		high, low := strings.IndexByte(hexDigits, s[1]), strings.IndexByte(hexDigits, s[2])
		if high >= 0 && low >= 0 {
			return byte(high<<4 | low), 3
		}
	}
	return s[0], 1
}
