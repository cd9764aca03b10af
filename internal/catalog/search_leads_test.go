package catalog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// treesOf makes a catalog's columns of random trees. Each may hold those with
// lower numbers.
func treesOf(rng *rand.Rand, trees int) (*scanEntries, *scanTrees) {
	e, t := new(scanEntries), &scanTrees{count: trees}
	t.blocks = make([]runBlock, (trees+treesPerBlock-1)/treesPerBlock)
	var dirs []uint32
	entries := uint32(0)
	for tree := range trees {
		b := &t.blocks[tree/treesPerBlock]
		for range rng.IntN(4) {
			r := run{entries, 1 + rng.Uint32N(5)}
			if entries > 0 && rng.IntN(3) == 0 { // what an older tree has, too
				r.start = rng.Uint32N(entries)
				r.count = min(r.count, entries-r.start)
			}
			for ; entries < r.start+r.count; entries++ {
				if tree > 0 && rng.IntN(3) == 0 {
					dirs = append(dirs, entries)
					e.trees = append(e.trees, uint32(max(0, tree-1-rng.IntN(20))))
				}
			}
			b.all = append(b.all, r)
		}
		for i := tree % treesPerBlock; i < treesPerBlock; i++ {
			b.first[i+1] = uint32(len(b.all))
		}
	}
	// An entry that an older tree has leads to a tree that is older still.
	bits := newBitset(int(entries))
	for _, no := range dirs {
		bits.set(no)
	}
	e.dirs, e.names = bits.ranked(), make([]uint32, entries)
	t.findParents(e)
	return e, t
}

// TestLeads goes to every tree in random order, down, up and first down and then
// up, and compares with what lies below it.
func TestLeads(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 8))
		e, trees := treesOf(rng, 1+rng.IntN(400))
		found := newBitset(len(e.names))
		if len(e.names) > 0 {
			for range rng.IntN(6) {
				found.set(rng.Uint32N(uint32(len(e.names))))
			}
		}
		want := make([]bool, trees.count)
		for tree := range want { // those below it have lower numbers
			for _, r := range trees.runs(uint32(tree)) {
				for no := r.start; no < r.start+r.count; no++ {
					want[tree] = want[tree] || found.has(no) || e.dirs.has(no) && want[e.trees[e.dirs.rank(no)]]
				}
			}
		}
		h := newHolders(trees, len(e.names), 1<<20)
		for _, budget := range []int{0, 1, 7, 100, 1 << 30} {
			for _, h := range []*holders{nil, h} {
				l := newLeads(e, trees, found, h)
				if !l.all {
					t.Fatal("few trees are not looked into at once")
				}
				l = leads{entries: e, trees: trees, found: found, holders: h, budget: budget, known: newBitset(trees.count), yes: newBitset(trees.count)}
				if err := checkLeads(&l, rng.Perm(trees.count), want); err != nil {
					t.Fatalf("seed %d, budget %d, holders %v: %v", seed, budget, h != nil, err)
				}
			}
		}
	}
}

func checkLeads(l *leads, order []int, want []bool) error {
	for _, tree := range order {
		if got := l.to(uint32(tree)); got != want[tree] {
			return fmt.Errorf("tree %d leads to something: %v, want %v", tree, got, want[tree])
		}
		for _, r := range l.trees.runs(uint32(tree)) {
			end := r.start + r.count
			next := r.start
			for ; next < end; next++ {
				if l.found.has(next) || l.entries.dirs.has(next) && want[l.entries.trees[l.entries.dirs.rank(next)]] {
					break
				}
			}
			if got := l.next(r.start, end); got != next {
				return fmt.Errorf("the next in %v is %d, want %d", r, got, next)
			}
		}
	}
	return nil
}

// TestLeadsInACircle ends, though only a damaged catalog has trees in themselves.
func TestLeadsInACircle(t *testing.T) {
	e := &scanEntries{names: make([]uint32, 2), trees: []uint32{1, 0}}
	bits := newBitset(2)
	bits.set(0)
	bits.set(1)
	e.dirs = bits.ranked()
	trees := &scanTrees{count: 2, blocks: make([]runBlock, 1)}
	trees.blocks[0].all = []run{{0, 1}, {1, 1}}
	for i := 1; i <= treesPerBlock; i++ {
		trees.blocks[0].first[i] = uint32(min(i, 2))
	}
	found := newBitset(2)
	l := leads{entries: e, trees: trees, found: found, budget: 100, known: newBitset(2), yes: newBitset(2)}
	if l.to(0) || l.to(1) || l.all {
		t.Errorf("nothing was found, but a tree leads to it, or the way went round: %v", l.all)
	}
}

