package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
	"syncline.dev/syncline/internal/catalog/sqlite"
)

// The kinds by name, as container.go numbers them.
const (
	kindMeta     catalog.Kind = 0
	kindEntry    catalog.Kind = 3
	kindContent  catalog.Kind = 4
	kindScan     catalog.Kind = 5
	kindTree     catalog.Kind = 7
	kindHash     catalog.Kind = 8
	kindState    catalog.Kind = 9
	kindSnapshot catalog.Kind = 1
	kindIndex    catalog.Kind = 10
	kindHidden   catalog.Kind = 12
)

var somePacks = []catalog.Pack{{ID: syncline.Hash{1}, Blobs: []catalog.Blob{
	{ID: syncline.Hash{2}, Tree: true, Length: 100, Plain: 300}, {ID: syncline.Hash{3}, Offset: 100, Length: 20},
}}}

// damageModel returns a model and a container that holds all of it, with more
// than one block of the smaller kinds.
func damageModel(t *testing.T) (*model, *catalogtest.Memory) {
	t.Helper()
	m := newModel(50)
	m.grow(70, 3)
	box := catalogtest.NewMemory()
	c := open(t, box)
	m.build(t, c, 2, m.order)
	m.publish(t, c)
	check(t, c.AddIndex(t.Context(), syncline.Hash{7}, somePacks))
	check(t, c.SetHidden(t.Context(), []syncline.HiddenSnapshot{{Snapshot: syncline.Snapshot{ID: syncline.Hash{9}}, Reason: syncline.HiddenDamaged}}))
	var err error
	m.measured, err = measures(t.Context(), c)
	check(t, err)
	return m, box
}

// TestClosureWithoutContents has the contents of entries gone: a comparison would
// count their blobs as if nobody had them.
func TestClosureWithoutContents(t *testing.T) {
	m, box := damageModel(t)
	box.Spoil(kindContent, 0, func([]byte) []byte { return nil })
	err := open(t, box).View(t.Context(), func(v *catalog.View) error {
		closure, err := v.NewClosure(t.Context())
		check(t, err)
		for _, tree := range treeRefs(t, v) {
			closure.Add(tree)
		}
		check(t, closure.Complete(t.Context()))
		return closure.Contents(t.Context(), map[syncline.Hash]catalog.BlobSource{m.contents()[0]: {}}, func(syncline.Hash) {})
	})
	if !errors.Is(err, catalog.ErrDamaged) {
		t.Errorf("the blobs of entries without contents: %v", err)
	}
}

// damages are the ways to spoil a value; nil deletes it.
var damages = map[string]func(rng *rand.Rand, value []byte) []byte{
	"delete":   func(*rand.Rand, []byte) []byte { return nil },
	"empty":    func(*rand.Rand, []byte) []byte { return []byte{} },
	"truncate": func(rng *rand.Rand, v []byte) []byte { return v[:rng.IntN(len(v))] },
	"extend":   func(_ *rand.Rand, v []byte) []byte { return append(v, 0) },
	"flip": func(rng *rand.Rand, v []byte) []byte {
		v[rng.IntN(len(v))] ^= 1 << rng.IntN(8)
		return v
	},
	"noise": func(rng *rand.Rand, v []byte) []byte {
		for i := range v {
			v[i] = byte(rng.UintN(256))
		}
		return v
	},
}

// numbersOf lists a kind's values.
func numbersOf(t *testing.T, box catalog.Container, kind catalog.Kind) (nos []uint64) {
	t.Helper()
	if kind == kindMeta {
		return []uint64{0} // the head
	}
	check(t, box.View(t.Context(), func(r catalog.Reader) error {
		return r.Scan(kind, 0, func(no uint64, _ []byte) error {
			nos = append(nos, no)
			return nil
		})
	}))
	return nos
}

// spoil changes a value, or the head for kindMeta.
func spoil(t *testing.T, box *catalogtest.Memory, kind catalog.Kind, no uint64, how func([]byte) []byte) {
	t.Helper()
	if kind == kindMeta {
		box.SpoilHead(how)
		return
	}
	box.Spoil(kind, no, how)
}

// readAll reads everything and compares it with the model.
func (m *model) readAll(ctx context.Context, c *catalog.Catalog) error {
	return c.View(ctx, func(v *catalog.View) error {
		list, err := v.Snapshots()
		if err != nil {
			return err
		}
		if err := m.verifySnapshots(list); err != nil {
			return err
		}
		seen := make(map[syncline.Hash]bool)
		for i := range list {
			if err := m.verifyTree(v, list[i].Tree, list[i].Root, seen); err != nil {
				return err
			}
			if err := m.verifyWalk(v, &list[i]); err != nil {
				return err
			}
		}
		return readIndexes(v)
	})
}

func readIndexes(v *catalog.View) error {
	list, err := v.Indexes()
	if err != nil {
		return err
	}
	hidden, err := v.Hidden()
	if err == nil && len(hidden) > 0 && (len(hidden) > 1 || hidden[0].Snapshot.ID != syncline.Hash{9}) {
		err = fmt.Errorf("the hidden snapshots are %v", hidden)
	}
	if err != nil {
		return err
	}
	for _, x := range list {
		packs, err := v.Packs(x)
		if err != nil {
			return err
		}
		if fmt.Sprint(packs) != fmt.Sprint(somePacks) {
			return fmt.Errorf("the packs are %v", packs)
		}
	}
	return nil
}

