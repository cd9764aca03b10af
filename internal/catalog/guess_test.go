package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
)

// TestExpected adds versions of a folder, and counts the entries that are not the
// expected ones, and those of them that only the table finds or that are new.
func TestExpected(t *testing.T) {
	b := &Builder{trees: new(hashTable), results: make(chan *result, 100)} // nobody writes them
	b.free.New = func() any { return new(result) }
	a := b.NewAdder()
	var files []string
	for i := range 100 {
		files = append(files, fmt.Sprintf("file %03d", i))
	}
	version := byte(0)
	add := func(what string, turns, looked, missing int) {
		t.Helper()
		version++
		var spans []Span
		at := 0
		for _, f := range files {
			spans = append(spans, Span{at, at + len(f)})
			at += len(f)
		}
		raw := []byte(strings.Join(files, ""))
		a.lookUp(raw, spans)
		restore := b.entries.only(a.keys[:2], a.nos[:2])
		a.lookUp(raw, spans)
		restore()
		if len(a.missing) != looked {
			t.Errorf("%s: %d entries were not guessed, want %d", what, len(a.missing), looked)
		}
		err := a.Add(syncline.Hash{version}, raw, spans, func(raw []byte, e *syncline.Entry) (bool, error) {
			e.Name, e.Type = string(raw), syncline.TypeFile
			return true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(a.unexpected) != turns || len(a.missing) != missing {
			t.Errorf("%s: %d entries were not the expected ones, %d of them new; want %d and %d", what, len(a.unexpected), len(a.missing), turns, missing)
		}
		for i, no := range a.nos {
			if got, ok := b.entries.get(a.keys[i]); !ok || got != no {
				t.Errorf("%s: entry %d has number %d, and number %d in the table", what, i, no, got)
			}
		}
	}
	add("a new folder", 100, 100, 100)
	add("the same", 1, 0, 0) // nothing comes before the first
	files[50] = "changed"
	add("a changed file", 2, 1, 1) // the next number follows behind it
	add("the same again", 3, 1, 0) // the changed one is looked up, the one behind it was passed
	files = slices.Insert(files, 20, "new")
	add("a new file", 5, 2, 1)
	add("the same, with both", 5, 2, 0)
	files = slices.Delete(files, 70, 71)
	add("a file less", 6, 2, 0)
	files[0], files[99] = "first", "last"
	add("both ends", 8, 4, 2)
}

// only leaves no other keys to get than those with a number, until restore.
func (t *keyTable) only(keys []uint64, nos []uint32) (restore func()) {
	whole := make([]*segment, keySegments)
	for i := range whole {
		whole[i] = t.segments[i].Swap(nil)
	}
	for i, key := range keys {
		if nos[i] == unknown {
			continue
		}
		p := &t.segments[key%keySegments]
		s := p.Load()
		if s == nil {
			s = t.resized(nil, 0, nos[i])
			p.Store(s)
		}
		s.places[s.free(key)] = nos[i] + 1 | s.tag(key)
	}
	return func() {
		for i := range whole {
			t.segments[i].Store(whole[i])
		}
	}
}
