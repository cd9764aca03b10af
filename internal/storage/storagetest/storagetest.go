// Package storagetest has the suite that every storage back end passes, and a
// storage that makes faults. It is for tests only.
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"syncline.dev/syncline/internal/storage"

	"golang.org/x/sync/errgroup"
)

// Opener makes a storage with exactly these files. Each call makes a repository
// of its own.
type Opener func(t *testing.T, files map[string][]byte) storage.Storage

// Run checks that the storages of open keep the contract of storage.Storage.
func Run(t *testing.T, open Opener) {
	t.Run("List", func(t *testing.T) { testList(t, open) })
	t.Run("ListMany", func(t *testing.T) { testListMany(t, open) })
	t.Run("ListStops", func(t *testing.T) { testListStops(t, open) })
	t.Run("OddNames", func(t *testing.T) { testOddNames(t, open) })
	t.Run("Open", func(t *testing.T) { testOpen(t, open) })
	t.Run("Missing", func(t *testing.T) { testMissing(t, open) })
	t.Run("BadNames", func(t *testing.T) { testBadNames(t, open) })
	t.Run("Cancel", func(t *testing.T) { testCancel(t, open) })
	t.Run("Concurrent", func(t *testing.T) { testConcurrent(t, open) })
}

// Bytes returns n bytes, the same for the same seed.
func Bytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// ListAll returns the names and sizes of a complete listing. A name that
// repeats fails the test.
func ListAll(t *testing.T, s storage.Storage, dir string) (map[string]int64, error) {
	t.Helper()
	got := map[string]int64{}
	err := s.List(t.Context(), dir, func(name string, size int64) error {
		if _, twice := got[name]; twice {
			t.Errorf("List(%q) gave %q twice", dir, name)
		}
		got[name] = size
		return nil
	})
	return got, err
}

// ReadAll opens and reads a range.
func ReadAll(ctx context.Context, s storage.Storage, name string, offset, length int64) ([]byte, error) {
	r, err := s.Open(ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func checkList(t *testing.T, s storage.Storage, dir string, want map[string]int64) {
	t.Helper()
	got, err := ListAll(t, s, dir)
	if err != nil {
		t.Fatalf("List(%q): %v", dir, err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("List(%q) gave %d files %v, want %d files %v", dir, len(got), head(got), len(want), head(want))
	}
}

func head(m map[string]int64) []string {
	names := slices.Sorted(maps.Keys(m))
	return names[:min(len(names), 10)]
}

func testList(t *testing.T, open Opener) {
	s := open(t, map[string][]byte{
		"config":              []byte("c"),
		"data/00/a":           []byte("aa"),
		"data/00/b":           {},
		"data/01/deep/er/c":   []byte("cccc"),
		"database/x":          []byte("not below data"),
		"data-file":           []byte("nor this"),
		"snapshots/one":       []byte("1"),
		"snapshotsandmore/no": []byte("2"),
	})
	checkList(t, s, "data", map[string]int64{"data/00/a": 2, "data/00/b": 0, "data/01/deep/er/c": 4})
	checkList(t, s, "data/00", map[string]int64{"data/00/a": 2, "data/00/b": 0})
	checkList(t, s, "data/01", map[string]int64{"data/01/deep/er/c": 4})
	checkList(t, s, "snapshots", map[string]int64{"snapshots/one": 1})
	checkList(t, s, "", map[string]int64{
		"config": 1, "data/00/a": 2, "data/00/b": 0, "data/01/deep/er/c": 4, "database/x": 14,
		"data-file": 8, "snapshots/one": 1, "snapshotsandmore/no": 1,
	})
	// Without folders, a missing one is empty.
	got, err := ListAll(t, s, "index")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("List of a missing folder: %v, want fs.ErrNotExist or nothing", err)
	}
	if len(got) != 0 {
		t.Errorf("List of a missing folder gave %v", got)
	}
}

// testListMany needs more than one page on every object storage.
func testListMany(t *testing.T, open Opener) {
	files := map[string][]byte{"config": []byte("c")}
	want := map[string]int64{}
	for i := range 2500 {
		name := fmt.Sprintf("data/%02x/%064x", i%256, i)
		files[name] = []byte("xyz")[:i%4]
		want[name] = int64(i % 4)
	}
	checkList(t, open(t, files), "data", want)
}

func testListStops(t *testing.T, open Opener) {
	s := open(t, map[string][]byte{"index/a": nil, "index/b": nil, "index/c": nil})
	stop := errors.New("enough")
	calls := 0
	err := s.List(t.Context(), "index", func(string, int64) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("List returned %v after %d calls of fn, want fn's own error after 1", err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = s.List(ctx, "index", func(string, int64) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("List with a canceled context: %v", err)
	}
}

func testOddNames(t *testing.T, open Opener) {
	names := []string{
		"keys/a b", "keys/100%", "keys/%41", "keys/a+b", "keys/grün und 日本", `keys/"quoted" 'names'`,
		"keys/a&b=c;d,e", "keys/(x)[y]{z}", "keys/#hash", "keys/ü/ö", "keys/~tilde!$@^`",
	}
	files := map[string][]byte{}
	want := map[string]int64{}
	for i, n := range names {
		files[n] = Bytes(uint64(i), 10+i)
		want[n] = int64(10 + i)
	}
	s := open(t, files)
	checkList(t, s, "keys", want)
	checkList(t, s, "keys/ü", map[string]int64{"keys/ü/ö": want["keys/ü/ö"]})
	for n, content := range files {
		got, err := ReadAll(t.Context(), s, n, 0, -1)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("Open(%q) gave %d bytes, %v; want %d", n, len(got), err, len(content))
		}
	}
}

func testOpen(t *testing.T, open Opener) {
	const size = 300_000
	content := Bytes(7, size)
	s := open(t, map[string][]byte{"data/ab/pack": content, "data/ab/empty": {}})
	tests := []struct {
		label, name    string
		offset, length int64
		want           []byte
		err            error
	}{
		{"whole", "data/ab/pack", 0, -1, content, nil},
		{"whole by length", "data/ab/pack", 0, size, content, nil},
		{"start", "data/ab/pack", 0, 10, content[:10], nil},
		{"middle", "data/ab/pack", 1000, 200_000, content[1000:201_000], nil},
		{"one byte", "data/ab/pack", 4711, 1, content[4711:4712], nil},
		{"end", "data/ab/pack", size - 10, 10, content[size-10:], nil},
		{"to the end", "data/ab/pack", size - 10, -1, content[size-10:], nil},
		{"nothing", "data/ab/pack", 5, 0, nil, nil},
		{"from the end on", "data/ab/pack", size, -1, nil, nil},
		{"past the end", "data/ab/pack", size - 10, 11, content[size-10:], io.ErrUnexpectedEOF},
		{"at the end", "data/ab/pack", size, 1, nil, io.ErrUnexpectedEOF},
		{"beyond", "data/ab/pack", size + 100, 10, nil, io.ErrUnexpectedEOF},
		{"empty", "data/ab/empty", 0, -1, nil, nil},
		{"empty, too short", "data/ab/empty", 0, 1, nil, io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			got, err := ReadAll(t.Context(), s, tt.name, tt.offset, tt.length)
			if !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if !bytes.Equal(got, tt.want) {
				t.Errorf("got %d bytes, want %d", len(got), len(tt.want))
			}
		})
	}
	if _, err := s.Open(t.Context(), "data/ab/pack", -1, 5); err == nil {
		t.Error("Open took a negative offset")
	}
}

func testMissing(t *testing.T, open Opener) {
	s := open(t, map[string][]byte{"config": []byte("c"), "data/ab/pack": []byte("p")})
	for _, name := range []string{"keys/none", "data/ab", "data/ab/pac", "config/x"} {
		for _, length := range []int64{-1, 0, 1} {
			if _, err := ReadAll(t.Context(), s, name, 0, length); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Open(%q) with length %d: %v, want fs.ErrNotExist", name, length, err)
			}
		}
	}
}

func testBadNames(t *testing.T, open Opener) {
	s := open(t, map[string][]byte{"config": []byte("c")})
	for _, name := range []string{"", ".", "..", "../config", "/config", "data/../config", "./config", "a//b", "data/", "con\x00fig"} {
		if _, err := ReadAll(t.Context(), s, name, 0, -1); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v, want a refusal", name, err)
		}
		if name == "" {
			continue
		}
		if _, err := ListAll(t, s, name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("List(%q): %v, want a refusal", name, err)
		}
	}
}

