// Package storagetest has the suite that every storage back end passes, and a
// storage that makes faults. It is for tests only.
package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/storage"

	"golang.org/x/sync/errgroup"
)

// Opener makes a storage with exactly these files. Each call makes a repository
// of its own.
type Opener func(t *testing.T, files map[string][]byte) storage.Storage

// RunRepository checks that the storages of open keep the contract of
// storage.Storage for the files of a repository. It lists the folders that the
// program lists, and every name is one that restic writes.
func RunRepository(t *testing.T, open Opener) {
	t.Run("ListFolders", func(t *testing.T) { testListFolders(t, open) })
	t.Run("ListMany", func(t *testing.T) { testListMany(t, open) })
	t.Run("ListStops", func(t *testing.T) { testListStops(t, open) })
	t.Run("Open", func(t *testing.T) { testOpen(t, open) })
	t.Run("Missing", func(t *testing.T) { testMissing(t, open, "keys/"+ID(99), "snapshots/"+ID(99), Pack(99)) })
	t.Run("BadNames", func(t *testing.T) { testBadNames(t, open) })
	t.Run("Cancel", func(t *testing.T) { testCancel(t, open) })
	t.Run("Concurrent", func(t *testing.T) { testConcurrent(t, open) })
}

// Run is RunRepository with files and folders of any name and depth.
func Run(t *testing.T, open Opener) {
	RunRepository(t, open)
	t.Run("ListTree", func(t *testing.T) { testListTree(t, open) })
	t.Run("OddNames", func(t *testing.T) { testOddNames(t, open) })
	t.Run("MissingInTree", func(t *testing.T) { testMissing(t, open, "keys/none", "data/ab", "data/ab/pac", "config/x") })
}

// ID returns a name as restic gives it to a file: 64 hexadecimal digits. It is
// the same for the same seed.
func ID(seed int) string { return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, seed))) }

// Pack returns the name of a pack in a repository.
func Pack(seed int) string { id := ID(seed); return "data/" + id[:2] + "/" + id }

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

func testListFolders(t *testing.T, open Opener) {
	s := open(t, map[string][]byte{
		"config": []byte("c"), "keys/" + ID(1): []byte("k"), Pack(2): []byte("pack"), Pack(3): []byte("other"),
		"snapshots/" + ID(4): []byte("s"), "snapshots/" + ID(5): []byte("snap"), "index/" + ID(6): Bytes(6, 70_000),
	})
	checkList(t, s, "keys", map[string]int64{"keys/" + ID(1): 1})
	checkList(t, s, "snapshots", map[string]int64{"snapshots/" + ID(4): 1, "snapshots/" + ID(5): 4})
	checkList(t, s, "index", map[string]int64{"index/" + ID(6): 70_000})
	checkNoFolder(t, s, "locks")
}

// checkNoFolder lists a folder that is not there. Without folders, it is empty.
func checkNoFolder(t *testing.T, s storage.Storage, dir string) {
	t.Helper()
	got, err := ListAll(t, s, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("List of a missing folder: %v, want fs.ErrNotExist or nothing", err)
	}
	if len(got) != 0 {
		t.Errorf("List of a missing folder gave %v", got)
	}
}

func testListTree(t *testing.T, open Opener) {
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
	checkNoFolder(t, s, "index")
}

// testListMany needs more than one page on every object storage.
func testListMany(t *testing.T, open Opener) {
	files := map[string][]byte{"config": []byte("c")}
	want := map[string]int64{}
	for i := range 2500 {
		name := "snapshots/" + ID(i)
		files[name] = []byte("xyz")[:i%4]
		want[name] = int64(i % 4)
	}
	checkList(t, open(t, files), "snapshots", want)
}

