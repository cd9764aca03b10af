package resticrepo

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// This file derives keys as RFC 7914 (scrypt) says. The imported package works
// on the p parts of a key one after the other. They do not depend on each
// other, and restic makes p large enough to fill half a second.

// helping counts the goroutines that work on a part beside the first one of their key. In
// the whole process there are fewer of them than cores, so many keys at once take the
// memory of little more than one part each. A part of restic's takes 32 MiB.
var helping atomic.Int64

// maxHelped is the largest part of a key that has helpers, in bytes. A key file may ask
// for maxScryptMemory.
const maxHelped = 64 << 20

// deriveKey returns size bytes that follow from the password. It works on the
// parts of the key on all cores that work on no other key. The caller has checked
// the parameters.
func deriveKey(password string, salt []byte, n, r, p, size int) ([]byte, error) {
	part := 128 * r
	b, err := pbkdf2.Key(sha256.New, password, salt, 1, p*part)
	if err != nil {
		return nil, err
	}
	var next atomic.Int64
	mix := func() {
		m := newMixer(n, r)
		for i := next.Add(1) - 1; i < int64(p); i = next.Add(1) - 1 {
			m.mix(b[int(i)*part:][:part])
		}
	}
	var running sync.WaitGroup
	for left := p - 1; left > 0 && n*part <= maxHelped && help(); left-- {
		running.Go(func() {
			defer helping.Add(-1)
			mix()
		})
	}
	mix()
	running.Wait()
	return pbkdf2.Key(sha256.New, password, b, 1, size)
}

// help reports whether there is a core for one more part, and takes it.
func help() bool {
	if helping.Add(1) < int64(runtime.GOMAXPROCS(0)) {
		return true
	}
	helping.Add(-1)
	return false
}

// mixer is the memory of one part of a key at a time: n blocks of 32·r numbers
// and two more.
type mixer struct {
	n, r      int
	all, x, y []uint32
}

func newMixer(n, r int) *mixer {
	return &mixer{n: n, r: r, all: make([]uint32, n*32*r), x: make([]uint32, 32*r), y: make([]uint32, 32*r)}
}

// mix is scryptROMix. It replaces a part by the mixed part.
func (m *mixer) mix(part []byte) {
	size := 32 * m.r
	block := func(i int) []uint32 { return m.all[i*size:][:size] }
	first := block(0)
	for i := range first {
		first[i] = binary.LittleEndian.Uint32(part[4*i:])
	}
	for i := 1; i < m.n; i++ {
		mixBlock(block(i-1), block(i), m.r)
	}
	x, y := m.x, m.y
	mixBlock(block(m.n-1), x, m.r)
	for range m.n {
		// n is a power of two of at most 32 bits.
		for i, v := range block(int(x[size-16]) & (m.n - 1)) {
			x[i] ^= v
		}
		mixBlock(x, y, m.r)
		x, y = y, x
	}
	for i, v := range x {
		binary.LittleEndian.PutUint32(part[4*i:], v)
	}
}

// mixBlock is scryptBlockMix.
func mixBlock(in, out []uint32, r int) {
	s := [16]uint32(in[len(in)-16:])
	for i := range 2 * r {
		for j, v := range in[i*16:][:16] {
			s[j] ^= v
		}
		salsa(&s)
		*(*[16]uint32)(out[(i/2+i%2*r)*16:]) = s
	}
}

// salsa is Salsa20/8.
func salsa(s *[16]uint32) {
	a0, a1, a2, a3, a4, a5, a6, a7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	b0, b1, b2, b3, b4, b5, b6, b7 := s[8], s[9], s[10], s[11], s[12], s[13], s[14], s[15]
	for range 4 {
		// The columns, then the rows.
		a0, a4, b0, b4 = quarter(a0, a4, b0, b4)
		a5, b1, b5, a1 = quarter(a5, b1, b5, a1)
		b2, b6, a2, a6 = quarter(b2, b6, a2, a6)
		b7, a3, a7, b3 = quarter(b7, a3, a7, b3)
		a0, a1, a2, a3 = quarter(a0, a1, a2, a3)
		a5, a6, a7, a4 = quarter(a5, a6, a7, a4)
		b2, b3, b0, b1 = quarter(b2, b3, b0, b1)
		b7, b4, b5, b6 = quarter(b7, b4, b5, b6)
	}
	for i, v := range [16]uint32{a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7} {
		s[i] += v
	}
}

func quarter(a, b, c, d uint32) (_, _, _, _ uint32) {
	b ^= bits.RotateLeft32(a+d, 7)
	c ^= bits.RotateLeft32(b+a, 9)
	d ^= bits.RotateLeft32(c+b, 13)
	a ^= bits.RotateLeft32(d+c, 18)
	return a, b, c, d
}
