package content

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Rows come out as a plain sort has them, however their prefixes are spread.
func TestSortRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, prefix := range map[string]func() uint64{
		"even":   rng.Uint64,
		"few":    func() uint64 { return rng.Uint64N(5) << 61 },
		"low":    func() uint64 { return rng.Uint64N(100) },
		"high":   func() uint64 { return ^rng.Uint64N(100) },
		"single": func() uint64 { return 7 },
	} {
		for _, n := range []int{0, 1, 7, 8, 9, 1000, 40_000} {
			rows := make([]row, n)
			for i := range rows {
				rows[i] = row{prefix(), rng.Uint32N(3), rng.Uint32N(3), rng.Uint32N(2), 0}
			}
			want := slices.Clone(rows)
			slices.SortFunc(want, compareRows)
			sortRows(rows)
			// Equal rows may differ in their length.
			if !slices.EqualFunc(rows, want, func(a, b row) bool { return compareRows(a, b) == 0 }) || !samePlaces(rows, want) {
				t.Errorf("%s, %d rows: they are in another order than a plain sort has", name, n)
			}
		}
	}
}

// samePlaces reports whether two lists have the same rows.
func samePlaces(a, b []row) bool {
	count := make(map[row]int)
	for i := range a {
		count[a[i]]++
		count[b[i]]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func BenchmarkSortRows(b *testing.B) {
	all := make([]row, 400_000)
	for i := range all {
		all[i].prefix = rand.Uint64()
	}
	for name, sort := range map[string]func([]row){
		"buckets": sortRows,
		"plain":   func(rows []row) { slices.SortFunc(rows, compareRows) },
	} {
		b.Run(name, func(b *testing.B) {
			rows := make([]row, len(all))
			for b.Loop() {
				copy(rows, all)
				sort(rows)
			}
		})
	}
}
