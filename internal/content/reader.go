package content

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"runtime"

	"syncline.dev/syncline"
	"syncline.dev/syncline/resticrepo"
)

// Source is a repository with the places of its data blobs. It is safe for
// concurrent use.
type Source struct {
	Repository *resticrepo.Repository
	Locator    *Locator
	// Streams is the number of reads at once; 0 for one a core.
	Streams int
	// Window bounds the decoded bytes that one Stream reads ahead; 0 for 64
	// MiB. A single larger blob is allowed.
	Window int64
	// Cache keeps decoded blobs for later reads; nil for none.
	Cache *Cache
}

const defaultWindow = 64 << 20

func (s *Source) streams() int {
	if s.Streams > 0 {
		return s.Streams
	}
	return runtime.GOMAXPROCS(0)
}

func (s *Source) window() int64 {
	if s.Window > 0 {
		return s.Window
	}
	return defaultWindow
}

// Wanted is a blob to read, with its place.
type Wanted struct {
	ID    syncline.Hash
	Place Place
}

// Bounds of one read: the gap between two of its blobs, and its length, as
// stored and decoded.
const (
	maxGap = 64 << 10
	maxRun = 4 << 20
)

// Joins reports whether one read should include next with a run of blobs. The
// run begins with first, ends with last, and has size decoded bytes.
func Joins(first, last, next Place, size int64) bool {
	end := last.end()
	return next.Pack == last.Pack && int64(next.Offset) >= end && int64(next.Offset)-end <= maxGap &&
		next.end()-int64(first.Offset) <= maxRun && size+next.Size() <= maxRun
}

// Reader reads blobs, for one goroutine at a time. It reuses its buffers.
type Reader struct {
	source  *Source
	decoder *resticrepo.Decoder
	buf     []byte
}

// NewReader returns a Reader. It needs no closing.
func (s *Source) NewReader() *Reader {
	return &Reader{source: s, decoder: s.Repository.NewDecoder()}
}

// Read reads blobs of one pack, in the order of their offsets, with one
// request. It calls fn with each blob's bytes, which are valid during the call
// only, or with the reason (CodeDamaged) why there is no good copy. An error of
// fn ends the reading. Any other error means that the storage cannot be read.
func (r *Reader) Read(ctx context.Context, run []Wanted, fn func(i int, data []byte, err error) error) error {
	first, last := run[0].Place, run[len(run)-1].Place
	pos := int64(first.Offset)
	length := last.end() - pos
	rd, err := r.source.Repository.OpenPack(ctx, resticrepo.ID(first.Pack), pos, length)
	if err != nil {
		return r.missing(ctx, run, 0, false, err, fn)
	}
	defer rd.Close()
	for i, w := range run {
		if int64(w.Place.Offset) < pos {
			// restic writes no repository with overlapping blobs.
			if err := r.copies(ctx, w, Place{}, nil, i, fn); err != nil {
				return err
			}
			continue
		}
		if _, err := io.CopyN(io.Discard, rd, int64(w.Place.Offset)-pos); err != nil {
			return r.missing(ctx, run, i, true, err, fn)
		}
		buf := r.buffer(int(w.Place.Length))
		if _, err := io.ReadFull(rd, buf); err != nil {
			return r.missing(ctx, run, i, true, err, fn)
		}
		pos = w.Place.end()
		data, err := r.decoder.Blob(w.Place.blob(w.ID), resticrepo.ID(w.Place.Pack), buf)
		if err != nil {
			// This copy is read again as well, because its bytes may have
			// changed on the way.
			err = r.copies(ctx, w, Place{}, err, i, fn)
		} else {
			err = fn(i, data, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) buffer(n int) []byte {
	const keep = 16 << 20
	if cap(r.buf) < n || cap(r.buf) > keep && n < keep {
		r.buf = make([]byte, max(n, 256<<10))
	}
	return r.buf[:n]
}

// missing handles the blobs from number from on, which the read did not return.
// read says that the first of them failed, and not the pack as a whole.
func (r *Reader) missing(ctx context.Context, run []Wanted, from int, read bool, err error, fn func(int, []byte, error) error) error {
	if !isMissing(err) || ctx.Err() != nil {
		return unreadable(ctx, err)
	}
	gone := errors.Is(err, resticrepo.ErrNotFound) || errors.Is(err, fs.ErrNotExist)
	for i := from; i < len(run); i++ {
		// Blobs before the end of a short pack may still be good.
		tried := Place{}
		if gone || read && run[i].Place.end() >= run[from].Place.end() {
			tried = run[i].Place
		}
		if err := r.copies(ctx, run[i], tried, err, i, fn); err != nil {
			return err
		}
	}
	return nil
}

// copies tries every copy of a blob except the one at tried.
func (r *Reader) copies(ctx context.Context, w Wanted, tried Place, cause error, i int, fn func(int, []byte, error) error) error {
	for _, p := range r.source.Locator.Find(w.ID, nil) {
		if p == tried {
			continue
		}
		data, err := r.source.Repository.LoadBlob(ctx, resticrepo.ID(p.Pack), p.blob(w.ID))
		if err == nil {
			return fn(i, data, nil)
		}
		if !isMissing(err) && !errors.Is(err, resticrepo.ErrDamaged) || ctx.Err() != nil {
			return unreadable(ctx, err)
		}
		if cause == nil {
			cause = err
		}
	}
	return fn(i, nil, syncline.WrapError(syncline.CodeDamaged, cause,
		"data blob %s in pack %s is missing or damaged; run restic check --read-data on the repository", w.ID.Short(), w.Place.Pack.Short()))
}

func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, resticrepo.ErrNotFound) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// unreadable gives an error of the storage a code.
func unreadable(ctx context.Context, err error) error {
	var own *syncline.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &own):
		return err
	}
	return syncline.WrapError(syncline.CodeUnavailable, err, "the repository cannot be read; check that its storage is there, then try again")
}
