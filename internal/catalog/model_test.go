package catalog_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

// model is a repository as the tests know it: trees by their hash, and the raw
// bytes of every entry, by which parse finds it again.
type model struct {
	rng       *rand.Rand
	trees     map[syncline.Hash]*modelTree
	order     []syncline.Hash // children before their parents
	entries   map[string]*modelEntry
	snapshots []syncline.Snapshot
	measured  string // what statistics read; "" where that is not known
	more      bool   // searches say that more of them follow
}

type modelTree struct {
	raw     []byte
	spans   []catalog.Span
	entries []*modelEntry
}

type modelEntry struct {
	raw   string
	entry syncline.Entry
	skip  bool // parse leaves it out
}

func newModel(seed uint64) *model {
	return &model{
		rng:     rand.New(rand.NewPCG(seed, 7)),
		trees:   make(map[syncline.Hash]*modelTree),
		entries: make(map[string]*modelEntry),
	}
}

// make adds an entry, or returns the one with the same fields.
func (m *model) make(e syncline.Entry, skip bool) *modelEntry {
	zones := [3]string{e.ModTime.Format(time.RFC3339Nano), e.AccessTime.Format(time.RFC3339Nano), e.ChangeTime.Format(time.RFC3339Nano)}
	raw, err := json.Marshal([]any{[]byte(e.Name), []byte(e.LinkTarget), []byte(e.User), zones, skip, e})
	if err != nil {
		panic(err)
	}
	x, ok := m.entries[string(raw)]
	if !ok {
		x = &modelEntry{string(raw), e, skip}
		m.entries[x.raw] = x
	}
	return x
}

// tree adds a directory with these entries.
func (m *model) tree(entries []*modelEntry) syncline.Hash {
	t := &modelTree{entries: entries, raw: []byte(`{"nodes":[`)}
	for _, e := range entries {
		start := len(t.raw)
		t.raw = append(t.raw, e.raw...)
		t.spans = append(t.spans, catalog.Span{Start: start, End: len(t.raw)})
		t.raw = append(t.raw, ',')
	}
	h := syncline.Hash(sha256.Sum256(t.raw))
	if m.trees[h] == nil {
		m.trees[h] = t
		m.order = append(m.order, h)
	}
	return h
}

func (m *model) snapshot(root syncline.Hash) {
	n := len(m.snapshots)
	s := syncline.Snapshot{
		ID: sha256.Sum256(fmt.Append(nil, "snapshot", n, root)), Tree: root, Time: m.time(),
		Paths: []string{"/home", "/ä"}, Hostname: "host", Username: "user", UID: uint32(n), GID: 7,
		ProgramVersion: "restic 0.19.1",
	}
	if n%2 == 1 {
		s.Parent, s.Original = m.snapshots[n-1].ID, m.snapshots[0].ID
		s.Tags, s.Excludes, s.Summary = []string{"tag"}, []string{"*.tmp"}, []byte(`{"files_new":3}`)
	}
	m.snapshots = append(m.snapshots, s)
}

func pick[T any](m *model, from ...T) T { return from[m.rng.IntN(len(from))] }

func (m *model) bytes(most int) []byte {
	b := make([]byte, m.rng.IntN(most+1))
	for i := range b {
		b[i] = byte(m.rng.UintN(256))
	}
	return b
}

func (m *model) time() time.Time {
	sec := pick(m, 0, 1, -1, -5_000_000_000, 1_700_000_000+m.rng.Int64N(1e6), 5_000_000_000, 200_000_000_000)
	t := time.Unix(sec, m.rng.Int64N(1e9)).UTC()
	switch m.rng.IntN(4) {
	case 0:
		return t.In(time.FixedZone("", pick(m, 3600, -12600, 50400, -43200, 0)))
	case 1:
		return t.Truncate(time.Second)
	}
	return t
}

func (m *model) name() string {
	return pick(m, fmt.Sprintf("file%d.txt", m.rng.IntN(500)), "a", "", "..", "a/b", "nul\x00", "\xff\xfe raw", "ünï",
		string(m.bytes(12)), "x"+string(bytes.Repeat([]byte("long"), 70)))
}

