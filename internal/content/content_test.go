package content_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/content/contenttest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/resticrepo"
)

// randomFile writes a file of several blobs, some of them repeated.
func randomFile(t *testing.T, path string, seed uint64, size int) []byte {
	t.Helper()
	rng := rand.NewChaCha8([32]byte{byte(seed)})
	b := make([]byte, size)
	_, _ = rng.Read(b[:size/2])
	copy(b[size/2+size/8:], b[:size/4])
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

// world is a repository with a large file and small ones.
type world struct {
	path  string
	repo  *resticrepo.Repository
	cat   *catalog.Catalog
	files map[string][]byte // by path in the snapshot
}

// newWorld makes a catalog of the tests' shared repository.
func newWorld(t *testing.T) *world {
	t.Helper()
	if shared.repo == nil {
		makeShared(t)
	}
	w := shared
	w.repo, _ = contenttest.At(t, w.repo, w.path)
	w.cat = contenttest.Catalog(t, w.repo)
	return &w
}

var shared world

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(shared.path)
	os.Exit(code)
}

func makeShared(t *testing.T) {
	t.Helper()
	src := t.TempDir()
	w := world{files: make(map[string][]byte)}
	for name, size := range map[string]int{"large": 12 << 20, "small": 1000, "empty": 0, "medium": 900_000} {
		path := filepath.Join(src, name)
		w.files[path] = randomFile(t, path, uint64(len(w.files)), size)
	}
	repo := resticfixture.Init(t, 2)
	resticfixture.Backup(t, repo, src)
	var err error
	if w.path, err = os.MkdirTemp("", "content-"); err == nil { //nolint:usetesting // it outlives the test
		err = os.CopyFS(w.path, os.DirFS(repo))
	}
	if err != nil {
		t.Fatal(err)
	}
	w.repo = contenttest.Open(t, w.path, resticfixture.Password)
	shared = w
}

