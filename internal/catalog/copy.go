package catalog

import (
	"bytes"
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
)

// CopyFrom gives the catalog all that another one holds, with its numbers and its head,
// in one update. The catalog shows no snapshot before; CodeConflict is for one that does.
// The two may lie in containers of different kinds.
func (c *Catalog) CopyFrom(ctx context.Context, other *Catalog) error {
	c.building.Lock()
	defer c.building.Unlock()
	var before Head
	shown := 0
	err := c.box.View(ctx, func(r Reader) error {
		before = r.Head()
		return r.Scan(kindSnapshot, 0, func(uint64, []byte) error {
			shown++
			return nil
		})
	})
	if err == nil && shown > 0 {
		err = syncline.Errorf(syncline.CodeConflict, "the catalog shows snapshots already; it takes a copy only while it is empty")
	}
	if err != nil {
		return err
	}
	// One goroutine is inside one transaction only, because both may take a connection
	// of the same few.
	group, ctx := errgroup.WithContext(ctx)
	copied := make(chan copiedValue, 64)
	var unsent error // known before the channel is closed
	group.Go(func() error {
		defer close(copied)
		unsent = other.box.View(ctx, func(r Reader) error { return other.sendAll(ctx, r, copied) })
		return unsent
	})
	group.Go(func() error {
		return c.box.Update(ctx, before, func(w Writer) error {
			if _, err := w.Renew(); err != nil {
				return err
			}
			return putAll(ctx, w, copied)
		})
	})
	if err := group.Wait(); !errors.Is(err, errCutShort) || unsent == nil {
		return err
	}
	return unsent
}

// errCutShort says that the values ended without the head.
var errCutShort = errors.New("the values ended without the head")

// copiedValue is a value on its way, or at the end the head.
type copiedValue struct {
	value
	head Head
}

// sendAll sends all values, each checked and in its frame, and the head.
func (c *Catalog) sendAll(ctx context.Context, r Reader, to chan<- copiedValue) error {
	m, err := c.meta(r)
	if err != nil {
		return err
	}
	send := func(v copiedValue) error {
		select {
		case to <- v:
			return nil
		case <-ctx.Done():
			return syncline.WrapError(syncline.CodeCanceled, ctx.Err(), "the operation was canceled")
		}
	}
	for kind := kindMeta + 1; kind < kindCount; kind++ {
		err := r.Scan(kind, 0, func(no uint64, framed []byte) error {
			payload, err := unframe(kind, no, framed)
			if err != nil {
				return err
			}
			full, err := isFull(kind, no, payload, m)
			if err != nil {
				return err
			}
			return send(copiedValue{value: value{kind, no, bytes.Clone(framed), full}})
		})
		if err != nil {
			return err
		}
	}
	return send(copiedValue{head: r.Head()})
}

// putAll puts values until the head comes. Without the head it fails.
func putAll(ctx context.Context, w Writer, from <-chan copiedValue) error {
	for v := range from {
		var err error
		switch {
		case v.head != "":
			return w.SetHead(v.head)
		case v.full:
			err = w.PutFinal(v.kind, v.no, v.payload)
		default:
			err = w.Put(v.kind, v.no, v.payload)
		}
		if err != nil {
			return err
		}
	}
	return syncline.WrapError(syncline.CodeCanceled, errors.Join(errCutShort, context.Cause(ctx)), "the copy of the catalog was cut short")
}

// isFull reports whether a block holds all of its items, as its writer did.
func isFull(kind Kind, no uint64, payload []byte, m meta) (bool, error) {
	items := m.Entries
	var block uint64
	switch kind {
	case kindName:
		items, block = m.Names, namesPerBlock
	case kindEntry, kindContent:
		block = entriesPerBlock
	case kindKey:
		block = keysPerBlock
	case kindScan:
		block = scanPerBlock
	case kindHash:
		items, block = m.Trees, hashesPerBlock
	case kindTree:
		t, err := decodeTrees(payload)
		if err != nil {
			return false, err
		}
		for i := range t.lists {
			if t.lists[i] == nil {
				return false, nil
			}
		}
		return true, nil
	default:
		return false, nil
	}
	return (no+1)*block <= uint64(items), nil
}
