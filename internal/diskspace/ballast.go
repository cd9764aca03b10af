package diskspace

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Ballast is a file that only takes up room. It is given up when the disk is full,
// so that what must be written can be, and made again when there is room.
type Ballast struct {
	path string
	size int64
	of   func(path string) (Space, error) // Of
	mu   sync.Mutex
}

// NewBallast returns a ballast at path that is made by Restore. It has 16 MiB, or a
// sixteenth of a small disk.
func NewBallast(path string) *Ballast {
	size := int64(16 << 20)
	if s, err := Of(filepath.Dir(path)); err == nil {
		size = min(size, s.Total/16)
	}
	return &Ballast{path: path, size: size, of: Of}
}

// Release gives the room up, and reports whether there was any.
func (b *Ballast) Release() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return os.Remove(b.path) == nil
}

// Restore takes the room again, where four times as much is free or the system does
// not tell, and reports whether the ballast is there.
func (b *Ballast) Restore() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if info, err := os.Stat(b.path); err == nil && info.Size() >= b.size {
		return true
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	switch s, err := b.of(filepath.Dir(b.path)); {
	case errors.Is(err, ErrUnknown): // the filling finds out
	case err != nil, s.Free < 4*b.size:
		return false
	}
	return Fill(b.path, b.size) == nil
}

// Reserve is what is kept free on the file system of a folder.
type Reserve struct {
	Folder string
	Keep   int64 // bytes; below zero for DefaultReserve
}

// Left returns what is free, and what is to be kept free. Where the system does not
// tell, ok is false.
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