func testListStops(t *testing.T, open Opener) {
	s := open(t, map[string][]byte{"config": []byte("c"), "index/" + ID(1): nil, "index/" + ID(2): nil, "index/" + ID(3): nil})
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
	pack, empty := Pack(1), Pack(2)
	s := open(t, map[string][]byte{"config": content[:155], pack: content, empty: {}})
	tests := []struct {
		label, name    string
		offset, length int64
		want           []byte
		err            error
	}{
		{"whole", pack, 0, -1, content, nil},
		{"whole by length", pack, 0, size, content, nil},
		{"start", pack, 0, 10, content[:10], nil},
		{"middle", pack, 1000, 200_000, content[1000:201_000], nil},
		{"one byte", pack, 4711, 1, content[4711:4712], nil},
		{"end", pack, size - 10, 10, content[size-10:], nil},
		{"to the end", pack, size - 10, -1, content[size-10:], nil},
		{"nothing", pack, 5, 0, nil, nil},
		{"from the end on", pack, size, -1, nil, nil},
		{"past the end", pack, size - 10, 11, content[size-10:], io.ErrUnexpectedEOF},
		{"at the end", pack, size, 1, nil, io.ErrUnexpectedEOF},
		{"beyond", pack, size + 100, 10, nil, io.ErrUnexpectedEOF},
		{"config", "config", 0, -1, content[:155], nil},
		{"in config", "config", 100, 10, content[100:110], nil},
		{"past the end of config", "config", 100, 100, content[100:155], io.ErrUnexpectedEOF},
		{"beyond config", "config", 155, 1, nil, io.ErrUnexpectedEOF},
		{"empty", empty, 0, -1, nil, nil},
		{"empty, too short", empty, 0, 1, nil, io.ErrUnexpectedEOF},
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
	if _, err := s.Open(t.Context(), pack, -1, 5); err == nil {
		t.Error("Open took a negative offset")
	}
}

func testMissing(t *testing.T, open Opener, names ...string) {
	s := open(t, map[string][]byte{"config": []byte("c"), "data/ab/pack": []byte("p"), Pack(1): []byte("p")})
	for _, name := range names {
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
	big := Pack(1)
	s := open(t, map[string][]byte{"config": []byte("c"), big: make([]byte, size)})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := s.Open(ctx, big, 0, size)
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
	if _, err := s.Open(ctx, big, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a canceled context: %v", err)
	}
}

func testConcurrent(t *testing.T, open Opener) {
	files := map[string][]byte{"config": []byte("c"), "index/" + ID(1): []byte("i")}
	for i := range 8 {
		files[Pack(i)] = Bytes(uint64(i), 40_000+i)
	}
	s := open(t, files)
	g, ctx := errgroup.WithContext(t.Context())
	for worker := range 8 {
		g.Go(func() error {
			for i := range 8 {
				name := Pack((i + worker) % 8)
				offset := int64(worker * 100)
				got, err := ReadAll(ctx, s, name, offset, 30_000)
				if err != nil {
					return err
				}
				if !bytes.Equal(got, files[name][offset:offset+30_000]) {
					return fmt.Errorf("%s: wrong bytes", name)
				}
			}
			return s.List(ctx, "index", func(string, int64) error { return nil })
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// CheckThroughFaults lists and reads everything, in parts and several at once,
// through storage.Retry with short waits. Whatever goes wrong below, what
// comes out must be these files. It lists the whole storage, or the folders of
// a storage that lists no others.
func CheckThroughFaults(t *testing.T, s storage.Storage, files map[string][]byte, folders ...string) {
	t.Helper()
	if len(folders) == 0 {
		folders = []string{""}
	}
	s = storage.NewRetry(s, storage.RetryOptions{MinDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond, Stall: 100 * time.Millisecond})
	for range 5 {
		for _, folder := range folders {
			checkList(t, s, folder, sizesBelow(files, folder))
		}
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

func sizesBelow(files map[string][]byte, folder string) map[string]int64 {
	sizes := map[string]int64{}
	for name, content := range files {
		if folder == "" || strings.HasPrefix(name, folder+"/") {
			sizes[name] = int64(len(content))
		}
	}
	return sizes
}

// SomeFiles are files of a repository, of many sizes, for CheckThroughFaults.
func SomeFiles() map[string][]byte {
	files := map[string][]byte{"config": Bytes(1, 155)}
	for i := range 80 {
		files[Pack(i)] = Bytes(uint64(i), 1+i*i*100)
		files["snapshots/"+ID(i)] = Bytes(uint64(i), 100+i)
	}
	return files
}
