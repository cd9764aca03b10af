package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// countLikeRestic walks every path, as restic does. missing reports a needed
// blob without an index entry.
func (f *forest) countLikeRestic(snapshots []syncline.Snapshot, mode CountMode) (out Counts, missing bool) {
	out.Snapshots = len(snapshots)
	contents, uses, files := map[string]bool{}, map[string]bool{}, map[string]bool{}
	blobs, trees := map[syncline.Hash]bool{}, map[string]bool{}
	for i := range snapshots {
		paths := f.list(snapshots[i].Tree, "")
		if mode == CountRestoreSize {
			out.Files += uint64(len(paths))
			out.Size += restoreSize(paths)
		}
		h := f.held(snapshots[i].Tree, paths)
		for id := range h.blobs {
			blobs[id] = true
		}
		for id := range h.trees {
			trees[id] = true
		}
		for _, p := range paths {
			key := fmt.Sprint(p.e.Content)
			if contents[key] {
				continue
			}
			contents[key] = true
			if mode == CountFilesByContents {
				out.Files, out.Size = out.Files+1, out.Size+p.e.Size
			}
			for _, id := range p.e.Content {
				if use := fmt.Sprint(p.path, id); mode == CountBlobsPerFile && !uses[use] {
					plain, _ := f.sizesOf(map[syncline.Hash]bool{id: true}, nil)
					uses[use], files[p.path] = true, true
					out.Blobs, out.Size = out.Blobs+1, out.Size+plain
					missing = missing || id == testBlob(testBlobs-1)
				}
			}
		}
	}
	out.Files += uint64(len(files))
	if mode == CountRawData {
		out.Blobs = uint64(len(blobs) + len(trees))
		_, out.Size = f.sizesOf(blobs, trees)
		missing = blobs[testBlob(testBlobs-1)]
		out.CompressedFrom, out.CompressedSize = uint64(232*len(trees)), out.Size
		for n := range testBlobs - 1 {
			plain, stored := blobSizeOf(n)
			switch {
			case !blobs[testBlob(n)]:
			case n%3 == 0: // not compressed
				out.UncompressedSize += uint64(stored)
				out.CompressedSize -= uint64(stored)
			default:
				out.CompressedFrom += uint64(plain) + 32
			}
		}
		out.UncompressedSize += out.CompressedFrom
	}
	return out, missing
}

func TestCountAgainstModel(t *testing.T) {
	found := map[bool]int{}
	for seed := range uint64(15) {
		r := rand.New(rand.NewPCG(seed, 6))
		f := newForest(t)
		f.growSizes(r, 1+r.IntN(4))
		s, c := f.statistics()
		type asked struct {
			points []syncline.ID // nil for all
			mode   CountMode
			got    Counts
		}
		var ask []asked
		view(t, c, func(v *catalog.View, list []catalog.Snapshot) error {
			first := r.IntN(len(list))
			var points []syncline.ID
			for i := first; first > 0 && i < len(list); i++ {
				points = append(points, RestorePointID(testRepository, list[i].ID))
			}
			for _, mode := range CountModes {
				want, missing := f.countLikeRestic(f.snapshots[first:], mode)
				got, err := Count(t.Context(), v, list[first:], mode)
				ask = append(ask, asked{points, mode, got})
				if found[missing]++; missing {
					wantCode(t, err, syncline.CodeDamaged)
				} else if err != nil || got != want {
					t.Errorf("seed %d, %s: %+v (%v), want %+v", seed, mode, got, err, want)
				}
			}
			return nil
		})
		for _, x := range ask {
			if got, _ := s.Count(t.Context(), testRepository, x.points, x.mode); got != x.got {
				t.Errorf("seed %d, %s: the server says %+v in place of %+v", seed, x.mode, got, x.got)
			}
			_, unknown := s.Count(t.Context(), testRepository, append(slices.Clone(x.points), testRepository), x.mode)
			wantCode(t, unknown, syncline.CodeNotFound)
		}
	}
	if found[true] < 2 || found[false] < 20 {
		t.Errorf("blobs are missing or not: %v", found)
	}
}
