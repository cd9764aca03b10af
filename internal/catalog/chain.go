package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sync/semaphore"

	"syncline.dev/syncline"
)

// chain links the writes of one Catalog: each continues the head that the one
// before it left. A session opens the chain with Bind or Build, and Unload ends
// it. When somebody else writes in between, every later write of the session
// fails with ErrConflict. Outside of a session a write continues the head that
// it finds.
type chain struct {
	turn *semaphore.Weighted // of one write at a time
	open bool
	head Head // that the next write continues, while open
}

// decodedHead is a head and what it says.
type decodedHead struct {
	head Head
	m    meta
}

func newCatalog(box Container) *Catalog {
	return &Catalog{box: box, id: opened.Add(1), chain: chain{turn: semaphore.NewWeighted(1)}}
}

// begin opens the chain at the head that the container has.
func (c *Catalog) begin(ctx context.Context) (m meta, err error) {
	return m, c.inTurn(ctx, func() error {
		c.chain.open = false
		m, err = c.openChain(ctx)
		return err
	})
}

// join is begin while the chain is closed. While it is open, join checks that
// the container still has the head of the chain.
func (c *Catalog) join(ctx context.Context) (m meta, err error) {
	return m, c.inTurn(ctx, func() error {
		m, err = c.openChain(ctx)
		return err
	})
}

func (c *Catalog) openChain(ctx context.Context) (m meta, err error) {
	err = c.box.View(ctx, func(r Reader) error {
		if m, err = c.meta(r); err != nil {
			return err
		}
		if c.chain.open && c.chain.head != r.Head() {
			return Conflict()
		}
		c.chain.open, c.chain.head = true, r.Head()
		return nil
	})
	return m, err
}

// end closes the chain.
func (c *Catalog) end() {
	_ = c.inTurn(context.Background(), func() error {
		c.chain.open = false
		return nil
	})
}

func (c *Catalog) inTurn(ctx context.Context, fn func() error) error {
	if err := c.chain.turn.Acquire(ctx, 1); err != nil {
		return syncline.WrapError(syncline.CodeCanceled, err, "the operation was canceled")
	}
	defer c.chain.turn.Release(1)
	return fn()
}

// errUnchanged is what the callback of update returns when it has written
// nothing.
var errUnchanged = errors.New("nothing is to be written")

// update runs fn in a transaction that continues the chain. fn sets m to what
// the new head says.
func (c *Catalog) update(ctx context.Context, fn func(w Writer, m *meta) error) error {
	return c.inTurn(ctx, func() error {
		expected := c.chain.head
		if !c.chain.open {
			err := c.box.View(ctx, func(r Reader) error {
				_, err := c.meta(r)
				expected = r.Head()
				return err
			})
			if err != nil {
				return err
			}
		}
		next := expected
		err := c.box.Update(ctx, expected, func(w Writer) error {
			m, err := c.meta(w)
			if err != nil {
				return err
			}
			if err := fn(w, &m); errors.Is(err, errUnchanged) {
				return nil
			} else if err != nil {
				return err
			}
			m.Writes++
			if next, err = m.head(); err != nil {
				return err
			}
			return w.SetHead(next)
		})
		if err == nil {
			c.chain.head = next
		}
		return err
	})
}

var errEmpty = damaged("the catalog has no head")

// readMeta returns what the head says.
func (c *Catalog) readMeta(ctx context.Context) (m meta, err error) {
	err = c.box.View(ctx, func(r Reader) error {
		m, err = c.meta(r)
		return err
	})
	return m, err
}

// meta returns what the head says in the state that r reads. It decodes each
// head once.
func (c *Catalog) meta(r Reader) (meta, error) {
	head := r.Head()
	if kept := c.head.Load(); kept != nil && kept.head == head {
		return kept.m, nil
	}
	m, err := decodeHead(head)
	if err == nil {
		c.head.Store(&decodedHead{head, m})
	}
	return m, err
}

func decodeHead(head Head) (meta, error) {
	var m meta
	if head == "" {
		return m, errEmpty
	}
	payload, err := unframe(kindMeta, 0, []byte(head))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(payload, &m); err != nil {
		return m, damaged("the catalog's head does not decode: %v", err)
	}
	if m.Format != formatVersion {
		return m, syncline.WrapError(syncline.CodeConflict,
			fmt.Errorf("%w: it has format %d, this program reads %d", ErrOutdated, m.Format, formatVersion),
			"the catalog is of another version of Syncline; the next synchronization builds it anew")
	}
	return m, nil
}

// head returns m as the head of a container.
func (m meta) head() (Head, error) {
	payload, err := json.Marshal(m)
	return Head(frame(kindMeta, 0, payload)), err
}
