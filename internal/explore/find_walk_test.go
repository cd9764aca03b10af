package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSetsAreUsedAgain checks that the former content makes no difference, with
// few keys and with many.
func TestSetsAreUsedAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var used sets[int]
	for range 300 {
		var fresh sets[int]
		used.reset()
		for range r.IntN(60) {
			key, in := r.IntN(1+r.IntN(40)), []int32{int32(r.IntN(9))}
			used.add(key, in)
			fresh.add(key, slices.Clone(in))
		}
		if got, want := setsOf(&used), setsOf(&fresh); !slices.Equal(got, want) {
			t.Fatalf("sets used again have\n%v\nwant\n%v", got, want)
		}
	}
}

func setsOf(s *sets[int]) (out []string) {
	_ = s.each(func(key int, in []int32) error {
		out = append(out, fmt.Sprint(key, in))
		return nil
	})
	return out
}
