package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"syncline.dev/syncline/internal/catalog"
)

// TestReadingAheadChangesNothing compares random snapshots with rounds of any length,
// and one folder at a time, with all fields of the entries or few of them. Visits, totals
// and what is held are to be the same.
func TestReadingAheadChangesNothing(t *testing.T) {
	ahead := 0
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 11))
		f := newForest(t)
		f.grow(r, 2)
		x, ids := f.explorer()
		walk := func(round, last, small int, into, few bool) (visits, metadata []string, report DifferenceStatistics) {
			t.Helper()
			err := x.twoSnapshots(t.Context(), ids[0], ids[1], func(v *catalog.View, s, u catalog.Snapshot) (err error) {
				c := newComparer(t.Context(), v, "/")
				c.into, c.few = into, few
				visit := func(p *Pair) error {
					ahead = max(ahead, c.ahead.held)
					if c.ahead.held > 2*last+small {
						t.Fatalf("%d entries are held in rounds of %d", c.ahead.held, last)
					}
					visits = append(visits, fmt.Sprint(p.Path(), " ", Modifier(p, false), c.at))
					metadata = append(metadata, fmt.Sprint(Modifier(p, true), " ", ChangeOf(p)))
					return nil
				}
				report, err = c.diffIn(Root{s.Root, s.Tree}, Root{u.Root, u.Tree}, 1<<30, visit, readAhead{
					ready: make(map[folderPair][]pair), listed: make(map[folderPair]bool), round: round, last: last, small: small,
				})
				if c.room != maxHeld || c.ahead.held != 0 || len(c.ahead.ready) != 0 {
					t.Errorf("room for %d entries is left of %d, and %d are held", c.room, maxHeld, c.ahead.held)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return visits, metadata, report
		}
		into := r.IntN(2) == 0
		want, wantMetadata, wantReport := walk(1, 1, 1<<20, into, false)
		for range 6 {
			last, small := 1+r.IntN(60), 1+r.IntN(20)
			few := r.IntN(2) == 0
			got, metadata, report := walk(1+r.IntN(last), last, small, into, few)
			if !slices.Equal(got, want) || !few && !slices.Equal(metadata, wantMetadata) || report != wantReport {
				t.Fatalf("seed %d, rounds of %d, small folders of %d: %d visits, %+v; want %d, %+v", seed, last, small, len(got), report, len(want), wantReport)
			}
		}
	}
	if ahead < 20 {
		t.Errorf("at most %d entries were read ahead, which tells little", ahead)
	}
}
