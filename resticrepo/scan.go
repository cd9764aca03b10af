package resticrepo

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the depth of JSON, as encoding/json does.
const maxDepth = 10000

var errDepth = errors.New("JSON nests too deep")

// scanner reads JSON from a slice. Each method moves pos past the item it reads
// and reports whether the item was there. After a failure, pos is near the
// fault. Only unescaping allocates memory.
type scanner struct {
	buf []byte
	pos int
}

// syntaxError returns an error with the scanner's position.
func (s *scanner) syntaxError(want string) error {
	if s.pos >= len(s.buf) {
		return fmt.Errorf("JSON ends where %s is expected", want)
	}
	return fmt.Errorf("JSON has %q at byte %d where %s is expected", s.buf[s.pos], s.pos, want)
}

// space skips white space.
func (s *scanner) space() {
	for s.pos < len(s.buf) {
		switch s.buf[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// token skips white space and then the byte c, if it is there.
func (s *scanner) token(c byte) bool {
	s.space()
	if s.pos < len(s.buf) && s.buf[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// literal skips the exact text, if it is there.
func (s *scanner) literal(text string) bool {
	if len(s.buf)-s.pos >= len(text) && string(s.buf[s.pos:s.pos+len(text)]) == text {
		s.pos += len(text)
		return true
	}
	return false
}

// stringEnd marks the bytes that end a run of plain text in a JSON string.
var stringEnd = func() (t [256]bool) {
	for i := range 0x20 {
		t[i] = true
	}
	t['"'], t['\\'] = true, true
	return t
}()

// text reads a string. It returns the raw text between the quotes and whether
// it is plain, without escapes. It does not check the UTF-8.
func (s *scanner) text() (raw []byte, plain, ok bool) {
	buf, i := s.buf, s.pos
	if i >= len(buf) || buf[i] != '"' {
		return nil, false, false
	}
	i++
	start := i
	plain = true
	for i < len(buf) {
		c := buf[i]
		if !stringEnd[c] {
			i++
			continue
		}
		switch c {
		case '"':
			s.pos = i + 1
			return buf[start:i], plain, true
		case '\\':
			n := escapeLen(buf[i:])
			if n == 0 {
				s.pos = i
				return nil, false, false
			}
			plain = false
			i += n
		default:
			s.pos = i
			return nil, false, false
		}
	}
	s.pos = i
	return nil, false, false
}

// escapeLen returns the length of the escape that b starts with, 0 for none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) >= 6 && (hexDigit[b[2]]|hexDigit[b[3]]|hexDigit[b[4]]|hexDigit[b[5]])&notHex == 0 {
			return 6
		}
	}
	return 0
}

// str reads a string and returns its meaning: without escapes, and with U+FFFD
// in place of invalid UTF-8, as encoding/json has it.
func (s *scanner) str() (string, bool) {
	raw, plain, ok := s.text()
	if !ok {
		return "", false
	}
	if plain && utf8.Valid(raw) {
		return string(raw), true
	}
	return string(unescape(nil, raw)), true
}

// unescape appends the meaning of a string's raw text. text has checked the
// escapes.
func unescape(dst, raw []byte) []byte {
	for len(raw) > 0 {
		c := raw[0]
		switch {
		case c == '\\' && raw[1] == 'u':
			r := escapedRune(raw)
			raw = raw[6:]
			if utf16.IsSurrogate(r) {
				// A surrogate pair makes one character. Half a pair makes
				// U+FFFD.
				pair := utf8.RuneError
				if len(raw) >= 6 && raw[0] == '\\' && raw[1] == 'u' {
					pair = utf16.DecodeRune(r, escapedRune(raw))
				}
				if pair != utf8.RuneError {
					raw = raw[6:]
				}
				r = pair
			}
			dst = utf8.AppendRune(dst, r)
		case c == '\\':
			dst = append(dst, simpleEscape(raw[1]))
			raw = raw[2:]
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			raw = raw[1:]
		default:
			r, n := utf8.DecodeRune(raw)
			dst = utf8.AppendRune(dst, r)
			raw = raw[n:]
		}
	}
	return dst
}

func escapedRune(b []byte) rune {
	return rune(hexDigit[b[2]])<<12 | rune(hexDigit[b[3]])<<8 | rune(hexDigit[b[4]])<<4 | rune(hexDigit[b[5]])
}

func simpleEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// safeDigits is the number of decimal digits that always fit a uint64.
const safeDigits = 19

// uint reads a whole number from 0 to max, written without fraction and
// exponent.
func (s *scanner) uint(max uint64) (uint64, bool) {
	buf, i := s.buf, s.pos
	var v uint64
	for i < len(buf) && buf[i]-'0' <= 9 {
		d := uint64(buf[i] - '0')
		if i-s.pos >= safeDigits && v > (math.MaxUint64-d)/10 {
			return 0, false
		}
		v = v*10 + d
		i++
	}
	n := i - s.pos
	if n == 0 || v > max || n > 1 && buf[s.pos] == '0' {
		return 0, false
	}
	if i < len(buf) && (buf[i] == '.' || buf[i]|0x20 == 'e') {
		return 0, false
	}
	s.pos = i
	return v, true
}

// number skips any number.
func (s *scanner) number() bool {
	digits := func() bool {
		start := s.pos
		for s.pos < len(s.buf) && s.buf[s.pos]-'0' <= 9 {
			s.pos++
		}
		return s.pos > start
	}
	s.literal("-")
	if !s.literal("0") && !digits() {
		return false
	}
	if s.literal(".") && !digits() {
		return false
	}
	if s.literal("e") || s.literal("E") {
		if !s.literal("+") {
			s.literal("-")
		}
		return digits()
	}
	return true
}

// skip reads any value, with the white space before it. The value nests at most
// depth deep.
func (s *scanner) skip(depth int) error {
	if depth <= 0 {
		return errDepth
	}
	s.space()
	if s.pos >= len(s.buf) {
		return s.syntaxError("a value")
	}
	var ok bool
	switch c := s.buf[s.pos]; c {
	case '{':
		return s.object(func([]byte) error { return s.skip(depth - 1) })
	case '[':
		return s.array(func() error { return s.skip(depth - 1) })
	case '"':
		_, _, ok = s.text()
	case 't':
		ok = s.literal("true")
	case 'f':
		ok = s.literal("false")
	case 'n':
		ok = s.literal("null")
	default:
		ok = s.number()
	}
	if !ok {
		return s.syntaxError("a value")
	}
	return nil
}

// object reads an object. It calls value for every key, unescaped, with pos at
// the key's value. The key is valid during the call only.
func (s *scanner) object(value func(key []byte) error) error {
	if !s.token('{') {
		return s.syntaxError("an object")
	}
	if s.token('}') {
		return nil
	}
	for {
		s.space()
		key, plain, ok := s.text()
		if !ok {
			return s.syntaxError("a key")
		}
		if !plain {
			key = unescape(nil, key)
		}
		if !s.token(':') {
			return s.syntaxError("a colon")
		}
		s.space()
		if err := value(key); err != nil {
			return err
		}
		if s.token(',') {
			continue
		}
		if s.token('}') {
			return nil
		}
		return s.syntaxError("a comma or the end of an object")
	}
}

// array reads an array and calls value for every element, with pos at it.
func (s *scanner) array(value func() error) error {
	if !s.token('[') {
		return s.syntaxError("an array")
	}
	if s.token(']') {
		return nil
	}
	for {
		s.space()
		if err := value(); err != nil {
			return err
		}
		if s.token(',') {
			continue
		}
		if s.token(']') {
			return nil
		}
		return s.syntaxError("a comma or the end of an array")
	}
}

// end returns an error if anything but white space is left.
func (s *scanner) end() error {
	s.space()
	if s.pos < len(s.buf) {
		return s.syntaxError("the end")
	}
	return nil
}

// unquoteName undoes the second escaping of names. restic writes them as
// strconv.Quote does, without the quotes.
func unquoteName(s []byte) (string, error) {
	if bytes.IndexByte(s, '\\') < 0 && bytes.IndexByte(s, '"') < 0 && bytes.IndexByte(s, '\n') < 0 {
		return string(s), nil
	}
	quoted := make([]byte, 0, len(s)+2)
	quoted = append(append(append(quoted, '"'), s...), '"')
	name, err := strconv.Unquote(string(quoted))
	if err != nil {
		return "", fmt.Errorf("the name %q is not quoted as restic does", clip(string(s)))
	}
	return name, nil
}
