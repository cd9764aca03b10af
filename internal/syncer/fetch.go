package syncer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/resticrepo"
)

// keepTimeout bounds the last commit of a stopped session.
const keepTimeout = 4 * time.Second

// fetch reads the planned trees that the catalog lacks.
func (r *run) fetch(ctx context.Context) error {
	return r.fetchWanted(ctx, func(b *catalog.Builder, h syncline.Hash) bool {
		return !b.Has(h) && !b.Dropped(h)
	})
}

// fetchWanted reads the planned trees that wanted chooses. r.failed gets the
// trees that cannot be read. The trees that were read are kept, also after an
// error.
func (r *run) fetchWanted(ctx context.Context, wanted func(*catalog.Builder, syncline.Hash) bool) error {
	if len(r.plan.packs) == 0 {
		return nil
	}
	builder, err := r.Catalog.Build(ctx)
	if err != nil {
		return err
	}
	r.builder = builder
	defer func() {
		entries, trees := builder.Counts()
		r.stats.EntriesAdded += entries
		r.stats.TreesAdded += trees
		r.builder = nil
		builder.Close()
	}()
	todo := r.plan.pieces(r.MaxRead, func(h *syncline.Hash) bool { return wanted(builder, *h) }, builder.Reserve)
	r.plan = plan{} // a large repository has a large plan; reading frees it piece by piece
	r.stats.BytesPlanned += todo.size
	r.progress.part(todo.size, percentLast)
	if len(todo.pieces) == 0 {
		return nil
	}
	r.Reporter.Behind()
	r.log(syncline.LogInfo, "Fetching %s (%s) with %s", plural(todo.trees, "folder version", "folder versions"),
		formatBytes(todo.size), plural(len(todo.pieces), "read", "reads"))
	f := &fetcher{run: r, builder: builder, others: todo.others}
	err = f.all(ctx, todo.pieces)
	flushCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	if ctx.Err() == nil {
		flushCtx = ctx
	}
	return errors.Join(err, builder.Flush(flushCtx))
}

// revive fetches trees that were cleaned away and that a snapshot needs again.
// It reports whether there were any.
func (r *run) revive(ctx context.Context, gaps []catalog.Incomplete) (bool, error) {
	missing := make(map[syncline.Hash]bool)
	for _, g := range gaps {
		for _, h := range g.Missing {
			missing[h] = true
		}
	}
	if err := r.planAgain(ctx, missing); err != nil {
		return false, err
	}
	before := r.stats.TreesAdded
	err := r.fetchWanted(ctx, func(b *catalog.Builder, h syncline.Hash) bool {
		return missing[h] && b.Dropped(h) && r.failed[h] == ""
	})
	return r.stats.TreesAdded > before, err
}

// fetcher reads pieces with several workers.
type fetcher struct {
	*run
	builder *catalog.Builder
	others  map[syncline.Hash][]blobPlace

	mu  sync.Mutex // guards the run's reports, statistics and failed
	big sync.Mutex // held while a very large tree is decoded
}

