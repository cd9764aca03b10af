package explore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"syncline.dev/syncline/internal/catalog"
)

// SizedPath is a file or folder with its size. A folder's size is that of all
// files below it.
type SizedPath struct {
	Path    string
	Files   uint64 // below a folder
	Size    uint64
	ModTime time.Time // of a file
}

// KindSize is the files of one kind, by the ending of their names.
type KindSize struct {
	Kind  string // such as ".jpg", in lower case; "" for names without an ending
	Other bool   // all kinds that are not listed, as one
	Files uint64
	Size  uint64
}

// RestorePointStatistics says what a restore point contains.
type RestorePointStatistics struct {
	PointStatistics
	LargestFiles, LargestFolders []SizedPath // largest first
	Kinds                        []KindSize  // largest first, and one for the rest at the end
}

// Bounds of the lists of a restore point's statistics.
const (
	maxLargest = 20
	maxKinds   = 50
	// maxKindsHeld bounds the kinds that are told apart, also of small ones.
	maxKindsHeld = 1 << 16
)

// content fills in the content below the root of a restore point.
func (m *measured) content(ctx context.Context, v *catalog.View, root uint32, out *RestorePointStatistics) (err error) {
	if out.LargestFiles, err = m.largestFiles(ctx, v, root, maxLargest); err != nil {
		return err
	}
	if out.LargestFolders, err = m.largestFolders(ctx, v, root, maxLargest); err != nil {
		return err
	}
	out.Kinds, err = m.kinds(ctx, v, root)
	return err
}

// kinds adds up the files below a tree by the endings of their names. The
// number of paths to a tree is known before, so a tree costs its own entries
// once.
func (m *measured) kinds(ctx context.Context, v *catalog.View, root uint32) ([]KindSize, error) {
	paths := make([]uint64, m.Trees())
	paths[root] = 1
	held := make(map[string]*KindSize)
	others := KindSize{Other: true}
	tick := ticker{ctx: ctx}
	for _, tree := range slices.Backward(m.order) {
		if paths[tree] == 0 {
			continue
		}
		for r := range m.Ranges(tree) {
			for no := r.First; no < r.First+r.Count; no++ {
				if m.Class(no) != catalog.ClassFile {
					continue
				}
				name, err := m.Name(v, no)
				if err != nil {
					return nil, err
				}
				k := kindIn(held, kindOf(name), &others)
				k.Files = sum(k.Files, paths[tree])
				k.Size = sum(k.Size, times(m.Size(no), paths[tree]))
			}
			for _, sub := range m.Subtrees(r) {
				paths[sub] = sum(paths[sub], paths[tree])
			}
			if err := tick.spend(int(r.Count)); err != nil {
				return nil, err
			}
		}
	}
	return largestKinds(held, others), nil
}

func kindIn(held map[string]*KindSize, kind string, others *KindSize) *KindSize {
	k := held[kind]
	if k == nil && len(held) == maxKindsHeld {
		return others
	}
	if k == nil {
		k = &KindSize{Kind: kind}
		held[kind] = k
	}
	return k
}

func largestKinds(held map[string]*KindSize, others KindSize) []KindSize {
	list := slices.SortedFunc(maps.Values(held), func(a, b *KindSize) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(b.Files, a.Files), strings.Compare(a.Kind, b.Kind))
	})
	out := make([]KindSize, 0, maxKinds+1)
	for i, k := range list {
		if i < maxKinds {
			out = append(out, *k)
			continue
		}
		others.Files, others.Size = sum(others.Files, k.Files), sum(others.Size, k.Size)
	}
	if others.Files > 0 {
		out = append(out, others)
	}
	return out
}

// maxKind bounds the bytes of an ending.
const maxKind = 16

// kindOf returns the ending of a name, from its last dot, in lower case. It
// returns "" for a name without a dot, or without a word behind it.
func kindOf(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || dot == len(name)-1 || len(name)-dot > maxKind {
		return ""
	}
	for _, r := range name[dot+1:] {
		if r == unicode.ReplacementChar || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-+~#", r) {
			return ""
		}
	}
	return strings.ToLower(name[dot:])
}

// SnapshotContent returns the lists of a snapshot's statistics that do not
// depend on other snapshots.
func SnapshotContent(ctx context.Context, v *catalog.View, s catalog.Snapshot) (*RestorePointStatistics, error) {
	m, err := measure(ctx, v)
	if err != nil {
		return nil, err
	}
	out := new(RestorePointStatistics)
	return out, m.content(ctx, v, m.Number(s.Root), out)
}
