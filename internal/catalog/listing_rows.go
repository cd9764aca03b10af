package catalog

import (
	"io/fs"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/weighted"
)

// rowCache keeps the blocks of one listing: without names, subtrees and contents, which a
// listing has from elsewhere or does not show. Most blocks are needed more than once, because
// the entries of newer snapshots lie apart from their neighbours.
type rowCache = weighted.Cache[uint64, *entryBlock]

func newRowCache() *rowCache { return weighted.New[uint64](32<<20, (*entryBlock).size) }

// sharedRows is a block of entries. The goroutine that needs it first decodes it.
type sharedRows struct {
	no      uint64
	count   int    // rows that the view has
	payload []byte // nil where block is there from the beginning
	kept    *rowCache
	once    sync.Once
	block   *entryBlock
	err     error
}

func (s *sharedRows) get() (*entryBlock, error) {
	s.once.Do(func() {
		if s.payload == nil {
			return
		}
		b := new(entryBlock)
		s.err = b.decodeColumns(s.payload, false)
		s.payload = nil
		switch {
		case s.err != nil:
		case b.count < s.count:
			s.err = damaged("a block has %d entries instead of %d", b.count, s.count)
		default:
			s.block = b
			s.kept.Put(s.no, b)
		}
	})
	return s.block, s.err
}

// filler sets the fields of one entry after the other in the same memory. It sets those
// that are equal in a whole block only once.
type filler struct {
	b      *entryBlock
	filled bool // the entry has all fields of some row of b
}

// begin says which block the next rows are in.
func (f *filler) begin(b *entryBlock) {
	if f.b != b {
		f.b, f.filled = b, false
	}
}

// fill sets the fields of row i.
func (f *filler) fill(i int, e *syncline.Entry) {
	b := f.b
	if b.rare != nil || !f.filled {
		*e = syncline.Entry{Name: e.Name, Lost: e.Lost}
		b.fill(i, e)
		f.filled = true
		return
	}
	fillText(&e.Type, b.kind, b.texts, i)
	fillText(&e.User, b.user, b.texts, i)
	fillText(&e.Group, b.group, b.texts, i)
	fillText(&e.Error, b.failure, b.texts, i)
	if len(b.mode) > 1 {
		e.Mode = fs.FileMode(b.mode[i])
	}
	fillNumber(&e.UID, b.uid, i)
	fillNumber(&e.GID, b.gid, i)
	fillNumber(&e.Inode, b.inode, i)
	fillNumber(&e.DeviceID, b.deviceID, i)
	fillNumber(&e.Size, b.sizes, i)
	fillNumber(&e.Links, b.links, i)
	fillNumber(&e.Device, b.device, i)
	e.ModTime = b.time(0, i)
	e.AccessTime, e.ChangeTime = e.ModTime, e.ModTime
	if !b.times[1].modified {
		e.AccessTime = b.time(1, i)
	}
	if !b.times[2].modified {
		e.ChangeTime = b.time(2, i)
	}
}

func fillNumber[T uint32 | uint64](to *T, column []T, i int) {
	if len(column) > 1 {
		*to = column[i]
	}
}

func fillText[T ~string](to *T, column []uint16, texts []string, i int) {
	if len(column) > 1 {
		*to = T(texts[column[i]])
	}
}
