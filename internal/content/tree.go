package content

import (
	"context"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// Tree is the tree of a restore point, which is looked at in steps. Each step sees one
// state of the catalog, and another step may see another one. So a download or a restore
// of hours keeps no state of the catalog, and no connection to its database.
type Tree struct {
	contents *Service
	point    syncline.RestorePoint
	patience time.Duration
	repeats  bool // the functions of its steps may run again
}

// Tree returns the tree of a restore point.
func (s *Service) Tree(point syncline.RestorePoint) Tree { return Tree{contents: s, point: point} }

const (
	// patience is how long a step waits for a database that is away, as while a standby takes
	// over.
	patience   = time.Minute
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

// Patient returns the tree with steps that wait for the catalog up to a minute, while it
// answers CodeUnavailable.
func (t Tree) Patient() Tree {
	t.patience = patience
	return t
}

// Root returns the root in that state, or CodeNotFound.
func (t Tree) Root(v *catalog.View) (catalog.TreeRef, error) { return Root(v, t.point) }

// View runs fn with one state of the catalog.
func (t Tree) View(ctx context.Context, fn func(*catalog.View) error) error {
	end := time.Now().Add(t.patience)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		begun := false
		err := t.contents.View(ctx, t.point, func(v *catalog.View) error {
			begun = true
			return fn(v)
		})
		if syncline.CodeOf(err) != syncline.CodeUnavailable || begun && !t.repeats || time.Now().Add(pause).After(end) {
			return err
		}
		again := time.NewTimer(pause)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return ctx.Err()
		}
	}
}