// entry makes an entry that is no directory, with all fields at random.
func (m *model) entry() *modelEntry {
	e := syncline.Entry{
		Name: m.name(),
		Type: pick(m, syncline.TypeFile, syncline.TypeFile, syncline.TypeSymlink, syncline.TypeDevice,
			syncline.TypeCharDev, syncline.TypeFifo, syncline.TypeSocket, syncline.TypeIrregular, "future", ""),
		Mode: fs.FileMode(m.rng.Uint32()),
		UID:  pick(m, 0, 1000, m.rng.Uint32()), GID: pick(m, 0, 1000, m.rng.Uint32()),
		User: pick(m, "", "root", "\xffuser"), Group: pick(m, "", "staff"),
		Inode: pick(m, 0, m.rng.Uint64()), DeviceID: pick(m, 0, m.rng.Uint64()),
		Size: pick[uint64](m, 0, 17, 1<<40, 1<<64-1), Links: pick(m, 0, 1, m.rng.Uint64()),
		LinkTarget: pick(m, "", "", "../target", "\xff/raw"), Device: pick(m, 0, m.rng.Uint64()),
		Error: pick(m, "", "", "", "permission denied"),
	}
	if m.rng.IntN(8) > 0 { // else the zero time
		e.ModTime = m.time()
		e.AccessTime, e.ChangeTime = pick(m, e.ModTime, m.time()), pick(m, e.ModTime, m.time(), time.Time{})
	}
	for range pick(m, 0, 0, 0, 1, 3) {
		e.ExtendedAttributes = append(e.ExtendedAttributes, syncline.ExtendedAttribute{Name: "user." + string(m.bytes(4)), Value: m.bytes(40)})
		e.GenericAttributes = append(e.GenericAttributes, syncline.GenericAttribute{Name: "windows.x", Value: []byte(`"AQ=="`)})
	}
	for range pick(m, 0, 1, 2, 40) {
		e.Content = append(e.Content, sha256.Sum256(m.bytes(6)))
	}
	if m.rng.IntN(300) == 0 {
		e.Content = slices.Repeat([]syncline.Hash{{1}, {2}}, 3000)
	}
	return m.make(e, m.rng.IntN(40) == 0)
}

func (m *model) dir(name string, sub syncline.Hash) *modelEntry {
	return m.make(syncline.Entry{
		Name: name, Type: syncline.TypeDir, Mode: fs.ModeDir | 0o755, Subtree: sub,
		ModTime: time.Unix(1_700_000_000, 5).UTC(),
	}, false)
}

// grow makes directories, several versions of each that share entries, and
// snapshots of the whole.
func (m *model) grow(dirs, snapshots int) {
	if raceEnabled {
		dirs = dirs/8 + 5
	}
	var below []syncline.Hash
	for i := range dirs {
		var list []*modelEntry
		for range pick(m, 0, 1, 5, 30) {
			list = append(list, m.entry())
		}
		for range 1 + m.rng.IntN(4) { // versions
			for j := range list {
				if m.rng.IntN(20) == 0 {
					list[j] = m.entry()
				}
			}
			for range m.rng.IntN(3) {
				if len(below) > 0 {
					list = append(list, m.dir(fmt.Sprint("dir", m.rng.IntN(9)), pick(m, below[max(0, len(below)-30):]...)))
				}
			}
			if i%50 == 0 {
				list = append(list, m.dir("no tree", syncline.Hash{}))
			}
			below = append(below, m.tree(slices.Clone(list)))
		}
	}
	for s := range snapshots {
		var list []*modelEntry
		for j, h := range below {
			if (j+s)%7 == 0 {
				list = append(list, m.dir(fmt.Sprintf("d%d", j), h))
			}
		}
		m.snapshot(m.tree(list))
	}
}

