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

// SizedPath is a file or folder with its size. Of a folder it is that of all
// files below it.
type SizedPath struct {
	Path    string
	Files   uint64 // below a folder
	Size    uint64
	ModTime time.Time // of a file
}

// KindSize is the files of one kind: those whose names have one ending.
type KindSize struct {
	Kind  string // such as ".jpg", in lower case; "" for names without one
	Other bool   // not one kind, but all that are not listed
	Files uint64
	Size  uint64
}

// RestorePointStatistics is what lies in a restore point.
type RestorePointStatistics struct {
	PointStatistics
	LargestFiles, LargestFolders []SizedPath // largest first
	Kinds                        []KindSize  // largest first, the rest as one at the end
}

// What a restore point's statistics list.
const (
	maxLargest = 20
	maxKinds   = 50
	// maxKindsHeld bounds the kinds that are told apart, largest or not.
	maxKindsHeld = 1 << 16
)

// content returns what lies below the root of a restore point.
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

// kinds adds up the files below a tree by the endings of their names. A tree
// costs its own entries: how many paths lead to it is known before.
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

// kindOf returns the ending of a name, from the last dot on, in lower case; ""
// for a name without one, and where what is behind the dot is no word.
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

// SnapshotContent returns the lists of what lies in a snapshot, without what
// depends on others.
func SnapshotContent(ctx context.Context, v *catalog.View, s catalog.Snapshot) (*RestorePointStatistics, error) {
	m, err := measure(ctx, v)
	if err != nil {
		return nil, err
	}
	out := new(RestorePointStatistics)
	return out, m.content(ctx, v, m.Number(s.Root), out)
}