// TestHolders compares them with the trees, of which some have all entries of a zone
// and some only a few.
func TestHolders(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 9))
		_, trees := treesOf(rng, 1+rng.IntN(30))
		entries := 1 + rng.IntN(6<<zoneShift)
		for i := range trees.blocks {
			for j := range trees.blocks[i].all {
				start := rng.IntN(entries)
				trees.blocks[i].all[j] = run{uint32(start), uint32(1 + rng.IntN(entries-start))}
				if rng.IntN(2) == 0 {
					trees.blocks[i].all[j].count = uint32(1 + rng.IntN(min(entries-start, 70)))
				}
			}
		}
		h := newHolders(trees, entries, 1<<20)
		for range 20 {
			no := rng.Uint32N(uint32(entries))
			found := newBitset(entries)
			found.set(no)
			for tree := range uint32(trees.count) {
				want := found.any(trees.runs(tree))
				at := slices.IndexFunc(h.of(no>>zoneShift), func(x holder) bool { return x.tree == tree })
				if at < 0 {
					if want {
						t.Fatalf("seed %d: tree %d holds entry %d, but is not with its zone", seed, tree, no)
					}
					continue
				}
				x := h.of(no >> zoneShift)[at]
				if got := x.holds(found[no>>zoneShift]); got != want && (want || !x.gaps) {
					t.Fatalf("seed %d: tree %d, %+v, holds entry %d: %v, want %v", seed, tree, x, no, got, want)
				}
			}
		}
	}
}

// TestHoldersHaveRoom gives up holders of small repositories whose trees list all
// there is, and those of which the memory for searches is full.
func TestHoldersHaveRoom(t *testing.T) {
	_, trees := treesOf(rand.New(rand.NewPCG(1, 2)), 300)
	const entries = 1 << 16
	for i := range trees.blocks {
		for j := range trees.blocks[i].all {
			trees.blocks[i].all[j] = run{0, entries}
		}
	}
	for _, x := range []struct{ room, used, most int64 }{{1 << 30, 0, 1 << 17}, {1 << 20, 1 << 19, 1 << 40}} {
		cols := &searchColumns{cache: &searchCache{max: x.room, used: x.used}, trees: trees}
		cols.cache.items = []searchCacheItem{{cols: cols, size: x.used}}
		if cols.keepHolders(newHolders(trees, entries, x.most)); cols.holders != nil {
			t.Errorf("holders take more than what is left of %d bytes", x.room)
		}
		if cols.cache.used != x.used {
			t.Errorf("%d bytes are counted that are not kept", cols.cache.used-x.used)
		}
	}
}

func TestSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 2000 {
		n := 1 + rng.Uint32N(1000)
		a, b := newBitset(int(n)), newBitset(int(n))
		for range rng.IntN(20) {
			a.set(rng.Uint32N(n))
			b.set(rng.Uint32N(n))
		}
		start := rng.Uint32N(n)
		r := run{start, 1 + rng.Uint32N(n-start)}
		inA, next, groups := false, r.start+r.count, newBitset(int(n>>7))
		for no := range n {
			if in := no >= r.start && no < r.start+r.count; in {
				inA = inA || a.has(no)
				if a.has(no) || b.has(no) {
					next = min(next, no)
				}
			}
			if a.has(no) {
				groups.set(no >> 7)
			}
		}
		if got := a.any([]run{r}); got != inA {
			t.Fatalf("any of %v is %v, want %v", r, got, inA)
		}
		if got := nextOf(a, b, r.start, r.start+r.count); got != next {
			t.Fatalf("the next in %v is %d, want %d", r, got, next)
		}
		if got := a.groups(7); !slices.Equal(got, groups[:len(got)]) {
			t.Fatalf("the groups are %v, want %v", got, groups)
		}
	}
}

func FuzzAppendLower(f *testing.F) {
	f.Add([]byte("AZ@[`az{ IMG_2018\xc4\xb0\xff\xc1\xda"))
	f.Add([]byte("ABCDEFGH"))
	f.Add([]byte("A\xc1\xda\xc4\xff\xdbZm"))
	f.Fuzz(func(t *testing.T, text []byte) {
		want, high := []byte("x"), false
		for _, c := range text {
			high = high || c >= 0x80
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			want = append(want, c)
		}
		got, nonASCII := appendLower([]byte("x"), text)
		if !bytes.Equal(got, want) || nonASCII != high {
			t.Errorf("%q becomes %q, %v; want %q, %v", text, got, nonASCII, want, high)
		}
	})
}

// values is a Reader of values in memory.
type values map[Kind][]byte

func (v values) Get(kind Kind, no uint64) ([]byte, error) {
	if no != 0 {
		return nil, nil
	}
	return v[kind], nil
}

func (v values) Head() Head { return "" }

func (v values) GetMany(kind Kind, nos ...uint64) ([][]byte, error) {
	out := make([][]byte, len(nos))
	for i, no := range nos {
		out[i], _ = v.Get(kind, no)
	}
	return out, nil
}

func (v values) Scan(kind Kind, _ uint64, fn func(uint64, []byte) error) error {
	if v[kind] == nil {
		return nil
	}
	return fn(0, v[kind])
}

// TestTreesBeyondTheLast are damage: what is kept per tree has no room for them.
func TestTreesBeyondTheLast(t *testing.T) {
	for trees := 1; trees <= 5; trees++ {
		var b treeBlock
		for i := range trees {
			b.lists[i] = []run{{uint32(i), 1}}
		}
		payload, _ := b.encode(nil)
		r := values{kindTree: frame(kindTree, 0, payload), kindState: frame(kindState, 0, encodeStates(make([]state, 3)))}
		_, err := readAllTrees(t.Context(), &View{r: r, m: meta{Trees: 3, Entries: 10}})
		if (err != nil) != (trees > 3) {
			t.Errorf("%d trees where there are 3: %v", trees, err)
		}
	}
}