func (w *world) open(t *testing.T, v *catalog.View, source *content.Source, path string) *content.File {
	t.Helper()
	list, err := v.Snapshots()
	if err != nil {
		t.Fatal(err)
	}
	e, _, _, err := v.FindWith(list[0].Root, path, catalog.WithContent)
	if err != nil {
		t.Fatal(err)
	}
	f, err := source.Open(e)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRangesAreThoseOfTheFile(t *testing.T) {
	w := newWorld(t)
	contenttest.View(t, w.cat, w.repo, func(v *catalog.View, source *content.Source) {
		source.Cache = content.NewCache(3 << 20)
		source.Window = 1 << 20 // less than a run; reading must not block
		rng := rand.New(rand.NewPCG(1, 2))
		for path, want := range w.files {
			f := w.open(t, v, source, path)
			if f.Size() != int64(len(want)) {
				t.Fatalf("%s has %d bytes, want %d", path, f.Size(), len(want))
			}
			check := func(offset, length int64) {
				t.Helper()
				var got bytes.Buffer
				if err := f.WriteRange(t.Context(), &got, offset, length); err != nil {
					t.Fatalf("%s from %d, %d bytes: %v", path, offset, length, err)
				}
				if !bytes.Equal(got.Bytes(), want[offset:offset+length]) {
					t.Fatalf("%s from %d, %d bytes: other bytes", path, offset, length)
				}
			}
			check(0, f.Size())
			for range 30 {
				offset := rng.Int64N(f.Size() + 1)
				check(offset, rng.Int64N(f.Size()-offset+1))
			}
			if err := f.WriteRange(t.Context(), io.Discard, 1, f.Size()+1); syncline.CodeOf(err) != syncline.CodeInvalid {
				t.Fatalf("a range behind the end of %s: %v", path, err)
			}
		}
	})
}

// TestRequests checks that no blob is requested twice, and that one request
// reads neighbouring blobs.
func TestRequests(t *testing.T) {
	w := newWorld(t)
	repo, counter := contenttest.At(t, w.repo, w.path)
	blobs := 0
	contenttest.View(t, w.cat, repo, func(v *catalog.View, source *content.Source) {
		list, err := v.Snapshots()
		if err != nil {
			t.Fatal(err)
		}
		for path := range w.files {
			e, _, _, err := v.FindWith(list[0].Root, path, catalog.WithContent)
			if err != nil {
				t.Fatal(err)
			}
			blobs += len(e.Content)
			f := w.open(t, v, source, path)
			if err := f.WriteRange(t.Context(), io.Discard, 0, f.Size()); err != nil {
				t.Fatal(err)
			}
		}
	})
	requests, _, _ := counter.Counts()
	if n := requests["get data"]; n == 0 || n > int64(blobs) {
		t.Errorf("%d requests for %d blobs", n, blobs)
	}
	first := content.Place{Offset: 100, Length: 1000}
	for _, c := range []struct {
		next content.Place
		want bool
	}{
		{content.Place{Offset: 1100, Length: 1000}, true},
		{content.Place{Offset: 1200, Length: 1000}, true},
		{content.Place{Offset: 1000, Length: 1000}, false},
		{content.Place{Offset: 1100, Length: 5 << 20}, false},
		{content.Place{Offset: 1100, Length: 1000, Plain: 5 << 20}, false},
		{content.Place{Offset: 1 << 20, Length: 1000}, false},
		{content.Place{Pack: syncline.Hash{1}, Offset: 1100, Length: 1000}, false},
	} {
		if got := content.Joins(first, first, c.next, first.Size()); got != c.want {
			t.Errorf("%+v: %v", c.next, got)
		}
	}
}

// TestDamageStopsTheBytes flips a bit in the middle of every data pack. Reading
// returns the bytes before it and then an error, and never wrong bytes.
func TestDamageStopsTheBytes(t *testing.T) {
	w := newWorld(t)
	damaged, copied := 0, t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(w.path)); err != nil {
		t.Fatal(err)
	}
	repo, _ := contenttest.At(t, w.repo, copied)
	contenttest.View(t, w.cat, repo, func(v *catalog.View, source *content.Source) {
		for _, pack := range packsOf(t, v) {
			name := filepath.Join(copied, filepath.FromSlash(resticrepo.PackName(resticrepo.ID(pack))))
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/2] ^= 1
			if err := errors.Join(os.Chmod(name, 0o600), os.WriteFile(name, b, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		for path, want := range w.files {
			f := w.open(t, v, source, path)
			var got bytes.Buffer
			err := f.WriteRange(t.Context(), &got, 0, f.Size())
			if !bytes.HasPrefix(want, got.Bytes()) {
				t.Errorf("%s: bytes came that are not the file's", path)
			}
			if (err != nil) != (got.Len() < len(want)) {
				t.Errorf("%s: %d of %d bytes, error %v", path, got.Len(), len(want), err)
			}
			if err != nil {
				damaged++
				if syncline.CodeOf(err) != syncline.CodeDamaged || !strings.Contains(syncline.MessageOf(err), "data blob") {
					t.Errorf("%s: %v", path, err)
				}
			}
		}
	})
	if damaged == 0 {
		t.Error("no file was damaged")
	}
}

// TestShortPacks reads from packs that end in the middle of a blob. Blobs
// before the end are returned, and those after it are not requested one by one.
func TestShortPacks(t *testing.T) {
	w := newWorld(t)
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(w.path)); err != nil {
		t.Fatal(err)
	}
	repo, counter := contenttest.At(t, w.repo, copied)
	contenttest.View(t, w.cat, repo, func(v *catalog.View, source *content.Source) {
		good, bad, runs := 0, 0, 0
		for pack, wanted := range wantedOf(t, w, v, source) {
			name := filepath.Join(copied, filepath.FromSlash(resticrepo.PackName(resticrepo.ID(pack))))
			end := int64(wanted[len(wanted)/2].Place.Offset) + 1
			if err := errors.Join(os.Chmod(name, 0o600), os.Truncate(name, end)); err != nil {
				t.Fatal(err)
			}
			runs++
			if err := source.NewReader().Read(t.Context(), wanted, func(i int, _ []byte, err error) error {
				whole := i < len(wanted)/2
				if whole != (err == nil) || err != nil && syncline.CodeOf(err) != syncline.CodeDamaged {
					t.Errorf("blob %d of %d: %v", i, len(wanted), err)
				}
				if whole {
					good++
				} else {
					bad++
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if requests, _, _ := counter.Counts(); good == 0 || bad < 2*runs || requests["get data"] != int64(runs) {
			t.Errorf("%d good blobs, %d bad ones, %d runs, requests %v", good, bad, runs, requests)
		}
	})
}

// wantedOf returns the files' blobs in each pack, in the order of their
// offsets.
func wantedOf(t *testing.T, w *world, v *catalog.View, source *content.Source) map[syncline.Hash][]content.Wanted {
	t.Helper()
	list, err := v.Snapshots()
	if err != nil {
		t.Fatal(err)
	}
	packs := make(map[syncline.Hash][]content.Wanted)
	for path := range w.files {
		e, _, _, err := v.FindWith(list[0].Root, path, catalog.WithContent)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range e.Content {
			if place, ok := source.Locator.Locate(id); ok {
				packs[place.Pack] = append(packs[place.Pack], content.Wanted{ID: id, Place: place})
			}
		}
	}
	for pack, wanted := range packs {
		slices.SortFunc(wanted, func(a, b content.Wanted) int { return cmp.Compare(a.Place.Offset, b.Place.Offset) })
		packs[pack] = slices.CompactFunc(wanted, func(a, b content.Wanted) bool { return a.ID == b.ID })
	}
	return packs
}

// packsOf returns the data packs.
func packsOf(t *testing.T, v *catalog.View) (ids []syncline.Hash) {
	t.Helper()
	indexes, err := v.Indexes()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range indexes {
		packs, err := v.Packs(x)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packs {
			if !p.Blobs[0].Tree {
				ids = append(ids, p.ID)
			}
		}
	}
	return ids
}

func TestBlobsWithoutIndex(t *testing.T) {
	w := newWorld(t)
	contenttest.View(t, w.cat, w.repo, func(v *catalog.View, source *content.Source) {
		list, _ := v.Snapshots()
		for path, want := range w.files {
			e, _, _, err := v.FindWith(list[0].Root, path, catalog.WithContent)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range e.Content {
				if n := len(source.Locator.Find(id, nil)); n != 1 {
					t.Fatalf("blob %s has %d places", id.Short(), n)
				}
			}
			e.Content = append([]syncline.Hash{{1, 2, 3}}, e.Content...)
			if _, err := source.Open(e); syncline.CodeOf(err) != syncline.CodeDamaged {
				t.Errorf("a blob of %s (%d bytes) that is in no index: %v", path, len(want), err)
			}
			st := source.Stream(t.Context(), e.Content)
			if _, err := st.Next(); syncline.CodeOf(err) != syncline.CodeDamaged {
				t.Errorf("a stream of it: %v", err)
			}
			st.Close()
		}
	})
}

// TestBlobWithoutBytes reads an empty blob, which restic does not write, from
// the repository and from the cache.
func TestBlobWithoutBytes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "repo")
	writer, err := resticwriter.Create(dir, resticfixture.Password)
	if err != nil {
		t.Fatal(err)
	}
	id := sha256.Sum256(nil)
	packer := resticwriter.NewPacker(writer, "data", false)
	if err := errors.Join(packer.Add(id, nil), packer.Flush(), writer.Flush()); err != nil {
		t.Fatal(err)
	}
	repo := contenttest.Open(t, dir, resticfixture.Password)
	contenttest.View(t, contenttest.Catalog(t, repo), repo, func(_ *catalog.View, source *content.Source) {
		source.Cache = content.NewCache(1 << 20)
		for _, from := range []string{"repository", "cache"} {
			st := source.Stream(t.Context(), []syncline.Hash{id})
			if data, err := st.Next(); err != nil || len(data) > 0 {
				t.Errorf("from the %s come %d bytes, %v", from, len(data), err)
			}
			st.Close()
		}
	})
}

// TestAnotherCopyIsTaken gives every blob a first place that does not exist.
func TestAnotherCopyIsTaken(t *testing.T) {
	w := newWorld(t)
	var packs []catalog.Pack
	contenttest.View(t, w.cat, w.repo, func(v *catalog.View, _ *content.Source) {
		indexes, err := v.Indexes()
		if err != nil {
			t.Fatal(err)
		}
		if packs, err = v.Packs(indexes[0]); err != nil {
			t.Fatal(err)
		}
	})
	both := contenttest.Empty(t)
	gone := append([]catalog.Pack(nil), packs...)
	for i := range gone {
		gone[i].ID = syncline.Hash{byte(i)}
	}
	if err := errors.Join(both.AddIndex(t.Context(), syncline.Hash{1}, gone), both.AddIndex(t.Context(), syncline.Hash{2}, packs)); err != nil {
		t.Fatal(err)
	}
	var copies *content.Locator
	contenttest.View(t, both, w.repo, func(_ *catalog.View, source *content.Source) { copies = source.Locator })
	contenttest.View(t, w.cat, w.repo, func(v *catalog.View, source *content.Source) {
		source.Locator = copies
		for path, want := range w.files {
			f := w.open(t, v, source, path)
			var got bytes.Buffer
			if err := f.WriteRange(t.Context(), &got, 0, f.Size()); err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s: %d bytes, %v", path, got.Len(), err)
			}
		}
	})
}

// stuck is a writer whose client went away. TestStopAmongCachedBlobs stops
// reading a file that is one cached blob many times.
func TestStopAmongCachedBlobs(t *testing.T) {
	w := newWorld(t)
	contenttest.View(t, w.cat, w.repo, func(v *catalog.View, source *content.Source) {
		source.Cache = content.NewCache(64 << 20)
		list, _ := v.Snapshots()
		for path := range w.files {
			e, _, _, err := v.FindWith(list[0].Root, path, catalog.WithContent)
			if err != nil || len(e.Content) == 0 {
				continue
			}
			ctx, cancel := context.WithCancel(t.Context())
			st := source.Stream(ctx, slices.Repeat(e.Content[:1], 1000))
			for range 3 {
				if _, err := st.Next(); err != nil {
					t.Error(err)
				}
			}
			cancel()
			if _, err := st.Next(); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: a stopped stream goes on: %v", path, err)
			}
			st.Close()
		}
	})
}

type stuck struct{ cancel func() }

func (s stuck) Write([]byte) (int, error) {
	s.cancel()
	return 0, errors.New("the client is gone")
}

func TestNothingIsLeftRunning(t *testing.T) {
	w := newWorld(t)
	contenttest.View(t, w.cat, w.repo, func(v *catalog.View, source *content.Source) {
		ignore := goleak.IgnoreCurrent()
		for path := range w.files {
			f := w.open(t, v, source, path)
			if f.Size() == 0 {
				continue
			}
			ctx, cancel := context.WithCancel(t.Context())
			if err := f.WriteRange(ctx, stuck{cancel}, 0, f.Size()); err == nil {
				t.Error("a write that failed was no error")
			}
			if err := f.WriteRange(ctx, io.Discard, 0, f.Size()); !errors.Is(err, context.Canceled) {
				t.Errorf("a canceled read ended with %v", err)
			}
		}
		goleak.VerifyNone(t, ignore)
	})
}

// A byte that changed on the way is no damage. It is read again, in one blob
// and in many, by ranges and by whole files.
func TestChangedBytesAreReadAgain(t *testing.T) {
	w := newWorld(t)
	place, err := local.Open(t.Context(), w.path)
	if err != nil {
		t.Fatal(err)
	}
	defer place.Close()
	contenttest.View(t, w.cat, w.repo, func(v *catalog.View, source *content.Source) {
		made := 0
		for seed := range uint64(10) {
			faulty := storagetest.NewFault(place, seed, 0.2, storagetest.FaultFlip)
			source.Repository = w.repo.With(faulty)
			for path, want := range w.files {
				var got bytes.Buffer
				f := w.open(t, v, source, path)
				if err := f.WriteRange(t.Context(), &got, 0, f.Size()); err != nil || !bytes.Equal(got.Bytes(), want) {
					t.Errorf("%s through flipped answers: %v, and the same bytes: %v", path, err, bytes.Equal(got.Bytes(), want))
				}
			}
			made += faulty.Made()[storagetest.FaultFlip]
		}
		if made < 10 {
			t.Errorf("only %d answers were changed", made)
		}
	})
}
