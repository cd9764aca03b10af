package catalog

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"slices"

	"syncline.dev/syncline"
)

// Dump writes everything visible in one canonical form: the snapshots by id as
// JSON lines, then every tree that they reach, by hash, with its entries. Two
// catalogs of the same state of a repository have the same dump, whatever their
// sessions did. Tests and comparisons use it. Its memory grows with the number
// of trees.
func (v *View) Dump(out io.Writer) error {
	w := bufio.NewWriterSize(out, 1<<16)
	enc := json.NewEncoder(w)
	snapshots, err := v.Snapshots()
	if err != nil {
		return err
	}
	slices.SortFunc(snapshots, func(a, b Snapshot) int { return slices.Compare(a.ID[:], b.ID[:]) })
	var roots []uint32
	for i := range snapshots {
		if err := enc.Encode(storeSnapshot(&snapshots[i].Snapshot, 0)); err != nil {
			return err
		}
		roots = append(roots, snapshots[i].Root.no)
	}
	trees, err := v.reach(roots)
	if err != nil {
		return err
	}
	for _, t := range trees {
		if lost, err := v.isLost(t.no); err != nil || lost {
			if err = cmp.Or(err, enc.Encode(map[string]string{"lost": t.hash.String()})); err != nil {
				return err
			}
			continue
		}
		if err := enc.Encode(map[string]string{"tree": t.hash.String()}); err != nil {
			return err
		}
		err := v.ReadDir(TreeRef{t.no}, WithContent|WithSubtree, func(e *syncline.Entry, _ TreeRef, _ bool) error {
			return enc.Encode(dumpEntry{[]byte(e.Name), []byte(e.LinkTarget), e})
		})
		if err != nil {
			return err
		}
	}
	return w.Flush()
}

// dumpEntry shows the raw bytes of fields that may not be UTF-8.
type dumpEntry struct {
	RawName, RawTarget []byte
	Entry              *syncline.Entry
}

type reachedTree struct {
	no   uint32
	hash syncline.Hash
}

// reach returns the trees at and below roots, sorted by hash.
func (v *View) reach(roots []uint32) ([]reachedTree, error) {
	edges, err := loadEdges(context.Background(), v.r, v.m)
	if err != nil {
		return nil, err
	}
	g := newGraph(v.r, edges)
	seen := make([]bool, v.m.Trees)
	stack := slices.Clone(roots)
	var out []reachedTree
	for len(stack) > 0 {
		no := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[no] {
			continue
		}
		seen[no] = true
		out = append(out, reachedTree{no: no})
		if lost, err := v.isLost(no); err != nil || lost {
			if err != nil {
				return nil, err
			}
			continue
		}
		if stack, err = g.children(v.m.Trees, no, stack); err != nil {
			return nil, err
		}
	}
	hashes, err := loadHashes(v.r, v.m)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].hash = hashes[out[i].no]
	}
	slices.SortFunc(out, func(a, b reachedTree) int { return slices.Compare(a.hash[:], b.hash[:]) })
	return out, nil
}
