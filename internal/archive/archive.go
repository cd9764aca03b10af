package archive

import (
	"bufio"
	"context"
	"io"
	"sync/atomic"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
)

// Tree is the source of an archive. Writing an archive looks at it many times,
// in states of the catalog that may differ.
type Tree interface {
	View(ctx context.Context, fn func(*catalog.View) error) error
	// Root returns the tree's root in that state, or CodeNotFound.
	Root(v *catalog.View) (catalog.TreeRef, error)
}

// Options say how to make an archive.
type Options struct {
	Format Format
	// Paths are absolute paths of files and of folders with everything below
	// them. None select the whole tree.
	Paths []string
	// FromRoot makes names in the archive begin at the tree's root. Otherwise
	// they begin below the deepest folder that holds all Paths.
	FromRoot bool
	// Exact keeps everything that a program needs for a restore: devices,
	// set-user-ID and set-group-ID bits, the system's attributes, and in a tar
	// archive the original names. Without it the archive leaves these out or
	// changes them, because nobody knows who unpacks it, and where.
	Exact bool
	// Time is the time of the file with the notes.
	Time time.Time
	// Tell is called, one call at a time, with each item that is left out or
	// has another name in the archive. If it is nil, a file in the archive
	// lists them.
	Tell func(path, what string)
}

// Archive is an archive that can be written.
type Archive struct {
	Options
	tree   Tree
	source *content.Source
	way    []pickedItem // to the folder at which names begin
	picked *picked      // selection in that folder
	limit  int64        // bound on the number of entries
	lost   atomic.Int64 // folders that the repository has lost
}

// New checks that the selected paths exist. It reads no content. A missing path
// is CodeNotFound, and a selected folder that the repository has lost is
// catalog.ErrLost.
func New(ctx context.Context, tree Tree, o Options) (*Archive, error) {
	a := &Archive{Options: o, tree: tree, limit: rulesOf(o.Format, o.Exact).items}
	err := tree.View(ctx, func(v *catalog.View) error {
		root, err := tree.Root(v)
		if err == nil {
			err = v.Readable(root)
		}
		if err == nil {
			a.picked, err = pick(v, root, "", parseWish(o.Paths))
		}
		return err
	})
	if err == nil && !o.FromRoot {
		a.way, a.picked = a.picked.base()
	}
	return a, err
}

// Lost returns the number of lost folders so far. In the archive they are empty
// and have a note.
func (a *Archive) Lost() int64 { return a.lost.Load() }

// Name returns a name of the archive for people, without the extension: the
// name of its single item, or of the folder that holds all items, or "" for the
// root.
func (a *Archive) Name() string {
	switch {
	case !a.picked.all && len(a.picked.items) == 1:
		return a.picked.items[0].name
	case len(a.way) > 0:
		return a.way[len(a.way)-1].name
	}
	return ""
}

// held is the number of bytes that are held back. A failure within them leaves
// no trace.
const held = 256 << 10

// Write writes the archive with the contents from source. After an error the
// output is not complete and does not look complete.
func (a *Archive) Write(ctx context.Context, w io.Writer, source *content.Source) error {
	ctx, cancel := context.WithCancel(ctx)
	a.source = source
	rules := rulesOf(a.Format, a.Exact)
	out := bufio.NewWriterSize(w, held)
	enc, err := newEncoder(a.Format, out)
	if err != nil {
		cancel()
		return err
	}
	notes := &notes{told: a.Tell, key: rules.key}
	walk := &walk{a: a, rules: rules, notes: notes, links: make(map[linkKey]string)}
	batches := make(chan *batch, 1)
	st := source.StreamAll(ctx, func(yield func([]syncline.Hash) bool) {
		defer close(batches)
		for {
			b := walk.more(ctx)
			select {
			case batches <- b:
			case <-ctx.Done():
				return
			}
			if len(b.ids) > 0 && !yield(b.ids) || b.last || b.err != nil {
				return
			}
		}
	})
	defer st.Close()
	defer cancel()
	if err := writeAll(ctx, enc, batches, st); err != nil {
		return err
	}
	if name, text := notes.file(); name != "" {
		if err := writeNotes(enc, name, text, a.Time); err != nil {
			return err
		}
	}
	if err := enc.close(); err != nil {
		return err
	}
	return out.Flush()
}

func writeAll(ctx context.Context, enc encoder, batches <-chan *batch, st *content.Stream) error {
	for b := range batches {
		for i := range b.items {
			if err := writeItem(enc, &b.items[i], st); err != nil {
				return err
			}
			b.items[i] = item{}
		}
		if b.err != nil || b.last {
			return b.err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return syncline.Errorf(syncline.CodeInternal, "the archive ended early")
}

func writeItem(enc encoder, x *item, st *content.Stream) error {
	if err := enc.begin(x); err != nil {
		return err
	}
	if x.entry.Type != syncline.TypeFile || x.first != "" {
		return nil
	}
	for range x.entry.Content {
		data, err := st.Next()
		if err != nil {
			return err
		}
		if _, err := enc.Write(data); err != nil {
			return err
		}
	}
	return nil
}

func writeNotes(enc encoder, name, text string, at time.Time) error {
	e := &syncline.Entry{Name: name, Type: syncline.TypeFile, Mode: 0o644, ModTime: at}
	if err := enc.begin(&item{entry: e, name: name, size: int64(len(text)), notes: true}); err != nil {
		return err
	}
	_, err := io.WriteString(enc, text)
	return err
}
