// Package postgres keeps catalogs in a PostgreSQL database that several nodes
// share: the values of all catalogs in one table, by generation, kind and number.
// It knows nothing of what is in the values, and of the rest of the database only
// the table of work, whose epochs it compares with claims. The store makes the
// tables (internal/store/postgres/migrations).
package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// DefaultIdle is how long a transaction may be silent. A node sends something in
// each transaction more often, so one that is silent for longer stands still.
const DefaultIdle = 10 * time.Second

// Container is a catalog.Container in a database: one row of catalogs, and the
// values of its generation.
type Container struct {
	*link
	no int64 // of the catalog

	since int64 // the history of the database to which its blocks in memory belong

	asked atomic.Bool // a view has asked for a value; see reader.ask

	turn chan struct{} // holds the token of the update that runs in this process
	tidy func()        // has dropped generations deleted

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // views and updates
}

// newContainer makes the container of a catalog that shares l with others.
func newContainer(l *link, no int64, tidy func()) *Container {
	own := &link{pool: l.pool, idle: l.idle, late: l.late, learned: l.learned}
	return &Container{link: own, no: no, since: l.history.Load(), turn: make(chan struct{}, 1), tidy: tidy}
}

var errClosed = syncline.Errorf(syncline.CodeUnavailable, "the catalog is closed; try again")

// enter counts a transaction in, unless the container is closed.
func (c *Container) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.running.Add(1)
	}
	return !c.closed
}

// Close waits for what runs. The connections belong to the pool.
func (c *Container) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.running.Wait()
	c.left.Wait()
	return nil
}

// Size returns the sum of the values' lengths, and a tenth for what PostgreSQL
// needs besides.
func (c *Container) Size(ctx context.Context) (int64, error) {
	if !c.enter() {
		return 0, errClosed
	}
	defer c.running.Done()
	size := int64(-1)
	err := c.ask(ctx, func(_ int, row [][]byte) error {
		size = readInt8(row[0]) * 11 / 10
		return nil
	}, statement{`SELECT bytes FROM syncline.catalogs WHERE no = $1`, []param{int8Param(c.no)}})
	if err == nil && size < 0 {
		err = gone()
	}
	return max(0, size), err
}

// View runs fn in one transaction that sees one state of the database.
func (c *Container) View(ctx context.Context, fn func(catalog.Reader) error) error {
	if !c.enter() {
		return errClosed
	}
	defer c.running.Done()
	s := newSession(ctx, c, false)
	if err := s.beginView(); err != nil {
		return err
	}
	defer s.end()
	return fn(&reader{s: s, generation: s.generation, head: s.head})
}

// Update runs fn in one transaction that holds the catalog's row. See session.
func (c *Container) Update(ctx context.Context, expected catalog.Head, fn func(catalog.Writer) error) error {
	if !c.enter() {
		return errClosed
	}
	defer c.running.Done()
	select {
	case c.turn <- struct{}{}: // one connection of this process waits for the row
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return translate(ctx, ctx.Err())
	}
	s := newSession(ctx, c, true)
	if err := s.beginUpdate(expected); err != nil {
		return err
	}
	defer s.end()
	w := newWriter(s)
	if err := fn(w); err != nil {
		return err
	}
	if err := w.commit(); err != nil {
		return err
	}
	if w.dropped != 0 {
		c.tidy()
	}
	return nil
}

// gone is the error for a catalog whose row is not there.
func gone() error {
	return syncline.WrapError(syncline.CodeUnavailable, errGone, "the catalog was removed while it was used; try again")
}