// testCancel ends the context in the middle of a file that is larger than what
// the machine buffers on the way.
func testCancel(t *testing.T, open Opener) {
	const size = 24 << 20
	s := open(t, map[string][]byte{"data/ab/big": make([]byte, size)})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := s.Open(ctx, "data/ab/big", 0, size)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	n, err := io.Copy(io.Discard, r)
	if !errors.Is(err, context.Canceled) || n >= size-1000 {
		t.Errorf("after the cancel %d bytes came and then %v, want fewer and context.Canceled", n, err)
	}
	if _, err := s.Open(ctx, "data/ab/big", 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a canceled context: %v", err)
	}
}

func testConcurrent(t *testing.T, open Opener) {
	files := map[string][]byte{}
	for i := range 8 {
		files[fmt.Sprintf("data/%02x/f", i)] = Bytes(uint64(i), 40_000+i)
	}
	s := open(t, files)
	g, ctx := errgroup.WithContext(t.Context())
	for worker := range 8 {
		g.Go(func() error {
			for i := range 8 {
				name := fmt.Sprintf("data/%02x/f", (i+worker)%8)
				offset := int64(worker * 100)
				got, err := ReadAll(ctx, s, name, offset, 30_000)
				if err != nil {
					return err
				}
				if !bytes.Equal(got, files[name][offset:offset+30_000]) {
					return fmt.Errorf("%s: wrong bytes", name)
				}
			}
			return s.List(ctx, "data", func(string, int64) error { return nil })
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// CheckThroughFaults lists and reads everything, in parts and several at once,
// through storage.Retry with short waits. Whatever goes wrong below, what
// comes out must be these files.
func CheckThroughFaults(t *testing.T, s storage.Storage, files map[string][]byte) {
	t.Helper()
	s = storage.NewRetry(s, storage.RetryOptions{MinDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond, Stall: 100 * time.Millisecond})
	want := map[string]int64{}
	for name, content := range files {
		want[name] = int64(len(content))
	}
	for range 5 {
		checkList(t, s, "", want)
	}
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(4)
	for name, content := range files {
		g.Go(func() error {
			middle := int64(len(content) / 3)
			start, err := ReadAll(ctx, s, name, 0, middle)
			if err != nil {
				return err
			}
			rest, err := ReadAll(ctx, s, name, middle, -1)
			if err != nil {
				return err
			}
			if !bytes.Equal(slices.Concat(start, rest), content) {
				return fmt.Errorf("%s: wrong bytes", name)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// SomeFiles are files of many sizes, for CheckThroughFaults.
func SomeFiles() map[string][]byte {
	files := map[string][]byte{"config": Bytes(1, 155)}
	for i := range 80 {
		files[fmt.Sprintf("data/%02x/%064x", i, i)] = Bytes(uint64(i), 1+i*i*100)
	}
	return files
}
