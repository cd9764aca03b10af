package explore

import (
	"context"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

const (
	// maxHeldBeside bounds the entries that a comparison beside the requests holds at once.
	maxHeldBeside = 250_000
	// maxPauses bounds the pauses of such a comparison, and so the time that they take.
	maxPauses = 10
)

// EachDifference calls visit with every pair of entries of two restore points of one
// catalog in folders that differ, also below a folder that is only in one of them. A nil
// before stands for an empty one. It looks at no more than most entries; more is
// CodeTooLarge. It pauses before each round of reads, ten times at most.
func (p *RestorePoints) EachDifference(ctx context.Context, before *syncline.RestorePoint, after syncline.RestorePoint, most int64, visit func(*Pair) error) error {
	return p.Catalogs.Use(ctx, after.RepositoryID, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			now, err := snapshotOf(v, after)
			if err != nil {
				return err
			}
			var old side
			if before != nil {
				s, err := snapshotOf(v, *before)
				if err != nil {
					return err
				}
				old = side{sub: s.Root, ok: true}
			}
			x := newComparer(ctx, v, "/")
			x.into, x.left, x.room, x.visit = true, most, maxHeldBeside, visit
			x.pause, x.pauses = p.Pause, maxPauses
			x.ahead.round = x.ahead.last // the walk goes through all
			return x.folders(old, side{sub: now.Root, ok: true}, nil)
		})
	})
}

// KindOf returns the ending of a file's name, from its last dot, in lower case. It
// returns "" for a name without a dot, or without a word behind it.
func KindOf(name string) string { return kindOf(name) }

// NewPair returns a pair of entries at a path.
func NewPair(path string, before, after *syncline.Entry) *Pair {
	return &Pair{Before: before, After: after, path: []byte(path)}
}
