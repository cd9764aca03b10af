package storage

import (
	"context"
	"hash/maphash"
)

// List implements Storage. A listing that fails starts again, and fn still gets
// each file once. A listing that has a name twice in one pass repeats a page,
// which is an error.
func (r *Retry) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	tries := r.tries("list", dir)
	seen := newNameSet()
	for {
		err, final := r.listOnce(ctx, dir, seen, fn)
		if err == nil || final {
			r.spoke.Store(true)
			return err
		}
		if err := tries.wait(ctx, err, 0); err != nil {
			return err
		}
	}
}

// listOnce lists once. An error of fn is final.
func (r *Retry) listOnce(ctx context.Context, dir string, seen *nameSet, fn func(string, int64) error) (err error, final bool) {
	attempt, dog := r.attempt(ctx, seen.pass > 0)
	defer dog.end()
	seen.pass++
	err = r.storage.List(attempt, dir, func(name string, size int64) error {
		dog.stop()
		defer dog.start()
		known, again := seen.add(name)
		if again {
			return Incomplete(dir, "gives a file twice")
		}
		if known {
			return nil
		}
		if err := fn(name, size); err != nil {
			final = true
			return err
		}
		return nil
	})
	if final {
		return err, true
	}
	return r.explain(attempt, err), false
}

// nameSet remembers names by a keyed hash of 128 bits, in 20 bytes each, since
// a listing can have millions. Each set has its own key, so nobody can prepare
// two names with the same hash.
type nameSet struct {
	a, b  maphash.Seed
	pass  uint32
	names map[[2]uint64]uint32 // the pass in which each was last seen
}

func newNameSet() *nameSet {
	return &nameSet{a: maphash.MakeSeed(), b: maphash.MakeSeed(), names: map[[2]uint64]uint32{}}
}

// add reports whether the name was known, and whether it was seen in this pass.
func (s *nameSet) add(name string) (known, again bool) {
	key := [2]uint64{maphash.String(s.a, name), maphash.String(s.b, name)}
	pass, known := s.names[key]
	s.names[key] = s.pass
	return known, known && pass == s.pass
}
