package catalogtest

import (
	"bytes"
	"context"
	"maps"
	"runtime"
	"strconv"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// Checked returns box with a guard that holds its users to the contract of
// catalog.Container. A forbidden use fails with syncline.CodeInternal: a
// transaction inside a transaction, a use of the Reader inside a scan, a change
// of a final value, a Renew behind a write, and a write that leaves the head as
// it is.
func Checked(box catalog.Container) catalog.Container { return &checked{Container: box} }

type checked struct {
	catalog.Container
	finals finals
}

func (c *checked) View(ctx context.Context, fn func(catalog.Reader) error) error {
	return checkedView(ctx, c.Container.View, fn)
}

func (c *checked) Update(ctx context.Context, expected catalog.Head, fn func(catalog.Writer) error) error {
	return c.finals.update(ctx, expected, c.Container.Update, fn)
}

func broken(format string, args ...any) error {
	return syncline.Errorf(syncline.CodeInternal, format, args...)
}

// busy holds the goroutines that are inside a transaction, of any container:
// the containers of one database share its connections.
var busy sync.Map

// goroutine returns the number of the calling goroutine.
func goroutine() int {
	buf := make([]byte, 64)
	buf = bytes.TrimPrefix(buf[:runtime.Stack(buf, false)], []byte("goroutine "))
	n, _ := strconv.Atoi(string(buf[:bytes.IndexByte(buf, ' ')]))
	return n
}

// enter notes that the goroutine is inside a transaction until leave.
func enter() (leave func(), err error) {
	id := goroutine()
	if _, inside := busy.LoadOrStore(id, true); inside {
		return nil, broken("a transaction begins inside another one")
	}
	return func() { busy.Delete(id) }, nil
}

func checkedView(ctx context.Context, view func(context.Context, func(catalog.Reader) error) error, fn func(catalog.Reader) error) error {
	leave, err := enter()
	if err != nil {
		return err
	}
	defer leave()
	return view(ctx, func(r catalog.Reader) error { return fn(&checkedReader{Reader: r}) })
}

// finals holds the final values of a container's generation.
type finals struct {
	mu  sync.Mutex
	set map[key]bool
}

func (f *finals) clone() map[key]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.set)
}

func (f *finals) update(ctx context.Context, expected catalog.Head,
	update func(context.Context, catalog.Head, func(catalog.Writer) error) error, fn func(catalog.Writer) error,
) error {
	leave, err := enter()
	if err != nil {
		return err
	}
	defer leave()
	var set map[key]bool
	err = update(ctx, expected, func(w catalog.Writer) error {
		if set = f.clone(); set == nil {
			set = make(map[key]bool)
		}
		c := &checkedWriter{checkedReader: checkedReader{Reader: w}, w: w, finals: set}
		if err := fn(c); err != nil {
			return err
		}
		set = c.finals
		if c.wrote && w.Head() == expected {
			return broken("an update writes and leaves the head as it is")
		}
		return nil
	})
	if err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.set = set
	}
	return err
}

type checkedReader struct {
	catalog.Reader
	mu       sync.Mutex
	scanning bool
}

// idle fails inside a scan.
func (r *checkedReader) idle() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.scanning {
		return broken("a container is used inside a scan")
	}
	return nil
}

func (r *checkedReader) setScanning(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scanning = on
}

func (r *checkedReader) Get(kind catalog.Kind, no uint64) ([]byte, error) {
	if err := r.idle(); err != nil {
		return nil, err
	}
	return r.Reader.Get(kind, no)
}

func (r *checkedReader) GetMany(kind catalog.Kind, nos ...uint64) ([][]byte, error) {
	if err := r.idle(); err != nil {
		return nil, err
	}
	return r.Reader.GetMany(kind, nos...)
}

func (r *checkedReader) Scan(kind catalog.Kind, first uint64, fn func(uint64, []byte) error) error {
	if err := r.idle(); err != nil {
		return err
	}
	r.setScanning(true)
	defer r.setScanning(false)
	return r.Reader.Scan(kind, first, fn)
}

type checkedWriter struct {
	checkedReader
	w      catalog.Writer
	finals map[key]bool
	wrote  bool
}

func (w *checkedWriter) SetHead(head catalog.Head) error {
	if err := w.idle(); err != nil {
		return err
	}
	return w.w.SetHead(head)
}

// write checks a change of the values from first to last.
func (w *checkedWriter) write(kind catalog.Kind, first, last uint64) error {
	w.wrote = true
	if first == last {
		if w.finals[key{kind, first}] {
			return broken("value %d of kind %d is final and is changed", first, kind)
		}
		return w.idle()
	}
	for k := range w.finals {
		if k.kind == kind && k.no >= first && k.no <= last {
			return broken("value %d of kind %d is final and is deleted", k.no, kind)
		}
	}
	return w.idle()
}

func (w *checkedWriter) Put(kind catalog.Kind, no uint64, value []byte) error {
	if err := w.write(kind, no, no); err != nil {
		return err
	}
	return w.w.Put(kind, no, value)
}

func (w *checkedWriter) PutFinal(kind catalog.Kind, no uint64, value []byte) error {
	if err := w.write(kind, no, no); err != nil {
		return err
	}
	w.finals[key{kind, no}] = true
	return w.w.PutFinal(kind, no, value)
}

func (w *checkedWriter) Delete(kind catalog.Kind, first, last uint64) error {
	if err := w.write(kind, first, last); err != nil {
		return err
	}
	return w.w.Delete(kind, first, last)
}

func (w *checkedWriter) Renew(keep ...catalog.Kind) (catalog.Reader, error) {
	if err := w.idle(); err != nil {
		return nil, err
	}
	if w.wrote {
		return nil, broken("a generation begins behind other writes of its update")
	}
	old, err := w.w.Renew(keep...)
	if err != nil {
		return nil, err
	}
	w.wrote = true
	w.finals = maps.Clone(w.finals)
	maps.DeleteFunc(w.finals, func(k key, _ bool) bool {
		for _, kind := range keep {
			if k.kind == kind {
				return false
			}
		}
		return true
	})
	return &checkedReader{Reader: old}, nil
}