func (f *fetcher) all(ctx context.Context, pieces []piece) error {
	work := make(chan piece)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(work)
		for i := range pieces {
			select {
			case work <- pieces[i]:
				pieces[i] = piece{}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range min(f.Streams, len(pieces)) {
		w := &worker{
			fetcher: f, decoder: f.Repository.NewDecoder(), adder: f.builder.NewAdder(),
			ahead: bufio.NewReaderSize(nil, readAhead),
		}
		g.Go(func() error {
			for p := range work {
				if err := w.piece(ctx, &p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// worker reads and decodes, with its own buffers.
type worker struct {
	*fetcher
	decoder *resticrepo.Decoder
	adder   *catalog.Adder
	ahead   *bufio.Reader // of the piece, since trees are small
	buf     []byte
	spans   []resticrepo.Span
	ranges  []catalog.Span
	node    resticrepo.Node
	tree    syncline.Hash
	skipped int
}

// readAhead is the number of bytes of a piece that are read at once.
const readAhead = 128 << 10

// bigTree is the decoded size from which trees are decoded one at a time, so
// that memory stays bounded. It is some 150,000 entries in one folder.
const bigTree = 64 << 20

// piece reads one piece, blob by blob as the bytes arrive.
func (w *worker) piece(ctx context.Context, p *piece) error {
	rd, err := w.Repository.OpenPack(ctx, resticrepo.ID(p.pack), p.offset(), p.length())
	if err != nil {
		return w.unread(ctx, p.pack, p.blobs, err)
	}
	defer rd.Close()
	w.ahead.Reset(rd)
	pos := p.offset()
	for i, b := range p.blobs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if gap := int64(b.Offset) - pos; gap > 0 {
			if _, err := w.ahead.Discard(int(gap)); err != nil {
				return w.unread(ctx, p.pack, p.blobs[i:], err)
			}
		}
		buf := w.buffer(int(b.Length))
		if _, err := io.ReadFull(w.ahead, buf); err != nil {
			return w.unread(ctx, p.pack, p.blobs[i:], err)
		}
		pos = int64(b.Offset) + int64(b.Length)
		if err := w.blob(ctx, p.pack, b, buf); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) buffer(n int) []byte {
	if cap(w.buf) < n || cap(w.buf) > 16<<20 && n < 1<<20 {
		w.buf = make([]byte, max(n, 256<<10))
	}
	return w.buf[:n]
}

// blob decodes one tree blob and adds it. It notes damage. Its errors are those
// of the catalog and the context.
func (w *worker) blob(ctx context.Context, pack syncline.Hash, b catalog.Blob, stored []byte) error {
	if max(b.Plain, b.Length) > bigTree {
		w.big.Lock()
		defer w.big.Unlock()
		defer func() { w.decoder, w.spans, w.ranges = w.Repository.NewDecoder(), nil, nil }()
	}
	raw, err := w.decoder.Blob(repoBlob(b), resticrepo.ID(pack), stored)
	if isDamage(err) {
		// The bytes may have changed on the way.
		raw, err = w.Repository.LoadBlob(ctx, resticrepo.ID(pack), repoBlob(b))
	}
	if err == nil {
		err = w.add(b.ID, raw)
	}
	switch {
	case err == nil:
		w.count(b)
		return nil
	case isDamage(err) || gone(err):
		return w.elsewhere(ctx, pack, b, err)
	}
	return err
}

func repoBlob(b catalog.Blob) resticrepo.Blob {
	return resticrepo.Blob{
		ID: resticrepo.ID(b.ID), Type: resticrepo.Tree,
		Offset: b.Offset, Length: b.Length, UncompressedLength: b.Plain,
	}
}

// elsewhere tries the other copies of a tree that could not be read from pack.
func (w *worker) elsewhere(ctx context.Context, pack syncline.Hash, b catalog.Blob, cause error) error {
	w.damagedCopy(pack, b.ID, "Tree %s cannot be read from pack %s: %v", b.ID.Short(), pack.Short(), cause)
	return w.copies(ctx, b, fmt.Sprintf("damaged in pack %s", pack.Short()))
}

// copies reads a tree from another place, or notes why there is none.
func (w *worker) copies(ctx context.Context, b catalog.Blob, why string) error {
	for _, o := range w.others[b.ID] {
		raw, err := w.Repository.LoadBlob(ctx, resticrepo.ID(o.pack), repoBlob(o.blob))
		if err == nil {
			err = w.add(b.ID, raw)
		}
		if err == nil {
			w.count(b)
			return nil
		}
		if errors.Is(err, syncline.ErrArchived) {
			continue // its own piece, or the first copy, reports it
		}
		if !isDamage(err) && !gone(err) {
			return err
		}
		w.damagedCopy(o.pack, b.ID, "Tree %s cannot be read from pack %s either: %v", b.ID.Short(), o.pack.Short(), err)
	}
	w.mu.Lock()
	w.failed[b.ID] = why
	w.mu.Unlock()
	w.count(b)
	return nil
}

// archive notes a pack in an archive class, once, and reads its trees from
// other places.
func (w *worker) archive(ctx context.Context, pack syncline.Hash, blobs []catalog.Blob, err error) error {
	w.mu.Lock()
	w.archived++
	if w.archived <= maxDamageLogged {
		w.log(syncline.LogError, "%s", syncline.MessageOf(err))
	}
	w.mu.Unlock()
	for _, b := range blobs {
		if err := w.copies(ctx, b, fmt.Sprintf("pack %s lies in an archive class", pack.Short())); err != nil {
			return err
		}
	}
	return nil
}

// unread handles blobs that could not be read. It notes missing and archived
// ones. Any other error ends the session.
func (w *worker) unread(ctx context.Context, pack syncline.Hash, blobs []catalog.Blob, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, syncline.ErrArchived) {
		return w.archive(ctx, pack, blobs, err)
	}
	if !gone(err) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	for _, b := range blobs {
		if err := w.elsewhere(ctx, pack, b, err); err != nil {
			return err
		}
	}
	return nil
}

// add adds a decoded tree to the catalog.
func (w *worker) add(id syncline.Hash, raw []byte) error {
	w.tree, w.skipped = id, 0
	var err error
	if w.spans, err = resticrepo.SplitTree(raw, w.spans[:0]); err == nil {
		err = w.adder.Add(id, raw, w.catalogSpans(), w.parse)
	}
	if err != nil && errors.Is(err, resticrepo.ErrDamaged) {
		// The tree may have a form that the fast split does not know.
		if w.spans, err = resticrepo.SplitTreeSlow(raw, w.spans[:0]); err == nil {
			err = w.adder.Add(id, raw, w.catalogSpans(), w.parse)
		}
	}
	return err
}

func (w *worker) catalogSpans() []catalog.Span {
	w.ranges = w.ranges[:0]
	for _, s := range w.spans {
		w.ranges = append(w.ranges, catalog.Span(s))
	}
	return w.ranges
}

// parse decodes an entry that the catalog has not seen.
func (w *worker) parse(raw []byte, e *syncline.Entry) (keep bool, err error) {
	err = resticrepo.ParseNode(raw, &w.node)
	if errors.Is(err, resticrepo.ErrInvalidName) {
		w.damage("Tree %s has an entry named %.100q, which no file can have; it is left out", w.tree.Short(), w.node.Name)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	domainEntry(&w.node, e)
	return true, nil
}

// domainEntry copies the fields of a node. It shares the strings.
func domainEntry(n *resticrepo.Node, e *syncline.Entry) {
	*e = syncline.Entry{
		Name: n.Name, Type: syncline.EntryType(n.Type), Mode: n.Mode,
		ModTime: n.ModTime, AccessTime: n.AccessTime, ChangeTime: n.ChangeTime,
		UID: n.UID, GID: n.GID, User: n.User, Group: n.Group,
		Inode: n.Inode, DeviceID: n.DeviceID, Size: n.Size, Links: n.Links,
		LinkTarget: n.LinkTarget, Device: n.Device, Subtree: syncline.Hash(n.Subtree), Error: n.Error,
	}
	if len(n.Content) > 0 {
		e.Content = make([]syncline.Hash, len(n.Content))
		for i := range n.Content {
			e.Content[i] = syncline.Hash(n.Content[i])
		}
	}
	for _, a := range n.ExtendedAttributes {
		e.ExtendedAttributes = append(e.ExtendedAttributes, syncline.ExtendedAttribute(a))
	}
	for _, a := range n.GenericAttributes {
		e.GenericAttributes = append(e.GenericAttributes, syncline.GenericAttribute{Name: a.Name, Value: a.Value})
	}
}

// count counts a blob as done.
func (w *worker) count(b catalog.Blob) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress.add(int64(b.Length))
}

// treeCopy is a tree in a pack.
type treeCopy struct{ pack, tree syncline.Hash }

// damagedCopy notes a copy of a tree that cannot be read, once in the session.
func (w *worker) damagedCopy(pack, tree syncline.Hash, format string, args ...any) {
	w.mu.Lock()
	known := w.unreadable[treeCopy{pack, tree}]
	w.unreadable[treeCopy{pack, tree}] = true
	w.mu.Unlock()
	if !known {
		w.damage(format, args...)
	}
}

// damage notes one damaged object.
func (w *worker) damage(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stats.Damaged++
	if w.stats.Damaged <= maxDamageLogged {
		w.log(syncline.LogError, format, args...)
	} else if w.stats.Damaged == maxDamageLogged+1 {
		w.log(syncline.LogError, "More objects are damaged or missing; only their number is kept from here on")
	}
}

// maxDamageLogged bounds the items of damage in a session's log.
const maxDamageLogged = 200
