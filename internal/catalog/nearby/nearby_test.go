package nearby

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path string, most int64) *Store {
	t.Helper()
	s, err := Open(context.Background(), path, most, slog.New(slog.DiscardHandler))
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	return s
}

// put keeps values and waits until they are written.
func (s *Store) put(t *testing.T, generation int64, size int, ids ...int64) {
	t.Helper()
	for _, id := range ids {
		s.Put(generation, id, value(id, size))
	}
	s.wait(t)
}

// wait writes what waits. The Store's own goroutine may have begun to.
func (s *Store) wait(t *testing.T) {
	t.Helper()
	check(t, s.flush())
	s.writing.Lock()
	defer s.writing.Unlock()
}

func value(id int64, size int) []byte { return bytes.Repeat([]byte{byte(id) + 1}, size) }

// has returns which of the ids are there, and fails for a wrong value.
func (s *Store) has(t *testing.T, generation int64, size int, ids ...int64) (there []int64) {
	t.Helper()
	for i, v := range s.Get(generation, ids) {
		if v == nil {
			continue
		}
		if !bytes.Equal(v, value(ids[i], size)) {
			t.Errorf("value %d is not what it was", ids[i])
		}
		there = append(there, ids[i])
	}
	return there
}

func want(t *testing.T, got []int64, ids ...int64) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(ids) {
		t.Errorf("there are %v, want %v", got, ids)
	}
}

// TestBindBesideWrites finds another database while values of the one before are being
// written. None of them is there afterwards.
func TestBindBesideWrites(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "copies"), 1<<20)
	ids := make([]int64, 300)
	for i := range ids {
		ids[i] = int64(i)
	}
	taken := func() bool { // by the goroutine that writes
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.queue) == 0
	}
	for round := range 20 {
		s.Bind(fmt.Sprint(round))
		for _, id := range ids {
			s.Put(7, id, value(id, 100))
		}
		for !taken() {
			runtime.Gosched()
		}
		s.Bind(fmt.Sprint(round, " restored"))
		s.wait(t)
		if there := s.has(t, 7, 100, ids...); len(there) > 0 {
			t.Fatalf("round %d: %d values of another database are there", round, len(there))
		}
	}
}

func TestKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "copies")
	s := open(t, path, 1<<20)
	s.Bind("one")
	s.put(t, 7, 100, 3, 4, 5, 7)
	want(t, s.has(t, 7, 100, 2, 3, 7, 8), 3, 7)
	want(t, s.has(t, 8, 100, 3, 4))
	var run []int64
	next, err := s.Run(7, 3, 100, func(id int64, _ []byte) error {
		run = append(run, id)
		return nil
	})
	if err != nil || next != 6 || fmt.Sprint(run) != "[3 4 5]" {
		t.Errorf("the values %v follow one another up to %d (%v)", run, next, err)
	}
	stop := errors.New("enough")
	if _, err := s.Run(7, 3, 100, func(int64, []byte) error { return stop }); err != stop {
		t.Errorf("the error of the callback is %v", err)
	}
	check(t, s.Close())
	s = open(t, path, 1<<20)
	s.Bind("one")
	want(t, s.has(t, 7, 100, 3, 4, 5, 6, 7), 3, 4, 5, 7)
	s.Bind("another")
	want(t, s.has(t, 7, 100, 3, 4, 5, 6, 7))
}

// TestBound puts more than there is room for: the first values go, and the file does
// not grow any more.
func TestBound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "copies")
	s := open(t, path, 100_000)
	s.Bind("one")
	for id := range int64(500) {
		s.put(t, 1, 1000, id)
		if s.held > 100_000 {
			t.Fatalf("%d bytes are held", s.held)
		}
	}
	want(t, s.has(t, 1, 1000, 0, 300, 498, 499), 498, 499)
	s.Put(1, 5000, make([]byte, 50_000)) // too large a part of the room
	s.wait(t)
	want(t, s.has(t, 1, 1000, 5000, 499), 499)
	check(t, s.Close()) // which empties the log
	if info, err := os.Stat(path); err != nil || info.Size() > 300_000 {
		t.Errorf("the file has %d bytes (%v)", info.Size(), err)
	}
}

// TestDamage damages the file in several ways. No value comes out wrong, and
// afterwards the file keeps values again.
func TestDamage(t *testing.T) {
	for name, spoil := range map[string]func(b []byte) []byte{
		"nothing left": func([]byte) []byte { return nil },
		"no database":  func([]byte) []byte { return []byte("this is no database at all, but some other file") },
		"cut":          func(b []byte) []byte { return b[:len(b)/2] },
		"zeros": func(b []byte) []byte {
			clear(b[8192:])
			return b
		},
		"values": func(b []byte) []byte { return bytes.ReplaceAll(b, value(3, 50), value(9, 50)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "copies")
			s := open(t, path, 1<<20)
			s.Bind("one")
			s.put(t, 1, 5000, 1, 2, 3, 4)
			check(t, s.Close())
			b, err := os.ReadFile(path)
			check(t, err)
			check(t, os.WriteFile(path, spoil(b), 0o600))
			s = open(t, path, 1<<20)
			s.Bind("one")
			s.has(t, 1, 5000, 1, 2, 3, 4)
			s.Put(1, 5, value(5, 5000))
			_ = s.flush() // it may be here that the damage is met
			s.has(t, 1, 5000, 1, 2, 3, 4, 5)
			s.put(t, 1, 5000, 6)
			want(t, s.has(t, 1, 5000, 6), 6)
		})
	}
}

// TestFull has the file at its limit of pages, as on a full disk: nothing is kept, and
// nobody gets an error.
func TestFull(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "copies"), 1<<20)
	s.Bind("one")
	s.put(t, 1, 1000, 1)
	s.db.SetMaxOpenConns(1)
	_, err := s.db.Exec("PRAGMA max_page_count = 8")
	check(t, err)
	s.Put(1, 2, value(2, 200_000))
	_ = s.flush() // unless the Store's own goroutine has met the full disk
	s.writing.Lock()
	defer s.writing.Unlock()
	want(t, s.has(t, 1, 1000, 1), 1)
	want(t, s.has(t, 1, 200_000, 2))
}
