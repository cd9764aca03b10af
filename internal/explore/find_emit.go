package explore

import (
	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// Matches wait for a batch, because the catalog reads several entries at a
// time. Batches begin small, so that the first results come soon.
const (
	firstBatch = 16
	lastBatch  = 1024
)

// emitFunc takes an entry that matches and passes the filters.
type emitFunc func(w *waiting, e *syncline.Entry) error

// waiting is an entry at a path. Its metadata is not read yet.
type waiting struct {
	path string
	name string
	in   []int32
	at   position // set if the query asks for it
}

// queue takes the distinct entries at one matching path, without the first skip
// ones.
func (f *finder) queue(same []item, path []byte, skip int) error {
	text := string(path)
	name := text[len(text)-len(same[0].Name):]
	entries := &f.entries
	entries.reset()
	for i := range same {
		entries.add(same[i].Entry, same[i].in)
	}
	n := 0
	return entries.each(func(ref catalog.EntryRef, in []int32) error {
		if n++; n <= skip {
			return nil
		}
		w := waiting{path: text, name: name, in: in}
		if f.q.positions {
			w.at = position{f.names(text), n}
		}
		f.waiting = append(f.waiting, w)
		f.refs = append(f.refs, ref)
		if len(f.refs) < f.batchSize() {
			return nil
		}
		f.batch = min(2*f.batchSize(), lastBatch)
		return f.flush()
	})
}

// names returns the names of a path in the folder of the walk. Names in a
// repository can contain slashes.
func (f *finder) names(path string) []string {
	out := make([]string, len(f.stack))
	for i := range f.stack {
		end := len(path)
		if i+1 < len(f.stack) {
			end = f.stack[i+1].path
		}
		out[i] = path[f.stack[i].path+1 : end]
	}
	return out
}

// batchSize is the number of matches to wait for. One more than the limit shows
// whether the limit cuts.
func (f *finder) batchSize() int {
	n := max(f.batch, firstBatch)
	if limit := f.q.Limits.Results; limit > 0 {
		n = int(min(int64(n), limit-f.results+1))
	}
	return n
}

// flush reads the waiting entries and passes them on.
func (f *finder) flush() error {
	refs, list := f.refs, f.waiting
	f.refs, f.waiting = f.refs[:0], f.waiting[:0]
	if len(refs) == 0 {
		return nil
	}
	if err := f.search.Load(f.ctx, refs); err != nil {
		return err
	}
	for i, ref := range refs {
		if err := f.alive(); err != nil {
			return err
		}
		e, err := f.search.Entry(ref, list[i].name, f.q.Detail)
		if err != nil {
			return err
		}
		if !f.q.passes(e) {
			continue
		}
		if f.q.Limits.Results > 0 && f.results == f.q.Limits.Results {
			f.cut = CutResults
			return errCut
		}
		f.results++
		if err := f.emit(&list[i], e); err != nil {
			return err
		}
	}
	return nil
}
