package catalog

import (
	"context"

	"github.com/zeebo/xxh3"
)

// load reads what a Builder goes on from: the tables, and the last block of
// each kind, which is to be written anew.
func (b *Builder) load(ctx context.Context, r Reader) error {
	m, err := readMeta(r)
	if err != nil {
		return err
	}
	b.seed, b.trees.seed = m.Seed, m.Seed
	b.nNames, b.nEntry = m.Names, m.Entries
	b.w.meta = m
	for _, step := range []func(Reader, meta) error{
		b.loadTrees, b.loadKeys, b.loadNames, b.w.loadTails,
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(r, m); err != nil {
			return err
		}
	}
	return nil
}

func (b *Builder) loadTrees(r Reader, m meta) error {
	hashes, err := loadHashes(r, m)
	if err != nil {
		return err
	}
	for i := range hashes {
		if _, added := b.trees.add(&hashes[i]); !added {
			return damaged("tree %d is there twice", i)
		}
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
		return decodeKeys(payload, func(key uint64) {
			b.entries.put(key)
			b.w.keys = append(b.w.keys, key)
			no++
		})
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
	err := scan(r, kindName, 0, func(block uint64, payload []byte) error {
		if block != uint64(no/namesPerBlock) || no%namesPerBlock != 0 {
			return damaged("name block %d is missing", no/namesPerBlock)
		}
		nb, err := decodeNames(payload)
		if err != nil {
			return err
		}
		for i := range nb.ends {
			b.names.put(xxh3.HashSeed(nb.at(i), b.seed))
			no++
		}
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
