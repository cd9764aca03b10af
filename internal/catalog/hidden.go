package catalog

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"syncline.dev/syncline"
)

// hiddenPerBlock bounds what one value of kindHidden holds.
const hiddenPerBlock = 512

// storedHidden is a snapshot in a value of kindHidden.
type storedHidden struct {
	Reason   syncline.HiddenReason `json:"reason"`
	Snapshot storedSnapshot        `json:"snapshot"`
}

// Hidden returns the snapshots of the repository that cannot be shown, oldest
// first. Snapshots with an unknown time come before all others.
func (v *View) Hidden() ([]syncline.HiddenSnapshot, error) { return hidden(v.r) }

func hidden(r Reader) (out []syncline.HiddenSnapshot, err error) {
	err = scan(r, kindHidden, 0, func(block uint64, payload []byte) error {
		var list []storedHidden
		raw, err := decompress(nil, payload)
		if err == nil && json.Unmarshal(raw, &list) != nil {
			err = damaged("block %d of hidden snapshots does not decode", block)
		}
		for i := range list {
			out = append(out, syncline.HiddenSnapshot{Snapshot: list[i].Snapshot.snapshot(), Reason: list[i].Reason})
		}
		return err
	})
	return out, err
}

// SetHidden records the snapshots of the repository that cannot be shown, in
// place of those recorded before. It does not keep their summaries and
// exclusions. It leaves Changes as it is.
func (c *Catalog) SetHidden(ctx context.Context, list []syncline.HiddenSnapshot) error {
	list = slices.Clone(list)
	for i := range list {
		s := &list[i].Snapshot
		*s = syncline.Snapshot{ID: s.ID, Tree: s.Tree, Time: s.Time, Hostname: s.Hostname, Username: s.Username, Paths: s.Paths, Tags: s.Tags}
	}
	slices.SortFunc(list, func(a, b syncline.HiddenSnapshot) int { return a.Snapshot.Compare(&b.Snapshot) })
	var same bool
	err := c.box.View(ctx, func(r Reader) error {
		before, err := hidden(r)
		same = len(before) == len(list) && (len(list) == 0 || reflect.DeepEqual(inUTC(before), inUTC(list)))
		return err
	})
	if err != nil || same {
		return err
	}
	return c.update(ctx, func(w Writer, _ *meta) error { return putHidden(w, list) })
}

// inUTC returns a copy with all times in UTC, for comparison.
func inUTC(list []syncline.HiddenSnapshot) []syncline.HiddenSnapshot {
	list = slices.Clone(list)
	for i := range list {
		list[i].Snapshot.Time = list[i].Snapshot.Time.UTC()
	}
	return list
}

func putHidden(w Writer, list []syncline.HiddenSnapshot) error {
	if err := w.Delete(kindHidden, 0, MaxNumber); err != nil {
		return err
	}
	block := uint64(0)
	for part := range slices.Chunk(list, hiddenPerBlock) {
		stored := make([]storedHidden, len(part))
		for i := range part {
			stored[i] = storedHidden{part[i].Reason, storeSnapshot(&part[i].Snapshot, 0)}
		}
		raw, err := json.Marshal(stored)
		if err != nil {
			return err
		}
		if err := put(w, kindHidden, block, compress(nil, raw)); err != nil {
			return err
		}
		block++
	}
	return nil
}

// unhide removes snapshots from the hidden ones that are visible or gone.
func unhide(w Writer, visible map[syncline.Hash]bool, gone []syncline.Hash) error {
	before, err := hidden(w)
	if err != nil || len(before) == 0 {
		return err
	}
	list := slices.DeleteFunc(slices.Clone(before), func(h syncline.HiddenSnapshot) bool {
		return visible[h.Snapshot.ID] || slices.Contains(gone, h.Snapshot.ID)
	})
	if len(list) == len(before) {
		return nil
	}
	return putHidden(w, list)
}
