package catalog

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sync"
	"time"
)

// columns collects a block. Each column is a byte string of its own, because
// similar bytes side by side compress better.
type columns [][]byte

func (c columns) uint(i int, v uint64) { c[i] = binary.AppendUvarint(c[i], v) }
func (c columns) int(i int, v int64)   { c[i] = binary.AppendVarint(c[i], v) }

func (c columns) u32(i int, v uint32) { c[i] = binary.LittleEndian.AppendUint32(c[i], v) }

func (c columns) text(i int, s string) {
	c[i] = binary.AppendUvarint(c[i], uint64(len(s)))
	c[i] = append(c[i], s...)
}

func (c columns) reset() {
	for i := range c {
		c[i] = c[i][:0]
	}
}

// pack appends the columns' lengths and then their bytes, in one frame.
func (c columns) pack(dst, scratch []byte) (out, buf []byte) {
	buf = scratch[:0]
	for _, col := range c {
		buf = binary.AppendUvarint(buf, uint64(len(col)))
	}
	for _, col := range c {
		buf = append(buf, col...)
	}
	return compress(dst, buf), buf
}

// unpackColumns is the inverse of pack, for n columns. It fails on anything
// that pack does not write.
func unpackColumns(payload []byte, n int) ([]cursor, error) {
	return unpackColumnsInto(new([]byte), payload, n)
}

// blockBuffers are buffers for decompressed blocks that nobody keeps.
var blockBuffers = sync.Pool{New: func() any { return new([]byte) }}

func borrowBlock() *[]byte { return blockBuffers.Get().(*[]byte) }

func giveBackBlock(buf *[]byte) {
	const keep = 1 << 20
	if cap(*buf) <= keep {
		blockBuffers.Put(buf)
	}
}

// unpackColumnsInto is unpackColumns into a buffer of the caller.
func unpackColumnsInto(buf *[]byte, payload []byte, n int) ([]cursor, error) {
	raw, err := decompress((*buf)[:0], payload)
	if err != nil {
		return nil, err
	}
	*buf = raw
	cols := make([]cursor, n)
	lens := make([]int, n)
	head := cursor{b: raw}
	for i := range lens {
		lens[i] = head.length()
	}
	if head.bad {
		return nil, damaged("a block has no column lengths")
	}
	rest := head.b
	for i, l := range lens {
		if l > len(rest) {
			return nil, damaged("a block's column is cut off")
		}
		cols[i].b, rest = rest[:l:l], rest[l:]
	}
	if len(rest) != 0 {
		return nil, damaged("a block has bytes left over")
	}
	return cols, nil
}

