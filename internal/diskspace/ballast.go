package diskspace

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Ballast is a file that only takes up space. It is removed when the disk is
// full, so that necessary writes succeed, and made again when there is space.
type Ballast struct {
	path string
	size int64
	of   func(path string) (Space, error) // Of
	mu   sync.Mutex
}

// BallastSize is the size of a ballast in bytes, but on a small disk.
const BallastSize = 16 << 20

// NewBallast returns a ballast at path. Restore makes the file. It has BallastSize,
// or a sixteenth of a small disk.
func NewBallast(path string) *Ballast {
	size := int64(BallastSize)
	if s, err := Of(filepath.Dir(path)); err == nil {
		size = min(size, s.Total/16)
	}
	return &Ballast{path: path, size: size, of: Of}
}

// Release removes the file and reports whether it existed.
func (b *Ballast) Release() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return os.Remove(b.path) == nil
}

// Restore makes the file if four times its size is free, or if the system does
// not say. It reports whether the file exists.
func (b *Ballast) Restore() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if info, err := os.Stat(b.path); err == nil && info.Size() >= b.size {
		return true
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	switch s, err := b.of(filepath.Dir(b.path)); {
	case errors.Is(err, ErrUnknown): // filling finds out
	case err != nil, s.Free < 4*b.size:
		return false
	}
	return Fill(b.path, b.size) == nil
}

// Reserve is the space that stays free on the file system of a folder.
type Reserve struct {
	Folder string
	Keep   int64 // bytes; negative for DefaultReserve
}

// Left returns the free space and the reserve. ok is false if the system does
// not say.
func (r Reserve) Left() (free, keep int64, ok bool) {
	s, err := Of(r.Folder)
	if err != nil {
		return 0, 0, false
	}
	if keep = r.Keep; keep < 0 {
		keep = DefaultReserve(s.Total)
	}
	return s.Free, keep, true
}
