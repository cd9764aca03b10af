package restore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"strings"

	"syncline.dev/syncline"
)

// Item is one item of a Stream: the entry at a path, or the reason why there is
// none.
type Item struct {
	Path  string // from the target, without a slash in front
	Entry *syncline.Entry
	First string // Path of an earlier item of which this is a further name; "" for none
	Size  int64  // of the content
	Err   error  // why the item is missing or wrong; then there is no Entry

	Note   Note // a note about the item at Path, with Detail; then there is no Entry
	Detail string
}

// Stream returns items one by one, each folder before its items.
type Stream interface {
	// Next returns the next item, or io.EOF after the last one.
	Next() (*Item, error)
	// Read reads the content of the last item.
	io.Reader
	// Open returns a file's content again. It serves a file that was not
	// selected under its first name, but is under a further one.
	Open(ctx context.Context, path string) (content io.ReadCloser, size int64, err error)
}

// unpacking restores the items of a Stream. Names in it are not trusted: each
// folder is opened from the one above it, and no link is followed.
type unpacking struct {
	*run
	stream Stream
	first  *Selector         // for first names of files, which lie elsewhere
	way    []*folder         // from below the target to the folder of the last item
	seen   []map[string]bool // names in the target, and in each folder of the way
	skip   string            // prefix of the items below a folder that is left out
	failed map[string]bool   // files that failed
	stand  map[string]string // by a first name that is not selected: the name that has its content
	buf    []byte
	there  []byte
}

// Unpack restores the items of a Stream into the folder target, as Run does. It
// compares selected items with the existing ones and writes the differences. An
// error means that it ended early. Another run starts again and writes what is
// not right yet. TotalFiles and TotalBytes count the items that have come so far.
func Unpack(ctx context.Context, s Stream, target string, o Options) (Result, error) {
	h, err := openBelow(target, o.Within, false)
	if err != nil {
		return Result{}, targetError(err)
	}
	defer h.close()
	u := &unpacking{
		run:    &run{Options: o, ctx: ctx, handles: newHandles(), choose: o.Filter.Selector(), target: &folder{made: true, h: h, users: 1}},
		stream: s, seen: []map[string]bool{{}}, failed: make(map[string]bool), stand: make(map[string]string),
		first: o.Filter.Selector(), buf: make([]byte, 64<<10), there: make([]byte, 64<<10),
	}
	u.setAttributes()
	defer u.handles.close()
	defer u.leaveRooms()
	err = u.all()
	return u.result, err
}

func (u *unpacking) all() error {
	for {
		if err := u.ctx.Err(); err != nil {
			return err
		}
		x, err := u.stream.Next()
		if errors.Is(err, io.EOF) {
			return u.leave(0)
		}
		if err == nil {
			err = u.item(x)
		}
		if err != nil {
			return err
		}
		u.tell()
	}
}

// item restores one item.
func (u *unpacking) item(x *Item) error {
	path := "/" + x.Path
	names := strings.Split(x.Path, "/")
	selected, below, err := u.choose.Select(u.ctx, path)
	switch {
	case err != nil:
		return err
	case u.skip != "" && strings.HasPrefix(x.Path, u.skip):
		return nil
	case x.Note != "":
		if selected {
			u.noted(path, x.Note, x.Detail)
		}
		return nil
	case x.Err != nil:
		if selected {
			u.run.failed(path, x.Err)
		}
		return nil
	case !allValid(names):
		u.run.failed(path, syncline.Errorf(syncline.CodeDamaged, "no file can have this name; it is left out"))
		return nil
	case len(names) > maxDepth:
		u.run.failed(path, syncline.Errorf(syncline.CodeTooLarge, "folders are nested more than %d deep; what is below is left out", maxDepth))
		return nil
	}
	last := len(names) - 1
	if err := u.enter(names[:last]); err != nil {
		return err
	}
	x.Entry.Name = names[last]
	if u.Owner != nil {
		u.Owner(x.Entry)
	}
	dir, seen := u.dir(), u.seen[last]
	if key := nameKey(names[last]); seen[key] {
		u.skip = x.Path + "/"
		u.run.failed(path, syncline.Errorf(syncline.CodeDamaged, "the folder has this name twice; the second is left out"))
		return nil
	} else if x.Entry.Type != syncline.TypeSocket {
		seen[key] = true
	}
	return u.place(x, dir, selected, below)
}