// rebuild adds and publishes everything.
func (m *model) rebuild(ctx context.Context, c *catalog.Catalog) error {
	b, err := c.Build(ctx)
	if err != nil {
		return err
	}
	err = errors.Join(m.feed(b, 2, m.order), b.Flush(ctx))
	b.Close()
	if err != nil {
		return err
	}
	gaps, err := c.Publish(ctx, m.snapshots, nil)
	if err == nil && len(gaps) > 0 {
		err = fmt.Errorf("gaps in what was added: %v", gaps)
	}
	return err
}

// uses are what is done with a spoiled catalog. Each ends with an error or
// with data that is right.
func (m *model) uses() map[string]func(ctx context.Context, c *catalog.Catalog) error {
	return map[string]func(ctx context.Context, c *catalog.Catalog) error{
		"read":    m.readAll,
		"measure": m.measureAgain,
		"build": func(ctx context.Context, c *catalog.Catalog) error {
			if err := m.rebuild(ctx, c); err != nil {
				return err
			}
			return m.readAll(ctx, c)
		},
		"publish": func(ctx context.Context, c *catalog.Catalog) error {
			again := slices.Clone(m.snapshots)
			for i := range again {
				again[i].ID[5]++
			}
			gaps, err := c.Publish(ctx, again, ids(m.snapshots))
			if err != nil {
				return err
			}
			if len(gaps) > 0 {
				return fmt.Errorf("gaps in what was there: %v", gaps)
			}
			other := &model{rng: m.rng, trees: m.trees, snapshots: again}
			return other.readAll(ctx, c)
		},
		"clean": func(ctx context.Context, c *catalog.Catalog) error {
			if _, err := c.Publish(ctx, nil, ids(m.snapshots[:1])); err != nil {
				return err
			}
			if _, err := c.Clean(ctx, 0, func(syncline.Hash) bool { return false }); err != nil {
				return err
			}
			rest := &model{rng: m.rng, trees: m.trees, snapshots: m.snapshots[1:]}
			return rest.readAll(ctx, c)
		},
	}
}

func (m *model) useAll(t *testing.T, name string, box *catalogtest.Memory, allowed func(use string, err error) bool) (damaged int) {
	t.Helper()
	for use, fn := range m.uses() {
		c, err := catalog.Open(t.Context(), box.Clone())
		if err == nil {
			err = fn(t.Context(), c)
		}
		if !allowed(use, err) {
			t.Errorf("%s, %s: %v", name, use, err)
		}
		if errors.Is(err, catalog.ErrDamaged) {
			damaged++
		}
	}
	return damaged
}

func damagedOrRight(_ string, err error) bool {
	return err == nil || errors.Is(err, catalog.ErrDamaged) && syncline.CodeOf(err) == syncline.CodeDamaged
}

func TestDamage(t *testing.T) {
	m, box := damageModel(t)
	for kind := range catalog.KindCount {
		nos := numbersOf(t, box, kind)
		if len(nos) == 0 {
			t.Fatalf("there are no values of kind %d", kind)
		}
		for how, fn := range damages {
			// A lost snapshot, hidden snapshot or index mark is not told from one
			// that was never there; a session brings it again.
			allowed := damagedOrRight
			if how == "delete" && (kind == kindSnapshot || kind == kindIndex || kind == kindHidden) {
				allowed = func(use string, err error) bool { return use != "build" || damagedOrRight(use, err) }
			}
			found := 0
			for _, no := range slices.Compact([]uint64{nos[0], nos[len(nos)-1]}) {
				spoiled := box.Clone()
				spoil(t, spoiled, kind, no, func(v []byte) []byte { return fn(m.rng, v) })
				found += m.useAll(t, fmt.Sprintf("%s kind %d number %d", how, kind, no), spoiled, allowed)
			}
			if found == 0 && (how != "delete" || kind != kindSnapshot && kind != kindIndex && kind != kindHidden) {
				t.Errorf("%s kind %d was never noticed", how, kind)
			}
		}
	}
}

// TestValueInAnotherPlace puts whole values where others belong.
func TestValueInAnotherPlace(t *testing.T) {
	m, box := damageModel(t)
	for kind := kindMeta + 1; kind < catalog.KindCount; kind++ {
		nos := numbersOf(t, box, kind)
		from, to := nos[0], nos[len(nos)-1]
		if from == to {
			to++
		}
		spoiled := box.Clone()
		var value []byte
		spoiled.Spoil(kind, from, func(v []byte) []byte {
			value = v
			return v
		})
		spoiled.Spoil(kind, to, func([]byte) []byte { return value })
		m.useAll(t, fmt.Sprintf("kind %d", kind), spoiled, damagedOrRight)
	}
}

