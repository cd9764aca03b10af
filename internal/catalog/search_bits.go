package catalog

import (
	"math/bits"
	"sync"
)

// bitset is a set of numbers. Goroutines may set numbers at the same time when
// they lie in different multiples of 64.
type bitset []uint64

// newBitset makes an empty set of numbers below n.
func newBitset(n int) bitset { return make(bitset, n/64+1) }

// scratch keeps the sets of searches that have ended. Clearing a set of the catalog's
// size takes less time than the first use of new memory.
var scratch sync.Pool

// borrowBitset is newBitset for a caller that gives the set back.
func borrowBitset(n int) bitset {
	if p, ok := scratch.Get().(*bitset); ok && cap(*p) >= n/64+1 {
		b := (*p)[:n/64+1]
		clear(b)
		return b
	}
	return newBitset(n)
}

// giveBack ends the use of a set. The set may be nil.
func (b bitset) giveBack() {
	if b != nil {
		scratch.Put(&b)
	}
}

func (b bitset) set(i uint32)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) clear(i uint32)    { b[i/64] &^= 1 << (i % 64) }
func (b bitset) has(i uint32) bool { return b[i/64]>>(i%64)&1 != 0 }

// setRun sets the numbers of a run, which is not empty.
func (b bitset) setRun(r run) {
	first, last := r.start/64, (r.start+r.count-1)/64
	from, to := uint64(1<<64-1)<<(r.start%64), uint64(1<<64-1)>>(63-(r.start+r.count-1)%64)
	if first == last {
		b[first] |= from & to
		return
	}
	b[first] |= from
	for i := first + 1; i < last; i++ {
		b[i] = 1<<64 - 1
	}
	b[last] |= to
}

// next returns the first number from i on, or end when there is none before it.
func (b bitset) next(i, end uint32) uint32 { return nextOf(b, b, i, end) }

// nextOf returns the first number from i on that is in one of two sets, or end
// when there is none before it.
func nextOf(a, b bitset, i, end uint32) uint32 {
	for i < end {
		if w := (a[i/64] | b[i/64]) >> (i % 64); w != 0 {
			return min(end, i+uint32(bits.TrailingZeros64(w)))
		}
		next := (i/64 + 1) * 64
		if next < i { // the last word of all
			return end
		}
		i = next
	}
	return end
}

// groups returns the set of n>>shift for each number n; shift is at least 6.
func (b bitset) groups(shift uint) bitset {
	out := newBitset(len(b) >> (shift - 6))
	for i, w := range b {
		if w != 0 {
			out.set(uint32(i >> (shift - 6)))
		}
	}
	return out
}

// any reports whether a number of one of the runs is in the set.
func (b bitset) any(runs []run) bool {
	for _, r := range runs {
		first, last := r.start/64, (r.start+r.count-1)/64
		from, to := uint64(1<<64-1)<<(r.start%64), uint64(1<<64-1)>>(63-(r.start+r.count-1)%64)
		if first == last { // most runs are short
			if b[first]&from&to != 0 {
				return true
			}
			continue
		}
		if b[first]&from != 0 || b[last]&to != 0 {
			return true
		}
		for _, w := range b[first+1 : last] {
			if w != 0 {
				return true
			}
		}
	}
	return false
}

// count returns how many numbers there are.
func (b bitset) count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// each calls fn with every number.
func (b bitset) each(fn func(uint32)) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			fn(uint32(i)*64 + uint32(bits.TrailingZeros64(w)))
		}
	}
}

// rankedBits is a set that knows how many of its numbers lie below any number.
type rankedBits struct {
	bits  bitset
	ranks []uint32 // per word: the numbers before it
}

func (b bitset) ranked() rankedBits {
	r := rankedBits{b, make([]uint32, len(b)+1)}
	for i, w := range b {
		r.ranks[i+1] = r.ranks[i] + uint32(bits.OnesCount64(w))
	}
	return r
}

func (r *rankedBits) has(i uint32) bool { return r.bits.has(i) }

func (r *rankedBits) total() uint32 { return r.ranks[len(r.ranks)-1] }

// rank returns the number of numbers below i.
func (r *rankedBits) rank(i uint32) uint32 {
	return r.ranks[i/64] + uint32(bits.OnesCount64(r.bits[i/64]&(1<<(i%64)-1)))
}