// place restores an item in its folder.
func (u *unpacking) place(x *Item, dir *folder, selected, below bool) error {
	path := dir.path + "/" + x.Entry.Name
	switch e := x.Entry; {
	case e.IsDir():
		return u.folder(&folder{parent: dir, name: e.Name, path: path, entry: e, depth: dir.depth + 1}, selected, below)
	case !selected:
		return nil
	case e.Type == syncline.TypeSocket:
		u.count(func(r *Result) { r.Skipped++ }) // nobody can listen to a restored socket
		return nil
	case !u.plain(path, e):
		return nil
	case !u.make(dir):
		return u.fail(x, dir.failed)
	case e.Type == syncline.TypeFile && x.First == "":
		return u.file(x, dir, u.stream, x.Size)
	case e.Type == syncline.TypeFile:
		return u.further(x, dir)
	case e.Type == "":
		return u.fail(x, syncline.Errorf(syncline.CodeUnsupported, "it is of a type that cannot be restored"))
	default:
		return u.fail(x, u.special(dir, e))
	}
}

func allValid(names []string) bool {
	for _, name := range names {
		if !validName(name) {
			return false
		}
	}
	return true
}

// fail reports an item's error. It returns an error that ends the run.
func (u *unpacking) fail(x *Item, err error) error {
	if err != nil {
		u.failed[x.Path] = true
	}
	return u.settle("/"+x.Path, err)
}

// dir is the last folder of the way.
func (u *unpacking) dir() *folder {
	if len(u.way) == 0 {
		return u.target
	}
	return u.way[len(u.way)-1]
}

func (u *unpacking) push(f *folder) {
	u.way, u.seen = append(u.way, f), append(u.seen, map[string]bool{})
}

// enter makes the way lead to a folder. It finishes the folders that the way
// leaves.
func (u *unpacking) enter(names []string) error {
	same := 0
	for same < min(len(names), len(u.way)) && u.way[same].name == names[same] {
		same++
	}
	if err := u.leave(same); err != nil {
		return err
	}
	for _, name := range names[same:] {
		dir := u.dir()
		u.push(&folder{parent: dir, name: name, path: dir.path + "/" + name, depth: dir.depth + 1})
	}
	return nil
}

