package restore_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/content/contenttest"
	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
	"syncline.dev/syncline/internal/restore"
	"syncline.dev/syncline/resticrepo"
)

func keep(n int64) func(int64) int64 { return func(int64) int64 { return n } }

// disk mounts a file system of a size, or changes the size of one.
func disk(t *testing.T, target, size string, flags uintptr) {
	t.Helper()
	needtest.Full(t, "the right to mount a disk")
	needtest.Root(t, "mount a small file system")
	if err := unix.Mount("tmpfs", target, "tmpfs", flags, "size="+size); err != nil {
		t.Fatal(err)
	}
	if flags == 0 {
		t.Cleanup(func() { _ = unix.Unmount(target, 0) })
	}
}

// testRoom restores 28 MiB to file systems with more and less room.
func testRoom(t *testing.T, w *rich) {
	target := t.TempDir()
	disk(t, target, "20m", 0)
	w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
		refused := func(o restore.Options, want string) {
			t.Helper()
			o.Reporter = &told{}
			result, err := restore.Run(t.Context(), restore.At(v, root), s, target, o)
			if message := syncline.MessageOf(err); syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(message, want) || result.Bytes > 0 {
				t.Errorf("%+v, %v", result, err)
			}
			onlyIn(t, target)
		}
		refused(restore.Options{KeepFree: keep(0)}, "MiB are to be written, and the target has 20.0 MiB free; choose")
		disk(t, target, "40m", unix.MS_REMOUNT)
		refused(restore.Options{KeepFree: keep(30 << 20)}, "the target has 40.0 MiB free, of which 30.0 MiB are kept free")
		into(t, v, s, root, target, restore.Options{KeepFree: keep(1 << 20)})
		// Everything is restored, and one piece of a file is wrong. Only that
		// is written, and the second name of a file takes no room.
		disk(t, target, "30m", unix.MS_REMOUNT)
		if err := os.Truncate(filepath.Join(target, w.source, "set"), 0); err != nil {
			t.Fatal(err)
		}
		into(t, v, s, root, target, restore.Options{KeepFree: keep(1 << 20)})
		into(t, v, s, root, target, restore.Options{KeepFree: keep(1 << 20), Overwrite: syncline.OverwriteNever})
	})
	w.sameAsSource(t, target)
}

// testReserve reduces the free space after some writes. The run ends, once for
// all files.
func testReserve(t *testing.T, w *rich) {
	w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
		var looks atomic.Int64
		r := &told{}
		result, err := restore.Run(t.Context(), restore.At(v, root), s, t.TempDir(), restore.Options{Reporter: r, KeepFree: func(int64) int64 {
			if looks.Add(1) > 2 {
				return math.MaxInt64
			}
			return 0
		}})
		if !strings.Contains(syncline.MessageOf(err), "are kept free; make room and run the same again") || len(r.failed) > 0 || result.Bytes == result.TotalBytes {
			t.Errorf("%+v, %v, %v", result, err, r.failed)
		}
	})
}

// written returns a repository of one snapshot, whose root tree build returns.
func written(t *testing.T, build func(add func(kind string, blob []byte) resticwriter.ID) (root resticwriter.ID)) *resticrepo.Repository {
	t.Helper()
	path := filepath.Join(t.TempDir(), "repo")
	repo, err := resticwriter.Create(path, resticfixture.Password)
	if err != nil {
		t.Fatal(err)
	}
	root := build(func(kind string, blob []byte) resticwriter.ID {
		p, id := resticwriter.NewPacker(repo, kind, true), resticwriter.ID(sha256.Sum256(blob))
		if err := errors.Join(p.Add(id, blob), p.Flush()); err != nil {
			t.Fatal(err)
		}
		return id
	})
	_, err = repo.StoreJSON("snapshots", map[string]any{"time": time.Unix(1, 0), "tree": root, "paths": []string{"/"}, "hostname": "h"})
	if err = errors.Join(err, repo.Flush()); err != nil {
		t.Fatal(err)
	}
	return contenttest.Open(t, path, resticfixture.Password)
}

// TestHardLinksInRepeatedFolders restores three equal folders with one hard link
// below each of them to a disk that has room for its content once.
func TestHardLinksInRepeatedFolders(t *testing.T) {
	const blobs, size = 3, 8 << 20
	opened := written(t, func(add func(kind string, blob []byte) resticwriter.ID) resticwriter.ID {
		data := make([]byte, size)
		data[0] = 1 // the file has no holes
		content := strings.TrimSuffix(strings.Repeat(`"`+add("data", data).String()+`",`, blobs), ",")
		const meta = `"mtime":"2024-05-01T10:00:00Z"`
		within := add("tree", fmt.Appendf(nil, `{"nodes":[{"name":"file","type":"file","mode":384,%s,"inode":7,"device_id":1,"links":3,"size":%d,"content":[%s]}]}`+"\n",
			meta, blobs*size, content))
		folder := func(tree resticwriter.ID, names ...string) resticwriter.ID {
			var nodes []string
			for _, name := range names {
				nodes = append(nodes, fmt.Sprintf(`{"name":%q,"type":"dir","mode":2147484096,%s,"subtree":%q}`, name, meta, tree.String()))
			}
			return add("tree", fmt.Appendf(nil, "{\"nodes\":[%s]}\n", strings.Join(nodes, ",")))
		}
		return folder(folder(within, "in"), "a", "b", "c")
	})
	target := t.TempDir()
	disk(t, target, "30m", 0)
	contenttest.View(t, contenttest.Catalog(t, opened), opened, func(v *catalog.View, s *content.Source) {
		into(t, v, s, snapshots(t, v)[0].Root, target, restore.Options{KeepFree: keep(1 << 20)})
	})
	first, err := os.Stat(filepath.Join(target, "a", "in", "file"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b", "c"} {
		other, err := os.Stat(filepath.Join(target, name, "in", "file"))
		if err != nil || !os.SameFile(first, other) || other.Size() != blobs*size {
			t.Errorf("%s: %+v, %v", name, other, err)
		}
	}
}

// TestOneBlobInManyPlaces stops a restore, after some writes, of a file that is
// one blob of zeros many times.
func TestOneBlobInManyPlaces(t *testing.T) {
	const places, size = 20_000, 8 << 20
	opened := written(t, func(add func(kind string, blob []byte) resticwriter.ID) resticwriter.ID {
		id := add("data", make([]byte, size))
		return add("tree", fmt.Appendf(nil, `{"nodes":[{"name":"file","type":"file","mode":384,"mtime":"2024-05-01T10:00:00Z","size":%d,"content":[%s]}]}`+"\n",
			int64(size)*places, strings.TrimSuffix(strings.Repeat(`"`+id.String()+`",`, places), ",")))
	})
	contenttest.View(t, contenttest.Catalog(t, opened), opened, func(v *catalog.View, s *content.Source) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		// Zeros become a hole, so they have room.
		o := restore.Options{Sparse: true, Reporter: &stopper{cancel: cancel}, KeepFree: keep(1 << 20)}
		result, err := restore.Run(ctx, restore.At(v, snapshots(t, v)[0].Root), s, t.TempDir(), o)
		if !errors.Is(err, context.Canceled) || result.Bytes == 0 || result.Bytes > result.TotalBytes/2 {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

// stopper stops a run after some writes.
type stopper struct {
	told
	cancel func()
}

func (s *stopper) Progress(r restore.Result) {
	if r.Bytes > 0 {
		s.cancel()
	}
}
