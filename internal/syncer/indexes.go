package syncer

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/resticrepo"
)

func isDamage(err error) bool {
	return errors.Is(err, resticrepo.ErrDamaged) || errors.Is(err, io.ErrUnexpectedEOF)
}

// indexReaders bounds the index files that are read and parsed at once. Each
// may take a few hundred megabytes.
const indexReaders = 2

// readIndexes lists the index files and reads the new ones. It plans the trees
// in these, and in the ones that are not finished. It reports whether there
// were any new ones.
func (r *run) readIndexes(ctx context.Context, round int) (changed bool, err error) {
	if r.indexes, err = r.Repository.Indexes(ctx); err != nil {
		return false, err
	}
	known, err := r.knownIndexes(ctx)
	if err != nil {
		return false, err
	}
	for n := 1; ; n++ {
		unread, size := r.unread(known)
		if round == 1 && n == 1 {
			r.progress.part(size, percentTrees)
		}
		if len(unread) == 0 {
			return changed, nil
		}
		changed = true
		r.log(syncline.LogInfo, "Reading %s (%s)", plural(len(unread), "index file", "index files"), formatBytes(size))
		missed, err := r.readUnread(ctx, unread)
		if err == nil && len(missed) > 0 {
			// They were replaced since the listing, or the listing or an answer
			// was wrong.
			missed, err = r.stillListed(ctx, missed)
		}
		if err != nil {
			return changed, err
		}
		for id := range missed {
			if delete(known, syncline.Hash(id)); n == maxListings {
				r.damagedIndex(id, "it is listed, but it is not there")
			}
		}
		if n == maxListings {
			return changed, nil
		}
	}
}

// stillListed lists the index files again and returns the missed ones that are
// still listed.
func (r *run) stillListed(ctx context.Context, missed map[resticrepo.ID]bool) (still map[resticrepo.ID]bool, err error) {
	if r.indexes, err = r.Repository.Indexes(ctx); err != nil {
		return nil, err
	}
	still = make(map[resticrepo.ID]bool)
	for _, f := range r.indexes {
		if missed[f.ID] {
			still[f.ID] = true
		}
	}
	for id := range missed {
		if !still[id] {
			r.log(syncline.LogInfo, "Index %s was replaced meanwhile", id.Short())
		}
	}
	return still, nil
}

// damagedIndex notes an index file that cannot be read, once.
func (r *run) damagedIndex(id resticrepo.ID, why any) {
	if !r.damagedIndexes[id] {
		r.stats.Damaged++
		r.log(syncline.LogError, "Index %s cannot be read: %v", id.Short(), why)
	}
	r.damagedIndexes[id] = true
}

// unread returns the listed index files that are not known, and their size.
// Afterwards they are known.
func (r *run) unread(known map[syncline.Hash]bool) (files []resticrepo.File, size int64) {
	for _, f := range r.indexes {
		if !known[syncline.Hash(f.ID)] {
			known[syncline.Hash(f.ID)] = true
			files = append(files, f)
			size += f.Size
		}
	}
	return files, size
}

// readUnread reads index files and returns the missing ones.
func (r *run) readUnread(ctx context.Context, unread []resticrepo.File) (missed map[resticrepo.ID]bool, err error) {
	missed = make(map[resticrepo.ID]bool)
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(indexReaders)
	for _, f := range unread {
		g.Go(func() error {
			packs, err := r.readIndex(gctx, f)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				r.plan.add(packs)
				r.stats.IndexesRead++
			case gone(err):
				missed[f.ID] = true
			case isDamage(err):
				r.damagedIndex(f.ID, err)
			default:
				return err
			}
			r.progress.add(f.Size)
			return nil
		})
	}
	return missed, g.Wait()
}

// knownIndexes returns the index files that were read before. It plans the
// unfinished ones again.
func (r *run) knownIndexes(ctx context.Context) (known map[syncline.Hash]bool, err error) {
	known = make(map[syncline.Hash]bool)
	err = r.Catalog.View(ctx, func(v *catalog.View) error {
		list, err := v.Indexes()
		if err != nil {
			return err
		}
		r.indexed = len(list)
		for _, x := range list {
			known[x.ID] = true
			if x.Done || !slices.ContainsFunc(r.indexes, func(f resticrepo.File) bool { return syncline.Hash(f.ID) == x.ID }) {
				continue
			}
			packs, err := v.Packs(x)
			if err != nil {
				return err
			}
			r.plan.add(packs)
		}
		return nil
	})
	return known, err
}

// planAgain adds the places of trees to the plan, also from finished index
// files.
func (r *run) planAgain(ctx context.Context, trees map[syncline.Hash]bool) error {
	return r.Catalog.View(ctx, func(v *catalog.View) error {
		list, err := v.Indexes()
		if err != nil {
			return err
		}
		for _, x := range list {
			packs, err := v.Packs(x)
			if err != nil {
				return err
			}
			for i := range packs {
				packs[i].Blobs = slices.DeleteFunc(packs[i].Blobs, func(b catalog.Blob) bool { return !trees[b.ID] })
			}
			r.plan.add(packs)
		}
		return nil
	})
}

// readIndex reads one index file. It starts writing its content to the catalog.
func (r *run) readIndex(ctx context.Context, f resticrepo.File) ([]catalog.Pack, error) {
	index, err := r.Repository.LoadIndex(ctx, f)
	if err != nil {
		return nil, err
	}
	packs := make([]catalog.Pack, len(index.Packs))
	for i := range index.Packs {
		p := &index.Packs[i]
		packs[i] = catalog.Pack{ID: syncline.Hash(p.ID), Blobs: make([]catalog.Blob, len(p.Blobs))}
		for j, b := range p.Blobs {
			packs[i].Blobs[j] = catalog.Blob{
				ID: syncline.Hash(b.ID), Tree: b.Type == resticrepo.Tree,
				Offset: b.Offset, Length: b.Length, Plain: b.UncompressedLength,
			}
		}
		slices.SortFunc(packs[i].Blobs, func(a, b catalog.Blob) int { return int(int64(a.Offset) - int64(b.Offset)) })
	}
	ctx = context.WithoutCancel(ctx) // finished even when the session stops
	r.keeping.Go(func() error { return r.Catalog.AddIndex(ctx, syncline.Hash(f.ID), packs) })
	return packs, nil
}
