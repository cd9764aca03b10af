package catalog

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"syncline.dev/syncline"
)

// List calls fn with everything below a tree, in the order of Walk, in parts that another
// goroutine may read. It reads names and folders only; with entries, the parts also have
// the blocks that their other fields are in, which the reader of a part decodes. When it
// fails, fn has had all that comes before the failure.
func (v *View) List(ctx context.Context, root TreeRef, entries bool, fn func(*Part) error) error {
	l := lister{v: v, entries: entries, give: fn, kept: newRowCache()}
	l.begin(0, 0)
	return cmp.Or(l.walk(ctx, root), l.flush())
}

// A part ends after so many entries, or bytes of paths.
const (
	partEntries = 2048
	partBytes   = 1 << 20
)

// lister lists a tree in parts.
type lister struct {
	v       *View
	entries bool
	give    func(*Part) error

	stack []listStep
	path  []byte // of the folder that the last entry is in, and its name

	part  *Part
	text  strings.Builder // of the part
	bytes int             // of the part's paths

	// The blocks of names that were read last, each at the place that its number gives.
	names [256]struct {
		no uint64
		b  *nameBlock
	}
	kept *rowCache
	last *sharedRows // the block of the last entry
}

// listStep is a folder whose entries are being listed.
type listStep struct {
	runs []run  // of the catalog's cache; nobody changes them
	next int    // the run that comes next
	done uint32 // entries of it that are listed
	path int    // length of the folder's path

	// The block that the next entry is in, and the directories of it that come next.
	// It is nil where the next entry is in another one.
	scan *scanBlock
	dirs []dirEdge
}

func (l *lister) walk(ctx context.Context, root TreeRef) error {
	err := l.enter(root.no)
	for err == nil && len(l.stack) > 0 {
		if err = ctx.Err(); err == nil {
			err = l.step()
		}
	}
	return err
}

// enter begins the folder whose path is l.path.
func (l *lister) enter(tree uint32) error {
	runs, err := l.v.runs(tree)
	if err == nil {
		l.stack = append(l.stack, listStep{runs: runs, path: len(l.path)})
	}
	return err
}

// step lists the entries up to the next folder, and begins that folder.
func (l *lister) step() error {
	at := &l.stack[len(l.stack)-1]
	if at.next == len(at.runs) {
		l.stack = l.stack[:len(l.stack)-1]
		return nil
	}
	l.path = l.path[:at.path]
	r := at.runs[at.next]
	first := r.start + at.done
	from := first % scanPerBlock
	end := min(from+r.count-at.done, scanPerBlock)
	if err := l.look(at, first, end); err != nil {
		return err
	}
	folder := len(at.dirs) > 0 && at.dirs[0].entry < end
	var tree uint32
	var lost bool
	if folder {
		end, tree = at.dirs[0].entry+1, at.dirs[0].tree
		at.dirs = at.dirs[1:]
		var err error
		if lost, err = l.v.isLost(tree); err != nil {
			return err
		}
	}
	names := at.scan.names[from:end]
	if at.done += end - from; at.done == r.count {
		at.next, at.done = at.next+1, 0
		at.scan = nil
	} else if end == scanPerBlock {
		at.scan = nil
	}
	if err := l.add(first, names, lost); err != nil || !folder || lost {
		return err
	}
	return l.enter(tree)
}

// look makes sure that the step has the block of the entry first, up to before end in it.
func (l *lister) look(at *listStep, first, end uint32) (err error) {
	if at.scan != nil {
		return nil
	}
	if at.scan, err = l.v.scanned(uint64(first/scanPerBlock), int(end)); err != nil {
		return err
	}
	i, _ := slices.BinarySearchFunc(at.scan.dirs, first%scanPerBlock, func(d dirEdge, at uint32) int { return cmp.Compare(d.entry, at) })
	at.dirs = at.scan.dirs[i:]
	return nil
}

