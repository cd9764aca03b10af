package catalog

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// warmPart is how many folders Warm reads at a time, in about 20 ms.
const warmPart = 2000

// Warm reads the folders below a tree as LookupTree does, the upper ones first, so that
// their blocks are in the caches. It stops after so many folders and returns how many it
// has read. It leaves out folders that are lost. It calls pause, unless that is nil,
// after each warmPart folders.
func (v *View) Warm(ctx context.Context, root TreeRef, folders int, pause func(context.Context)) (read int, err error) {
	names := nameReader{v: v}
	seen := map[uint32]bool{root.no: true}
	for queue := []uint32{root.no}; len(queue) > 0 && read < folders; queue = queue[1:] {
		if pause != nil && read > 0 && read%warmPart == 0 {
			pause(ctx)
		}
		if err := ctx.Err(); err != nil {
			return read, err
		}
		runs, err := v.runs(queue[0])
		if errors.Is(err, ErrLost) {
			continue
		}
		if err != nil {
			return read, err
		}
		read++
		err = eachPart(runs, func(no uint64, first, end uint32) (bool, error) {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			b, err := v.scannedFolders(no, int(end))
			if err != nil {
				return false, err
			}
			i, _ := slices.BinarySearchFunc(b.dirs, first, func(d folder, at uint32) int { return cmp.Compare(d.entry, at) })
			for ; i < len(b.dirs) && b.dirs[i].entry < end && len(seen) < folders; i++ {
				if _, err := b.dirs[i].keyOf(&names); err != nil {
					return false, err
				}
				if tree := b.dirs[i].tree; !seen[tree] {
					seen[tree] = true
					queue = append(queue, tree)
				}
			}
			return len(seen) < folders, nil
		})
		if err != nil {
			return read, err
		}
	}
	return read, nil
}