func (m *model) parse(raw []byte, e *syncline.Entry) (bool, error) {
	x, ok := m.entries[string(raw)]
	if !ok {
		return false, fmt.Errorf("unknown bytes %q", raw)
	}
	if !reflect.DeepEqual(*e, syncline.Entry{}) {
		return false, fmt.Errorf("the entry to fill is not empty: %+v", *e)
	}
	*e = x.entry
	return !x.skip, nil
}

func (m *model) add(a *catalog.Adder, h syncline.Hash) error {
	t := m.trees[h]
	return a.Add(h, t.raw, t.spans, m.parse)
}

// feed adds trees from some goroutines and returns when all have ended.
func (m *model) feed(b *catalog.Builder, adders int, trees []syncline.Hash) error {
	next := make(chan syncline.Hash)
	errs := make([]error, adders)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			a := b.NewAdder()
			for h := range next {
				if err := m.add(a, h); err != nil && errs[i] == nil {
					errs[i] = err
				}
			}
		})
	}
	for _, h := range trees {
		next <- h
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// build adds all trees in the order given and publishes all snapshots.
func (m *model) build(t *testing.T, c *catalog.Catalog, adders int, order []syncline.Hash) {
	t.Helper()
	b, err := c.Build(t.Context())
	check(t, err)
	defer b.Close()
	reserve(b, order)
	check(t, m.feed(b, adders, order))
	check(t, b.Flush(t.Context()))
}

func (m *model) publish(t *testing.T, c *catalog.Catalog) {
	t.Helper()
	gaps, err := c.Publish(t.Context(), m.snapshots, nil)
	check(t, err)
	if len(gaps) != 0 {
		t.Fatalf("%d snapshots are incomplete: %v", len(gaps), gaps)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, code syncline.Code) {
	t.Helper()
	if syncline.CodeOf(err) != code {
		t.Fatalf("error %v has code %q, want %q", err, syncline.CodeOf(err), code)
	}
}

func open(t testing.TB, box catalog.Container) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(context.Background(), box)
	check(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func inMemory(t testing.TB) *catalog.Catalog { return open(t, catalogtest.NewMemory()) }

func dump(t testing.TB, c *catalog.Catalog) string {
	t.Helper()
	var out bytes.Buffer
	check(t, c.View(context.Background(), func(v *catalog.View) error { return v.Dump(&out) }))
	return out.String()
}

// wantDump fails with the first line that differs.
func wantDump(t testing.TB, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	a, b := bytes.Split([]byte(got), []byte("\n")), bytes.Split([]byte(want), []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			t.Fatalf("line %d of %d (%d) of the dump is\n%s\nwant\n%s", i, len(a), len(b), a[i], b[i])
		}
	}
	t.Fatalf("the dump has %d lines, want %d", len(a), len(b))
}

func sameTime(a, b time.Time) bool {
	_, za := a.Zone()
	_, zb := b.Zone()
	return a.Equal(b) && za == zb && a.IsZero() == b.IsZero()
}

func compareEntry(got, want *syncline.Entry, detail catalog.Detail) error {
	w := *want
	if detail&catalog.WithContent == 0 {
		w.Content = nil
	}
	if detail&catalog.WithSubtree == 0 {
		w.Subtree = syncline.Hash{}
	}
	if !sameTime(got.ModTime, w.ModTime) || !sameTime(got.AccessTime, w.AccessTime) || !sameTime(got.ChangeTime, w.ChangeTime) {
		return fmt.Errorf("the times of %q are %v %v %v, want %v %v %v", w.Name,
			got.ModTime, got.AccessTime, got.ChangeTime, w.ModTime, w.AccessTime, w.ChangeTime)
	}
	g := *got
	g.ModTime, g.AccessTime, g.ChangeTime = w.ModTime, w.AccessTime, w.ChangeTime
	if !reflect.DeepEqual(g, w) {
		return fmt.Errorf("the entry is\n%#v\nwant\n%#v", g, w)
	}
	return nil
}

// reserve numbers trees in this order.
func reserve(b *catalog.Builder, trees []syncline.Hash) {
	for i := range trees {
		b.Reserve(&trees[i])
	}
}
