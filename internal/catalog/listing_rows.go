package catalog

import (
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"

	"syncline.dev/syncline"
)

// rowCache keeps the blocks of one listing. Most blocks are needed more than once, because
// the entries of newer snapshots lie apart from their neighbours. It forgets the blocks that
// were used longest ago, half of them at a time.
type rowCache struct {
	young, old map[uint64]*sharedRows
	decoded    atomic.Int64 // bytes of the blocks that were decoded since young was empty
}

// rowCacheBytes bounds the blocks of a rowCache, but for those that nobody has decoded yet.
var rowCacheBytes int64 = 32 << 20

func newRowCache() *rowCache { return &rowCache{young: make(map[uint64]*sharedRows)} }

// get returns a block, or nil.
func (c *rowCache) get(no uint64) *sharedRows {
	if rows, ok := c.young[no]; ok {
		return rows
	}
	rows := c.old[no]
	if rows != nil {
		c.put(rows)
	}
	return rows
}

func (c *rowCache) put(rows *sharedRows) {
	if c.decoded.Load() >= rowCacheBytes/2 {
		c.young, c.old = make(map[uint64]*sharedRows, len(c.young)), c.young
		c.decoded.Store(0)
	}
	c.young[rows.no] = rows
}

// sharedRows is a block of entries with the columns that a listing shows. The goroutine that
// needs it first decodes it.
type sharedRows struct {
	no      uint64
	count   int    // rows that the view has
	payload []byte // until it is decoded
	decoded *atomic.Int64
	once    sync.Once
	block   entryBlock
	err     error
}

func (s *sharedRows) get() (*entryBlock, error) {
	s.once.Do(func() {
		s.err = s.block.decodeListed(s.payload)
		s.payload = nil
		switch {
		case s.err != nil:
		case s.block.count < s.count:
			s.err = damaged("a block has %d entries instead of %d", s.block.count, s.count)
		}
		s.decoded.Add(s.block.size())
	})
	return &s.block, s.err
}

// decodeListed is decode for the columns that restic's ls shows. It does not look at the
// others.
func (b *entryBlock) decodeListed(payload []byte) error {
	d, n, err := newEntryDecoder(payload)
	if err != nil {
		return err
	}
	defer d.release()
	b.count, b.texts = n, d.texts
	c := d.cols
	b.mode = fewDeltas(&c[colMode], b.mode, n)
	b.uid = fewDeltas(&c[colUID], b.uid, n)
	b.gid = fewDeltas(&c[colGID], b.gid, n)
	b.inode = fewDeltas(&c[colInode], b.inode, n)
	b.sizes = numbers(&c[colSize], b.sizes, n)
	b.kind = numbers(&c[colType], b.kind, n)
	if len(b.kind) > 0 && int(slices.Max(b.kind)) >= len(d.texts) {
		return damaged("an entry block names a text it does not have")
	}
	d.times(b)
	d.targets(b)
	for _, i := range []int{colMode, colUID, colGID, colInode, colSize, colType, colTime, colOther, colNano, colZone, colTarget} {
		if err := done(c[i : i+1]); err != nil {
			return err
		}
	}
	return nil
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

// fill sets the fields of row i that a listing shows.
func (f *filler) fill(i int, e *syncline.Entry) {
	b := f.b
	if !f.filled {
		f.filled = true
		e.Type, e.Mode = syncline.EntryType(b.texts[in(b.kind, i)]), fs.FileMode(in(b.mode, i))
		e.UID, e.GID, e.Inode, e.Size = in(b.uid, i), in(b.gid, i), in(b.inode, i), in(b.sizes, i)
	} else {
		if len(b.kind) > 1 {
			e.Type = syncline.EntryType(b.texts[b.kind[i]])
		}
		if len(b.mode) > 1 {
			e.Mode = fs.FileMode(b.mode[i])
		}
		fillNumber(&e.UID, b.uid, i)
		fillNumber(&e.GID, b.gid, i)
		fillNumber(&e.Inode, b.inode, i)
		fillNumber(&e.Size, b.sizes, i)
	}
	e.LinkTarget = ""
	if b.rare != nil {
		if r := b.rare[i]; r != nil {
			e.LinkTarget = r.target
		}
	}
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
