package main

import (
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// TestEntryLines compares the long form of random entries, one after the other, with what
// fmt and time print.
func TestEntryLines(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	types := []syncline.EntryType{syncline.TypeFile, syncline.TypeDir, syncline.TypeSymlink, syncline.TypeFifo, "future"}
	names := []string{"plain", "a b", "ü", "\xff", "a\x1b[31m", "\n", `q"\`, "<&>", "\u2028", ""}
	seconds := []int64{0, -1, 59, 86399, 86400, 1 << 31, 253402300799, 253402300800, 1 << 40, -62135596801, math.MaxInt64 >> 10, math.MinInt64 >> 10}
	for _, human := range []bool{false, true} {
		lines := entryLines{long: true, human: human}
		var e syncline.Entry
		for range 20_000 {
			if rng.IntN(2) == 0 {
				e.UID, e.GID, e.Mode = rng.Uint32()>>rng.IntN(32), rng.Uint32()>>rng.IntN(32), fs.FileMode(rng.Uint32()>>rng.IntN(32))
				e.Type = types[rng.IntN(len(types))]
			}
			e.Name, e.Size, e.LinkTarget = names[rng.IntN(len(names))], rng.Uint64()>>rng.IntN(64), names[rng.IntN(len(names))]
			e.ModTime = time.Unix(rng.Int64N(1<<33), rng.Int64N(1e9)).In(time.FixedZone("", rng.IntN(100_000)-50_000))
			if rng.IntN(3) == 0 {
				e.ModTime = time.Unix(seconds[rng.IntN(len(seconds))]+rng.Int64N(3)-1, 0)
			}
			size := fmt.Sprintf("%6d", e.Size)
			if human {
				size = formatSize(e.Size)
			}
			want := fmt.Sprintf("%s %5d %5d %s %s %s", typeMode(e.Type)|e.Mode, e.UID, e.GID, size,
				e.ModTime.Local().Format(timeFormat), printable("/folder/"+e.Name))
			if e.Type == syncline.TypeSymlink {
				want += " -> " + printable(e.LinkTarget)
			}
			if got := lines.append(nil, "/folder", e.Name, true, &e); string(got) != want+"\n" {
				t.Fatalf("got  %q\nwant %q", got, want+"\n")
			}
		}
	}
}