// cursor reads one column. A read beyond its end gives zeros and sets bad.
// Callers check bad once, after all reads.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) uint() uint64 {
	if len(c.b) > 0 && c.b[0] < 0x80 {
		v := c.b[0]
		c.b = c.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) int() int64 {
	u := c.uint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

// zeros reports whether the rest of the column is n bytes of zero.
func (c *cursor) zeros(n int) bool {
	if len(c.b) != n {
		return false
	}
	for _, b := range c.b {
		if b != 0 {
			return false
		}
	}
	return true
}

// unchanging reads n differences when all but the first are 0, and returns the
// first. Otherwise ok is false and it reads nothing.
func (c *cursor) unchanging(n int) (first int64, ok bool) {
	_, size := binary.Uvarint(c.b)
	if n == 0 || size <= 0 {
		return 0, false
	}
	if rest := (&cursor{b: c.b[size:]}); !rest.zeros(n - 1) {
		return 0, false
	}
	first, c.b = c.int(), nil
	return first, true
}

// repeated reads n numbers when all are equal, and returns that number.
// Otherwise ok is false and it reads nothing.
func (c *cursor) repeated(n int) (v uint64, ok bool) {
	v, size := binary.Uvarint(c.b)
	if n == 0 || size <= 0 || len(c.b) != n*size || !bytes.Equal(c.b[size:], c.b[:len(c.b)-size]) {
		return 0, false
	}
	c.b = nil
	return v, true
}

// steps reads a column of many numbers, in place of its cursor. Its place is a number:
// the collector wants to know of each step of a slice.
type steps struct {
	b   []byte
	at  int
	bad bool
}

func (c *cursor) steps() steps { return steps{b: c.b} }

// take moves the cursor behind what was read.
func (c *cursor) take(s *steps) {
	c.b = c.b[s.at:]
	if s.bad {
		c.bad, c.b = true, nil
	}
}

func (s *steps) uint() uint64 {
	if s.at+8 <= len(s.b) {
		// Eight bytes at once: the lengths of the numbers in a column are not predictable.
		v := binary.LittleEndian.Uint64(s.b[s.at:])
		if v&0x80 == 0 {
			s.at++
			return v & 0x7f
		}
		if last := ^v & 0x8080808080808080; last != 0 {
			end := bits.TrailingZeros64(last) // the highest bit of the number's last byte
			s.at += end/8 + 1
			v &= 1<<end - 1
			v = v&0x007f007f007f007f | v&0x7f007f007f007f00>>1
			v = v&0x00003fff00003fff | v&0x3fff00003fff0000>>2
			return v&0x0fffffff | v&0x0fffffff00000000>>4
		}
	}
	return s.long()
}

func (s *steps) long() uint64 {
	v, size := binary.Uvarint(s.b[s.at:])
	if size <= 0 {
		s.bad, s.at = true, len(s.b)
		return 0
	}
	s.at += size
	return v
}

func (s *steps) int() int64 {
	u := s.uint()
	return int64(u>>1) ^ -int64(u&1)
}

func (s *steps) u32() uint32 {
	if len(s.b)-s.at < 4 {
		s.bad, s.at = true, len(s.b)
		return 0
	}
	s.at += 4
	return binary.LittleEndian.Uint32(s.b[s.at-4:])
}

// numbers reads n numbers into a slice, in the memory of to when that is large
// enough. A number that T cannot hold becomes the largest that it can.
func numbers[T uint16 | uint64](c *cursor, to []T, n int) []T {
	if v, ok := c.repeated(n); ok {
		return append(to[:0], T(min(v, uint64(^T(0)))))
	}
	to = room(to, n)
	s := c.steps()
	for i := range to {
		to[i] = T(min(s.uint(), uint64(^T(0))))
	}
	c.take(&s)
	return to
}

// deltas is numbers for a column of differences, each to the number before. The first
// one is to start.
func deltas[T int64 | uint32 | uint64](c *cursor, to []T, n int, start T) []T {
	to = room(to, n)
	s := c.steps()
	for i := range to {
		start += T(s.int())
		to[i] = start
	}
	c.take(&s)
	return to
}

// fewDeltas is deltas from 0 on, with one value when all are equal.
func fewDeltas[T uint32 | uint64](c *cursor, to []T, n int) []T {
	if v, ok := c.unchanging(n); ok {
		return append(to[:0], T(v))
	}
	return deltas(c, to, n, 0)
}

// room returns a slice of n values, in the memory of s when that is large
// enough. The values are arbitrary.
func room[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// length reads a count of items that take at least one byte each in the block.
// It refuses a count that no block can have.
func (c *cursor) length() int {
	v := c.uint()
	if v > maxBlock {
		c.bad = true
		return 0
	}
	return int(v)
}

func (c *cursor) bytes() []byte {
	n := c.length()
	if n > len(c.b) {
		c.bad, c.b = true, nil
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) text() string { return string(c.bytes()) }

// done checks that every column was read to its end without a fault.
func done(cols []cursor) error {
	for i := range cols {
		if cols[i].bad || len(cols[i].b) != 0 {
			return damaged("column %d of a block does not decode", i)
		}
	}
	return nil
}

// offsetOf returns the offset of t's zone, in seconds east of UTC.
func offsetOf(t time.Time) int64 {
	if t.Location() == time.UTC {
		return 0
	}
	_, off := t.Zone()
	return int64(off)
}

// texts gives numbers to the few texts that repeat in a block: types, users,
// groups.
type texts struct {
	list []string
	nos  map[string]uint64
	last string
	no   uint64
}

func (t *texts) number(s string) uint64 {
	if s == t.last && len(t.list) > 0 {
		return t.no
	}
	no, ok := t.nos[s]
	if !ok {
		if t.nos == nil {
			t.nos = make(map[string]uint64, 8)
		}
		no = uint64(len(t.list))
		t.list = append(t.list, s)
		t.nos[s] = no
	}
	t.last, t.no = s, no
	return no
}

func (t *texts) reset() {
	clear(t.nos)
	*t = texts{list: t.list[:0], nos: t.nos}
}

// checkCount bounds what a block may claim, so that a damaged count allocates
// nothing.
func checkCount(n, limit int, what string) error {
	if n < 0 || n > limit {
		return damaged("%d %s in a block that holds at most %d", n, what, limit)
	}
	return nil
}
