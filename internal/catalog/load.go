package catalog

import (
	"context"

	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"
)

// load reads what a Builder goes on from: the tables, and the last block of
// each kind, which is to be written anew. The parts are read beside one
// another, since a session with little to fetch waits for them; building is
// held, so all of them see the same state.
func (b *Builder) load(ctx context.Context) error {
	var m meta
	err := b.c.box.View(ctx, func(r Reader) (err error) {
		m, err = readMeta(r)
		return err
	})
	if err != nil {
		return err
	}
	b.seed, b.trees.seed = m.Seed, m.Seed
	b.nNames, b.nEntry = m.Names, m.Entries
	b.w.meta = m
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range []func(Reader, meta) error{
		b.loadNames, b.loadKeys, b.loadTrees, b.w.loadTails,
	} {
		group.Go(func() error {
			return b.c.box.View(ctx, func(r Reader) error { return part(r, m) })
		})
	}
	return group.Wait()
}

func (b *Builder) loadTrees(r Reader, m meta) error {
	hashes, err := loadHashes(r, m)
	if err != nil {
		return err
	}
	if twice := b.trees.load(hashes); twice >= 0 {
		return damaged("tree %d is there twice", twice)
	}
	b.states, err = loadStates(r, m)
	b.w.states = append([]state(nil), b.states...)
	b.w.savedHashes = len(hashes)
	return err
}

func (b *Builder) loadKeys(r Reader, m meta) error {
	b.entries.reserve(int(m.Entries))
	no := uint32(0)
	err := scan(r, kindKey, 0, func(block uint64, payload []byte) error {
		if block != uint64(no/keysPerBlock) {
			return damaged("key block %d is missing", no/keysPerBlock)
		}
		b.w.keys = b.w.keys[:0]
		err := decodeKeys(payload, func(key uint64) { b.w.keys = append(b.w.keys, key) })
		b.entries.putAll(b.w.keys)
		no += uint32(len(b.w.keys))
		return err
	})
	if err == nil && no != m.Entries {
		err = damaged("there are %d entry keys and %d entries", no, m.Entries)
	}
	if no%keysPerBlock == 0 {
		b.w.keys = b.w.keys[:0]
	}
	return err
}

func (b *Builder) loadNames(r Reader, m meta) error {
	b.names.reserve(int(m.Names))
	no := uint32(0)
	var last *nameBlock
	keys := make([]uint64, 0, namesPerBlock)
	err := scan(r, kindName, 0, func(block uint64, payload []byte) error {
		if block != uint64(no/namesPerBlock) || no%namesPerBlock != 0 {
			return damaged("name block %d is missing", no/namesPerBlock)
		}
		nb, err := decodeNames(payload)
		if err != nil {
			return err
		}
		keys = keys[:0]
		for i := range nb.ends {
			keys = append(keys, xxh3.HashSeed(nb.at(i), b.seed))
		}
		b.names.putAll(keys)
		no += uint32(len(keys))
		last = nb
		return nil
	})
	if err == nil && no != m.Names {
		err = damaged("there are %d names instead of %d", no, m.Names)
	}
	if err == nil && no%namesPerBlock != 0 {
		for i := range last.ends {
			b.w.names = append(b.w.names, string(last.at(i)))
		}
	}
	return err
}
