package catalog_test

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// mix makes trees as a backup has them: 50 entries each of some 350 bytes, of
// which 2 % are new and the others those of the tree before in its directory.
type mix struct {
	rng  *rand.Rand
	next uint64
}

const (
	mixEntries = 50
	mixBytes   = 350
)

// entry appends the bytes of a new entry.
func (m *mix) entry(raw []byte) []byte {
	m.next++
	start := len(raw)
	raw = binary.BigEndian.AppendUint64(raw, m.next)
	return append(raw, make([]byte, mixBytes-(len(raw)-start))...)
}

func (m *mix) parse(raw []byte, e *syncline.Entry) (bool, error) {
	no := binary.BigEndian.Uint64(raw)
	t := time.Unix(1_700_000_000+int64(no%1e6), int64(no*7919%1e9)).UTC()
	*e = syncline.Entry{
		Name: fmt.Sprintf("file-%d.txt", no/3), Type: syncline.TypeFile, Mode: fs.FileMode(0o644),
		ModTime: t, AccessTime: t, ChangeTime: t.Add(time.Second), UID: 1000, GID: 1000, User: "user", Group: "user",
		Inode: no, Size: no * 37 % 100_000, Links: 1, Content: []syncline.Hash{{byte(no), byte(no >> 8), byte(no >> 16)}},
	}
	return true, nil
}

type mixTree struct {
	hash  syncline.Hash
	raw   []byte
	spans []catalog.Span
}

// trees makes n trees, versions of n/versions directories; fresh entries per
// version besides the first are one in fifty.
func (m *mix) trees(n, versions int) []mixTree {
	out := make([]mixTree, 0, n)
	spans := make([]catalog.Span, mixEntries)
	for i := range spans {
		spans[i] = catalog.Span{Start: i * mixBytes, End: (i + 1) * mixBytes}
	}
	for len(out) < n {
		var raw []byte
		for range mixEntries {
			raw = m.entry(raw)
		}
		for v := range versions {
			if v > 0 {
				raw = slices.Clone(raw)
				copy(raw[m.rng.IntN(mixEntries)*mixBytes:], m.entry(nil))
			}
			var h syncline.Hash
			binary.BigEndian.PutUint64(h[:], m.rng.Uint64())
			binary.BigEndian.PutUint64(h[8:], uint64(len(out)))
			out = append(out, mixTree{h, raw, spans})
		}
	}
	return out
}

// BenchmarkAdd feeds trees of 50 entries, 2 % of them new, from two Adders to
// a SQLite catalog that knows the directories' first versions.
func BenchmarkAdd(b *testing.B) {
	m := &mix{rng: rand.New(rand.NewPCG(1, 1))}
	const versions = 40
	trees := m.trees(b.N+versions, versions)
	c := open(b, openSQLite(b, filepath.Join(b.TempDir(), "c")))
	builder, err := c.Build(b.Context())
	check(b, err)
	defer builder.Close()
	add := func(a *catalog.Adder, t *mixTree) error { return a.Add(t.hash, t.raw, t.spans, m.parse) }
	first := builder.NewAdder()
	for i := 0; i < len(trees); i += versions {
		check(b, add(first, &trees[i]))
	}
	check(b, builder.Flush(b.Context()))
	b.SetBytes(mixEntries * mixBytes)
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for half := range 2 {
		wg.Go(func() {
			a := builder.NewAdder()
			for i := half; i < len(trees); i += 2 {
				if err := add(a, &trees[i]); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	check(b, builder.Flush(b.Context()))
	b.ReportMetric(float64(b.N*mixEntries)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkReadDir lists random directories of a SQLite catalog of 200,000
// entries, each time with a new View, and reports how long the slower ones
// took.
func BenchmarkReadDir(b *testing.B) {
	m := &mix{rng: rand.New(rand.NewPCG(2, 2))}
	trees := m.trees(20_000, 10) // 2,000 directories: 118,000 entries of their own
	trees = append(trees, m.trees(1640, 1)...)
	dirs := newModel(1)
	c := open(b, openSQLite(b, filepath.Join(b.TempDir(), "c")))
	builder, err := c.Build(b.Context())
	check(b, err)
	a := builder.NewAdder()
	var root []*modelEntry
	for i := range trees {
		check(b, a.Add(trees[i].hash, trees[i].raw, trees[i].spans, m.parse))
		root = append(root, dirs.dir(fmt.Sprint("d", i), trees[i].hash))
	}
	dirs.snapshot(dirs.tree(root))
	check(b, dirs.add(a, dirs.order[0]))
	check(b, builder.Flush(b.Context()))
	builder.Close()
	_, err = c.Publish(b.Context(), dirs.snapshots, nil)
	check(b, err)
	var refs []catalog.TreeRef
	var entries int
	check(b, c.View(b.Context(), func(v *catalog.View) error {
		_, known, _ := v.Totals()
		entries = known
		list, err := v.Snapshots()
		if err != nil {
			return err
		}
		return v.ReadDir(list[0].Root, 0, func(_ *syncline.Entry, sub catalog.TreeRef, _ bool) error {
			refs = append(refs, sub)
			return nil
		})
	}))
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for b.Loop() {
		start, n := time.Now(), 0
		check(b, c.View(b.Context(), func(v *catalog.View) error {
			ref := refs[m.rng.IntN(len(refs))]
			return v.ReadDir(ref, catalog.WithContent, func(*syncline.Entry, catalog.TreeRef, bool) error { n++; return nil })
		}))
		took = append(took, time.Since(start))
		if n != mixEntries {
			b.Fatalf("%d entries", n)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(entries), "entries")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