// add adds consecutive entries of the folder whose path is l.path, to which it adds the
// name of the last one. lost is about the last one.
func (l *lister) add(first uint32, names []uint32, lost bool) error {
	folder := len(l.path)
	for i, no := range names {
		if at := first + uint32(i); i == 0 || len(l.part.ends) == 0 || l.entries && at%entriesPerBlock == 0 {
			if err := l.addRun(at, folder); err != nil {
				return err
			}
		}
		name, err := l.name(no)
		if err != nil {
			return err
		}
		if folder+1+len(name) > maxPath {
			return syncline.Errorf(syncline.CodeTooLarge, "a path is longer than %d bytes; ask for a folder further down", maxPath)
		}
		l.text.Write(name)
		l.part.ends = append(l.part.ends, uint32(l.text.Len())) //nolint:gosec // at most two paths more than partBytes
		l.part.runs[len(l.part.runs)-1].count++
		l.bytes += folder + 1 + len(name)
		if i == len(names)-1 {
			l.path = append(append(l.path, '/'), name...)
			if lost {
				l.part.runs[len(l.part.runs)-1].lost = true
				l.part.Lost = append(l.part.Lost, string(l.path))
			}
		}
		if len(l.part.ends) >= partEntries || l.bytes >= partBytes {
			if err := l.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// addRun begins a run with the entry no.
func (l *lister) addRun(no uint32, folder int) (err error) {
	r := partRun{folder: l.text.Len(), first: len(l.part.ends), row: int(no % entriesPerBlock)}
	l.text.Write(l.path[:folder])
	r.names = l.text.Len()
	if l.entries {
		r.rows, err = l.rowsOf(uint64(no / entriesPerBlock))
	}
	l.part.runs = append(l.part.runs, r)
	return err
}

func (l *lister) name(no uint32) ([]byte, error) {
	block, i := uint64(no/namesPerBlock), int(no%namesPerBlock)
	held := &l.names[block%uint64(len(l.names))]
	if held.b == nil || held.no != block || i >= len(held.b.ends) {
		b, err := l.v.names(block, i)
		if err != nil {
			return nil, err
		}
		held.no, held.b = block, b
	}
	return held.b.at(i), nil
}

func (l *lister) rowsOf(no uint64) (*sharedRows, error) {
	if l.last != nil && l.last.no == no {
		return l.last, nil
	}
	rows := l.kept.get(no)
	if rows == nil {
		payload, err := need(l.v.r, kindEntry, no)
		if err != nil {
			return nil, err
		}
		rows = &sharedRows{
			no: no, payload: payload, decoded: &l.kept.decoded,
			count: int(min(entriesPerBlock, int64(l.v.m.Entries)-int64(no)*entriesPerBlock)), //nolint:gosec // a block that a tree names
		}
		l.kept.put(rows)
	}
	l.last = rows
	return rows, nil
}

// begin begins a part, with room for what the last one had.
func (l *lister) begin(text, runs int) {
	l.part, l.bytes = &Part{ends: make([]uint32, 0, partEntries), runs: make([]partRun, 0, runs)}, 0
	l.text.Reset()
	l.text.Grow(text)
}

// flush gives the part away, unless it is empty, and begins another one.
func (l *lister) flush() error {
	part := l.part
	if len(part.ends) == 0 {
		return nil
	}
	part.text, part.bytes = l.text.String(), l.bytes
	l.begin(min(len(part.text)*5/4, partBytes), len(part.runs)*5/4)
	return l.give(part)
}

// Part is some entries of a listing, one after the other. It belongs to no view.
type Part struct {
	Lost []string // paths of the folders in it that the repository has lost

	text  string // the paths of folders, and behind each the names of its entries
	ends  []uint32
	runs  []partRun
	bytes int // of all paths
}

// Size returns the number of entries and the bytes of their paths.
func (p *Part) Size() (entries, paths int) { return len(p.ends), p.bytes }

// partRun is consecutive entries of a folder in one block.
type partRun struct {
	folder, names int // where the folder's path and the names begin in the text
	first, count  int // the entries' places in ends
	row           int // of the first entry in rows
	rows          *sharedRows
	lost          bool // the last entry is a folder that is lost
}

// Each calls fn with each entry and the path of its folder, "" for the root. An entry has the
// fields that restic's ls shows; without the entries' blocks, it has a name, and Lost. fn must not keep the entry, nor change it.
func (p *Part) Each(fn func(folder string, e *syncline.Entry) error) error {
	var e syncline.Entry
	var f filler
	for i := range p.runs {
		r := &p.runs[i]
		if r.rows != nil {
			b, err := r.rows.get()
			if err != nil {
				return err
			}
			f.begin(b)
		}
		folder, from := p.text[r.folder:r.names], r.names
		for j, end := range p.ends[r.first : r.first+r.count] {
			e.Name, e.Lost = p.text[from:end], r.lost && j == r.count-1
			if r.rows != nil {
				f.fill(r.row+j, &e)
			}
			if err := fn(folder, &e); err != nil {
				return err
			}
			from = int(end)
		}
	}
	return nil
}