// leave shortens the way. A folder gets its metadata after its last item.
func (u *unpacking) leave(length int) error {
	for len(u.way) > length {
		f := u.dir()
		u.way, u.seen = u.way[:len(u.way)-1], u.seen[:len(u.seen)-1]
		u.leaveRoom(f)
		if !f.made || f.entry == nil {
			continue
		}
		u.plain(f.path, f.entry)
		err := u.handles.in(f, func(h *handle) error { return h.apply(f.entry, f.fresh, u.Attributes) })
		if err == nil {
			u.count(func(r *Result) { r.Folders++ })
		}
		if err := u.settle(f.path, err); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacking) folder(f *folder, selected, below bool) error {
	if !selected && !below {
		return nil
	}
	u.push(f)
	if selected && !u.make(f) {
		return u.settle(f.path, f.failed)
	}
	return nil
}

// file restores a file from its content, of size bytes.
func (u *unpacking) file(x *Item, dir *folder, content io.Reader, size int64) error {
	t := &task{dir: dir, path: "/" + x.Path, entry: x.Entry, size: size, fresh: true}
	u.count(func(r *Result) { r.TotalFiles++; r.TotalBytes += size })
	right, err := u.begin(t)
	if err != nil {
		u.failed[x.Path] = true
		return u.abandon(t, err)
	}
	if right {
		return nil
	}
	sum := sha256.New()
	local, err := u.write(t, content, sum)
	if err != nil {
		return errors.Join(err, u.shutAll([]*task{t}))
	}
	if local == nil {
		local = u.finish(t)
	}
	if local == nil && u.Verify {
		local = u.readBack(t, sum)
	}
	if local == nil {
		return nil
	}
	u.failed[x.Path] = true
	return u.abandon(t, local)
}

// begin opens the file. right reports whether the file is right as it is.
func (u *unpacking) begin(t *task) (right bool, err error) {
	err = u.handles.in(t.dir, func(h *handle) error {
		there, err := h.stat(t.entry.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case u.keeps(there, t.entry):
			right = true
			u.count(func(r *Result) { r.Skipped++; r.Done += t.size })
			return nil
		case !there.mode.IsRegular() || there.links > 1: // its other names are made again in their turn
			if err := u.clear(h, t.entry.Name, t.path, there); err != nil {
				return err
			}
		default:
			f, opened, err := h.openExisting(t.entry.Name, true)
			if err == nil && (u.replaces(h, opened, t.entry) || opened.links > 1) {
				err = errors.Join(errReplaced, f.close())
			}
			if err != nil {
				// It may be a running program, or a file that only others may
				// write.
				if err := u.clear(h, t.entry.Name, t.path, there); err != nil {
					return err
				}
				break
			}
			there, t.f = opened, f
			u.open.Add(1)
			t.fresh, t.created, t.id = false, true, there.id
			right = u.Overwrite == syncline.OverwriteIfChanged && looksRight(there, t)
			if right {
				u.count(func(r *Result) { r.Unchanged++; r.Done += t.size })
				return u.finish(t)
			}
			if there.size != t.size {
				t.left = 1
				return t.f.truncate(t.size)
			}
			return nil
		}
		if t.size > 0 {
			t.left = 2 // more than one write
		}
		return u.openFile(h, t)
	})
	return right, err
}

// write writes the bytes that differ. broken is an error of the content, local
// one of the file.
func (u *unpacking) write(t *task, content io.Reader, sum hash.Hash) (local, broken error) {
	changed := t.left > 0
	for at := int64(0); at < t.size; {
		b := u.buf[:min(int64(len(u.buf)), t.size-at)]
		if _, err := io.ReadFull(content, b); err != nil {
			t.left = max(t.left, 1)
			return nil, err
		}
		if err := u.ctx.Err(); err != nil {
			return nil, err
		}
		_, _ = sum.Write(b)
		if u.has(t, b, at) {
			u.count(func(r *Result) { r.Done += int64(len(b)) })
		} else {
			changed = true
			if err := errors.Join(u.put(t, b, at), u.wrote(t.f, int64(len(b)))); err != nil {
				return err, nil
			}
		}
		at += int64(len(b))
	}
	t.left = 0
	if !changed && !t.fresh {
		u.count(func(r *Result) { r.Unchanged++ })
	}
	return nil, nil
}

// has reports whether the existing file has these bytes.
func (u *unpacking) has(t *task, b []byte, at int64) bool {
	if t.fresh {
		return false
	}
	there := u.there[:len(b)]
	_, err := t.f.ReadAt(there, at)
	return err == nil && bytes.Equal(there, b)
}

// readBack compares the file with the received content.
func (u *unpacking) readBack(t *task, want hash.Hash) error {
	return u.handles.in(t.dir, func(h *handle) error {
		f, _, err := h.openExisting(t.entry.Name, false)
		if err != nil {
			return err
		}
		got := sha256.New()
		n, err := io.CopyBuffer(struct{ io.Writer }{got}, u.stoppable(io.NewSectionReader(f, 0, t.size+1)), u.buf)
		if err == nil && (n != t.size || !bytes.Equal(got.Sum(nil), want.Sum(nil))) {
			err = syncline.Errorf(syncline.CodeDamaged, "it was written, but reads back differently; check the disk")
		}
		return errors.Join(err, f.close())
	})
}

// stoppable returns a reader that fails when the run is to end.
func (u *unpacking) stoppable(r io.Reader) io.Reader {
	return readerFunc(func(b []byte) (int, error) {
		if err := u.ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(b)
	})
}

type readerFunc func([]byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// further restores a further name of an earlier file.
func (u *unpacking) further(x *Item, dir *folder) error {
	first := x.First
	selected, _, err := u.first.Select(u.ctx, "/"+first)
	if err != nil {
		return err
	}
	if !selected {
		var ok bool
		if first, ok = u.stand[x.First]; !ok {
			u.stand[x.First] = x.Path
			return u.again(x, dir)
		}
	}
	names := strings.Split(first, "/")
	if !allValid(names) || u.failed[first] {
		return u.fail(x, syncline.Errorf(syncline.CodeDamaged, "it is another name of %s, which could not be restored", "/"+first))
	}
	from := u.target
	for _, name := range names[:len(names)-1] {
		from = &folder{parent: from, name: name}
	}
	name := names[len(names)-1]
	var there info
	err = u.handles.in(from, func(h *handle) (err error) {
		if there, err = h.stat(name); err == nil && !there.mode.IsRegular() {
			err = fs.ErrNotExist
		}
		return err
	})
	switch {
	case err != nil:
		return u.fail(x, err)
	case !there.mtime.Equal(x.Entry.ModTime) || !there.isOwn(x.Entry):
		return u.again(x, dir) // the earlier file was kept, or is another one by now
	}
	x.Entry.Size = uint64(there.size)
	u.count(func(r *Result) { r.TotalFiles++; r.TotalBytes += there.size })
	return u.fail(x, u.link(&task{
		dir: dir, path: "/" + x.Path, entry: x.Entry,
		first: &task{dir: from, path: "/" + first, entry: &syncline.Entry{Name: name}, id: there.id},
	}))
}

// again restores a file that was skipped under a name that is not selected.
func (u *unpacking) again(x *Item, dir *folder) error {
	content, size, err := u.stream.Open(u.ctx, x.First)
	if err != nil {
		return u.fail(x, err)
	}
	return errors.Join(u.file(x, dir, content, size), content.Close())
}
