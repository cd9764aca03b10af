package catalog

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline"
)

func TestSuccessors(t *testing.T) {
	var s successors
	if got := s.of(7); got != 8 {
		t.Errorf("entry 7 is followed by %d before anything is noted", got)
	}
	far := uint32(40 * listPart)
	nos := []uint32{7, 9, far, skipped, 3, unknown, 4, 5, 6}
	s.note(nos, []int{0, 1, 6, 8}) // and so at 2, 7
	for no, want := range map[uint32]uint32{7: 9, 9: far, far: far + 1, 3: 4, 4: 5, 5: 6, 8: 9, listPart: listPart + 1} {
		if got := s.of(no); got != want {
			t.Errorf("entry %d is followed by %d, want %d", no, got, want)
		}
	}
	s.note([]uint32{7, 8, 9}, []int{1, 2})
	if got := s.of(7); got != 8 {
		t.Errorf("entry 7 is followed by %d, want 8 again", got)
	}
}

// A record stays while other goroutines record others.
func TestSuccessorsAtOnce(t *testing.T) {
	var s successors
	var all sync.WaitGroup
	for i := range uint32(4) {
		all.Go(func() {
			for part := range uint32(50) {
				no := part*listPart + i
				s.note([]uint32{no, no + 10}, []int{1})
				for past := range part + 1 {
					if no := past*listPart + i; s.of(no) != no+10 {
						t.Errorf("entry %d is followed by %d, want %d", no, s.of(no), no+10)
						return
					}
				}
			}
		})
	}
	all.Wait()
}

// TestExpected adds versions of a folder, and looks how many of its entries were not
// the expected ones. But for the first two, none need be looked for in the table.
func TestExpected(t *testing.T) {
	b := &Builder{trees: new(hashTable), results: make(chan *result, 100)} // nobody writes them
	b.free.New = func() any { return new(result) }
	a := b.NewAdder()
	var files []string
	for i := range 100 {
		files = append(files, fmt.Sprintf("file %03d", i))
	}
	version := byte(0)
	add := func(what string, turns, missing int) {
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
		some := make([]uint32, 1024)
		for i, no := range a.nos[:2] {
			if no != unknown {
				fill(some, a.keys[i], no)
			}
		}
		whole := b.entries.slots.p.Swap(&some)
		a.lookUp(raw, spans)
		b.entries.slots.p.Store(whole)
		if len(a.missing) != missing {
			t.Errorf("%s: %d entries were not guessed, want %d, the new ones", what, len(a.missing), missing)
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
	add("a new folder", 100, 100)
	add("the same", 1, 0) // nothing comes before the first
	files[50] = "changed"
	add("a changed file", 2, 1) // what comes behind it follows what it was before
	add("the same again", 1, 0)
	files = slices.Insert(files, 20, "new")
	add("a new file", 3, 1) // at the file, and behind it
	add("the same, with both", 1, 0)
	files = slices.Delete(files, 70, 71)
	add("a file less", 2, 0)
	add("the same, with a gap", 1, 0)
	files[0], files[99] = "first", "last"
	add("both ends", 3, 2)
	files = slices.Insert(files, 40, "one", "two", "three")
	add("three new files", 5, 3)
}