// TestForgedValues spoils what lies under the checksums: nobody promises right
// data then, but nothing panics or takes memory without bounds.
func TestForgedValues(t *testing.T) {
	m, box := damageModel(t)
	for kind := kindMeta + 1; kind < catalog.KindCount; kind++ {
		nos := numbersOf(t, box, kind)
		for i, how := range []string{"delete", "empty", "truncate", "flip", "noise", "flip", "flip"} {
			if raceEnabled && i > 3 {
				break
			}
			no := nos[m.rng.IntN(len(nos))]
			spoiled := box.Clone()
			spoil(t, spoiled, kind, no, func(v []byte) []byte {
				payload := v[:len(v)-4]
				if len(payload) > 0 || how == "empty" {
					payload = damages[how](m.rng, payload)
				}
				if payload == nil {
					return nil
				}
				return catalog.Frame(kind, no, payload)
			})
			m.useAll(t, "", spoiled, func(string, error) bool { return true })
		}
	}
}

func TestOtherFormat(t *testing.T) {
	_, box := damageModel(t)
	for _, format := range []any{0, 1, 99, -1, "1", nil} {
		other := box.Clone()
		spoil(t, other, kindMeta, 0, func(v []byte) []byte {
			var head map[string]any
			check(t, json.Unmarshal(v[:len(v)-4], &head))
			head["format"] = format
			payload, err := json.Marshal(head)
			check(t, err)
			return catalog.Frame(kindMeta, 0, payload)
		})
		_, err := catalog.Open(t.Context(), other)
		if _, text := format.(string); text {
			wantCode(t, err, syncline.CodeDamaged)
			continue
		}
		wantCode(t, err, syncline.CodeConflict)
		if !errors.Is(err, catalog.ErrOutdated) || errors.Is(err, catalog.ErrDamaged) || !strings.Contains(syncline.MessageOf(err), "another version") {
			t.Errorf("format %v: %v, want to be told of another version and of no damage", format, err)
		}
	}
}

// TestEmptiedWhileOpen takes the head away under an open catalog.
func TestEmptiedWhileOpen(t *testing.T) {
	m, box := damageModel(t)
	c := open(t, box)
	spoil(t, box, kindMeta, 0, func([]byte) []byte { return nil })
	wantCode(t, m.readAll(t.Context(), c), syncline.CodeDamaged)
	wantCode(t, m.rebuild(t.Context(), c), syncline.CodeDamaged)
	wantCode(t, c.Bind(t.Context(), syncline.Hash{1}), syncline.CodeDamaged)
}

// useFile opens a file that was spoiled and uses it.
func (m *model) useFile(t *testing.T, path string) error {
	t.Helper()
	box, err := sqlite.Open(t.Context(), path)
	if err != nil {
		return err
	}
	c, err := catalog.Open(t.Context(), box)
	if err == nil {
		err = m.readAll(t.Context(), c)
	}
	if err == nil {
		err = m.rebuild(t.Context(), c)
	}
	return errors.Join(err, box.Close())
}

// isEmpty reports whether the file is a catalog that knows nothing: a session
// fills it anew.
func isEmpty(t *testing.T, path string) bool {
	box, err := sqlite.Open(t.Context(), path)
	if err != nil {
		return false
	}
	defer func() { check(t, box.Close()) }()
	for kind := kindMeta + 1; kind < catalog.KindCount; kind++ {
		if len(numbersOf(t, box, kind)) > 0 {
			return false
		}
	}
	return true
}

func TestSpoiledFiles(t *testing.T) {
	m := newModel(51)
	m.grow(60, 2)
	dir := t.TempDir()
	path := filepath.Join(dir, "c")
	box := openSQLite(t, path)
	c, err := catalog.Open(t.Context(), box)
	check(t, err)
	m.build(t, c, 2, m.order)
	m.publish(t, c)
	check(t, c.Close())
	whole, err := os.ReadFile(path)
	check(t, err)
	garbage := slices.Repeat([]byte("no database "), len(whole)/12)
	files := [][]byte{garbage, garbage[:50], append(slices.Clone(whole[:8192]), garbage...)}
	for range 12 {
		files = append(files, whole[:1+m.rng.IntN(len(whole)-1)])
		flipped := slices.Clone(whole)
		for range 1 + m.rng.IntN(3) {
			flipped[m.rng.IntN(len(flipped))] ^= 1 << m.rng.IntN(8)
		}
		header := slices.Clone(whole)
		header[m.rng.IntN(200)] ^= 1 << m.rng.IntN(8)
		page := slices.Clone(whole)
		at := 8192 * m.rng.IntN(len(page)/8192)
		copy(page[at:at+8192], garbage)
		files = append(files, flipped, header, page)
	}
	noticed := 0
	for i, b := range files {
		spoiled := filepath.Join(dir, fmt.Sprint("spoiled", i))
		check(t, os.WriteFile(spoiled, b, 0o600))
		err := m.useFile(t, spoiled)
		if !damagedOrRight("", err) && !isEmpty(t, spoiled) {
			t.Errorf("file %d: code %q: %v", i, syncline.CodeOf(err), err)
		}
		if err != nil {
			noticed++
		}
	}
	if noticed < 20 {
		t.Errorf("%d of %d spoiled files were noticed", noticed, len(files))
	}
}
