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

// Tree is what an archive is made of. It is looked at again and again while an
// archive is written, in states of the catalog that may differ.
type Tree interface {
	View(ctx context.Context, fn func(*catalog.View) error) error
	// Root returns the tree's root in that state, or CodeNotFound.
	Root(v *catalog.View) (catalog.TreeRef, error)
}

// Options say what to write.
type Options struct {
	Format Format
	// Paths are absolute and name what to write: files, and folders with all
	// that is in them; none for the whole tree.
	Paths []string
	// FromRoot makes names in the archive begin at the tree's root. Without it
	// they begin below the deepest folder that holds all Paths.
	FromRoot bool
	// Exact keeps what a program needs that takes the archive apart as a restore
	// does: devices, set-user-ID and set-group-ID bits, the system's attributes,
	// and in a tar archive the names as they are. Without it these are left out
	// or changed, because nobody knows who unpacks the archive, and where.
	Exact bool
	// Time is that of the file with the notes.
	Time time.Time
	// Tell is called, one call at a time, with what is left out or has another
	// name in the archive. When it is nil the archive has a file with that.
	Tell func(path, what string)
}

// Archive is an archive that can be written.
type Archive struct {
	Options
	tree   Tree
	source *content.Source
	way    []pickedItem // to the folder at which names begin
	picked *picked      // in it
	limit  int64        // of entries
	lost   atomic.Int64 // folders that the repository has lost
}

// New finds out whether what is selected is there, and reads none of it. A path
// that is not there is CodeNotFound, and a folder that is selected and lost in the
// repository is catalog.ErrLost.
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

// Lost returns how many folders were met so far that the repository has lost: in
// the archive they are empty, with a note.
func (a *Archive) Lost() int64 { return a.lost.Load() }

// Name returns what a person would call the archive, without the extension: the
// name of the one thing that is in it, or else of the folder that holds all; ""
// for the root.
func (a *Archive) Name() string {
	switch {
	case !a.picked.all && len(a.picked.items) == 1:
		return a.picked.items[0].name
	case len(a.way) > 0:
		return a.way[len(a.way)-1].name
	}
	return ""
}

// held is how much is written before the first byte leaves: what is damaged or
// cannot be read up to there leaves no trace.
const held = 256 << 10

// Write writes the archive with the contents from source. An error means that
// what was written is not all, and it does not look as if it were.
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
