package catalog

import (
	"io/fs"
	"math"
	"slices"
	"time"

	"syncline.dev/syncline"
)

// entriesPerBlock is the number of entries in a block of entries or contents. Smaller
// blocks compress worse. Larger ones make a directory with scattered entries slow to
// list.
const entriesPerBlock = 512

// row is an entry as a block holds it: the name and the subtree by number.
// entry.Name and entry.Subtree are not set.
type row struct {
	entry   syncline.Entry
	name    uint32
	subtree uint32 // the number of the tree plus one; 0 for none
}

// hasSubtree reports whether the entry has a subtree in the tree that it was
// decoded from.
func (r *row) hasSubtree() bool { return r.entry.IsDir() && !r.entry.Subtree.IsZero() }

// The columns of an entry block. Integers are varints; "delta" columns hold
// the difference to the row before.
const (
	colTexts   = iota // the block's texts: types, users, groups, errors
	colName           // delta
	colType           // text number
	colMode           // delta
	colTime           // delta of the modification time's seconds
	colOther          // access and change time: 0 as mtime, or 1 and the difference
	colNano           // nanoseconds of every time written, 4 bytes each
	colZone           // delta of the offset of every time written
	colUID            // delta
	colGID            // delta
	colUser           // text number
	colGroup          // text number
	colInode          // delta
	colDevID          // delta
	colSize           //
	colLinks          //
	colTarget         // text
	colDevice         //
	colAttr           // extended, then generic attributes: count, names, values
	colContent        // number of content hashes
	colSubtree        // 0 for none, or the delta to the last one, zigzag, and one
	colError          // text number
	entryColumns
)

// entryEncoder turns rows into the two values of a block. It keeps its
// buffers.
type entryEncoder struct {
	cols  columns
	texts texts
	buf   []byte
}

// encode appends the payloads of the block: the entries and their contents.
func (x *entryEncoder) encode(rows []row) (entries, contents []byte) {
	if x.cols == nil {
		x.cols = make(columns, entryColumns)
	}
	x.cols.reset()
	x.texts.reset()
	var prev row
	var lastTree int64
	var zone int64
	for i := range rows {
		r := &rows[i]
		x.plain(r, &prev)
		x.times(&r.entry, &prev.entry, &zone)
		x.rare(&r.entry)
		if r.subtree == 0 {
			x.cols.uint(colSubtree, 0)
		} else {
			d := int64(r.subtree) - lastTree
			x.cols.uint(colSubtree, uint64(d<<1^d>>63)+1)
			lastTree = int64(r.subtree)
		}
		x.cols.uint(colContent, uint64(len(r.entry.Content)))
		for j := range r.entry.Content {
			contents = append(contents, r.entry.Content[j][:]...)
		}
		prev.name, prev.entry = r.name, r.entry
	}
	x.cols.uint(colTexts, uint64(len(x.texts.list)))
	for _, s := range x.texts.list {
		x.cols.text(colTexts, s)
	}
	entries = append(entries, byte(len(rows)), byte(len(rows)>>8))
	entries, x.buf = x.cols.pack(entries, x.buf)
	return entries, contents
}

func (x *entryEncoder) plain(r, prev *row) {
	c, e, p := x.cols, &r.entry, &prev.entry
	c.int(colName, int64(r.name)-int64(prev.name))
	c.uint(colType, x.texts.number(string(e.Type)))
	c.int(colMode, int64(e.Mode)-int64(p.Mode))
	c.int(colUID, int64(e.UID)-int64(p.UID))
	c.int(colGID, int64(e.GID)-int64(p.GID))
	c.uint(colUser, x.texts.number(e.User))
	c.uint(colGroup, x.texts.number(e.Group))
	c.int(colInode, int64(e.Inode-p.Inode))
	c.int(colDevID, int64(e.DeviceID-p.DeviceID))
	c.uint(colSize, e.Size)
	c.uint(colLinks, e.Links)
	c.uint(colDevice, e.Device)
}

func (x *entryEncoder) times(e, p *syncline.Entry, zone *int64) {
	c := x.cols
	sec := e.ModTime.Unix()
	c.int(colTime, sec-p.ModTime.Unix())
	x.clock(e.ModTime, zone)
	for _, t := range [2]time.Time{e.AccessTime, e.ChangeTime} {
		if t.Equal(e.ModTime) && offsetOf(t) == offsetOf(e.ModTime) {
			c.uint(colOther, 0)
			continue
		}
		c.uint(colOther, 1)
		c.int(colOther, t.Unix()-sec)
		x.clock(t, zone)
	}
}

func (x *entryEncoder) clock(t time.Time, zone *int64) {
	x.cols.u32(colNano, uint32(t.Nanosecond()))
	off := offsetOf(t)
	x.cols.int(colZone, off-*zone)
	*zone = off
}

func (x *entryEncoder) rare(e *syncline.Entry) {
	c := x.cols
	c.text(colTarget, e.LinkTarget)
	c.uint(colError, x.texts.number(e.Error))
	c.uint(colAttr, uint64(len(e.ExtendedAttributes)))
	for i := range e.ExtendedAttributes {
		c.text(colAttr, e.ExtendedAttributes[i].Name)
		c.text(colAttr, string(e.ExtendedAttributes[i].Value))
	}
	c.uint(colAttr, uint64(len(e.GenericAttributes)))
	for i := range e.GenericAttributes {
		c.text(colAttr, e.GenericAttributes[i].Name)
		c.text(colAttr, string(e.GenericAttributes[i].Value))
	}
}

// entryBlock is a decoded block, with a column for each field. Columns decode in short
// loops, take less memory than entries, and have few pointers for the garbage
// collector to follow. A column has one value for each row, or a single value for all
// rows; in reads both.
type entryBlock struct {
	count int
	texts []string
	zones []*time.Location

	name, subtree, mode, uid, gid         []uint32
	kind, user, group, failure            []uint16 // of texts
	inode, deviceID, sizes, links, device []uint64
	times                                 [3]timeColumn
	rare                                  map[int]*rareFields

	// first holds the number of content hashes before each row: those of row i are
	// [first[i], first[i+1]).
	first []int
}

// in returns a column's value in row i.
func in[T any](column []T, i int) T { return column[min(i, len(column)-1)] }

// rareFields are the fields that few entries have.
type rareFields struct {
	target            string
	extended, generic []syncline.ExtendedAttribute
}

// size returns about how many bytes the block takes in memory.
func (b *entryBlock) size() int64 {
	n := 4*(cap(b.name)+cap(b.subtree)+cap(b.mode)+cap(b.uid)+cap(b.gid)) +
		2*(cap(b.kind)+cap(b.user)+cap(b.group)+cap(b.failure)) +
		8*(cap(b.inode)+cap(b.deviceID)+cap(b.sizes)+cap(b.links)+cap(b.device)+cap(b.first)) + 1<<10
	for i := range b.times {
		n += 8*cap(b.times[i].sec) + 4*cap(b.times[i].nano) + 2*cap(b.times[i].zone)
	}
	for _, r := range b.rare {
		n += 128 + len(r.target)
		for _, list := range [][]syncline.ExtendedAttribute{r.extended, r.generic} {
			for i := range list {
				n += 48 + len(list[i].Name) + len(list[i].Value)
			}
		}
	}
	return int64(n)
}

// row returns a row, without its contents.
func (b *entryBlock) row(i int) row {
	r := row{name: in(b.name, i), subtree: in(b.subtree, i)}
	b.fill(i, &r.entry)
	return r
}

// fill sets the fields of an entry that are in the block.
func (b *entryBlock) fill(i int, e *syncline.Entry) {
	e.Type = syncline.EntryType(b.texts[in(b.kind, i)])
	e.Mode = fs.FileMode(in(b.mode, i))
	e.ModTime, e.AccessTime, e.ChangeTime = b.time(0, i), b.time(1, i), b.time(2, i)
	e.UID, e.GID = in(b.uid, i), in(b.gid, i)
	e.User, e.Group, e.Error = b.texts[in(b.user, i)], b.texts[in(b.group, i)], b.texts[in(b.failure, i)]
	e.Inode, e.DeviceID, e.Size, e.Links, e.Device = in(b.inode, i), in(b.deviceID, i), in(b.sizes, i), in(b.links, i), in(b.device, i)
	if r := b.rare[i]; r != nil {
		e.LinkTarget = r.target
		e.ExtendedAttributes = r.extended
		for _, a := range r.generic {
			e.GenericAttributes = append(e.GenericAttributes, syncline.GenericAttribute(a))
		}
	}
}

func (b *entryBlock) time(which, i int) time.Time {
	t := &b.times[which]
	if t.modified {
		t = &b.times[0]
	}
	return time.Unix(t.sec[i], int64(t.nano[i])).In(b.zones[in(t.zone, i)])
}

// decodeEntries decodes a block of entries, without their contents.
func decodeEntries(payload []byte) (*entryBlock, error) {
	b := new(entryBlock)
	if err := b.decode(payload); err != nil {
		return nil, err
	}
	return b, nil
}

// decode is decodeEntries into a block that nobody uses any more.
func (b *entryBlock) decode(payload []byte) error {
	d, n, err := newEntryDecoder(payload)
	if err != nil {
		return err
	}
	defer d.release()
	b.count, b.texts, b.zones, b.rare = n, d.texts, nil, nil
	c := d.cols
	b.mode = fewDeltas(&c[colMode], b.mode, n)
	b.uid = fewDeltas(&c[colUID], b.uid, n)
	b.gid = fewDeltas(&c[colGID], b.gid, n)
	b.inode = fewDeltas(&c[colInode], b.inode, n)
	b.deviceID = fewDeltas(&c[colDevID], b.deviceID, n)
	b.sizes = numbers(&c[colSize], b.sizes, n)
	b.links = numbers(&c[colLinks], b.links, n)
	b.device = numbers(&c[colDevice], b.device, n)
	b.kind = numbers(&c[colType], b.kind, n)
	b.user = numbers(&c[colUser], b.user, n)
	b.group = numbers(&c[colGroup], b.group, n)
	b.failure = numbers(&c[colError], b.failure, n)
	for _, column := range [][]uint16{b.kind, b.user, b.group, b.failure} {
		if len(column) > 0 && int(slices.Max(column)) >= len(d.texts) {
			return damaged("an entry block names a text it does not have")
		}
	}
	d.times(b)
	d.rare(b)
	b.name = fewDeltas(&c[colName], b.name, n)
	d.subtrees(b)
	if err := d.contents(b); err != nil {
		return err
	}
	return done(c[:])
}

// contents reads where the rows' content hashes lie.
func (d *entryDecoder) contents(b *entryBlock) error {
	b.first = room(b.first, b.count+1)
	b.first[0] = 0
	s, sum := d.cols[colContent].steps(), 0
	for i := range b.count {
		k := s.uint()
		if k > maxBlock/32 {
			return damaged("an entry claims %d content blobs", k)
		}
		sum += int(k)
		b.first[i+1] = sum
	}
	d.cols[colContent].take(&s)
	return nil
}

// entryDecoder reads the columns of an entry block.
type entryDecoder struct {
	cols  *[entryColumns]cursor
	texts []string
	buf   *[]byte // that the columns lie in
}

// newEntryDecoder begins to decode a block of entries and returns its number of
// rows, which is not more than a block holds.
func newEntryDecoder(payload []byte) (*entryDecoder, int, error) {
	if len(payload) < 2 {
		return nil, 0, damaged("an entry block is empty")
	}
	n := int(payload[0]) | int(payload[1])<<8
	if err := checkCount(n, entriesPerBlock, "entries"); err != nil {
		return nil, 0, err
	}
	d := &entryDecoder{buf: borrowBlock()}
	cols, err := unpackColumnsInto(d.buf, payload[2:], entryColumns)
	if err != nil {
		d.release()
		return nil, 0, err
	}
	d.cols = (*[entryColumns]cursor)(cols)
	c := &d.cols[colTexts]
	for range c.length() {
		if c.bad || len(d.texts) == math.MaxUint16 {
			d.release()
			return nil, 0, damaged("an entry block's texts do not decode")
		}
		d.texts = append(d.texts, c.text())
	}
	return d, n, nil
}

// release gives the columns' memory back. No decoded value refers to it.
func (d *entryDecoder) release() {
	giveBackBlock(d.buf)
	d.buf, d.cols = nil, nil
}

func (d *entryDecoder) subtrees(b *entryBlock) {
	c, last := &d.cols[colSubtree], int64(0)
	if b.count > 0 && c.zeros(b.count) {
		c.b = nil
		b.subtree = append(b.subtree[:0], 0)
		return
	}
	b.subtree = room(b.subtree, b.count)
	s := c.steps()
	for i := range b.subtree {
		b.subtree[i] = 0
		if z := s.uint(); z != 0 {
			z--
			last += int64(z>>1) ^ -int64(z&1)
			b.subtree[i] = uint32(last)
		}
	}
	c.take(&s)
}

func (d *entryDecoder) rare(b *entryBlock) {
	c := &d.cols[colAttr]
	if targets := &d.cols[colTarget]; targets.zeros(b.count) && c.zeros(2*b.count) {
		targets.b, c.b = nil, nil
		return
	}
	for i := range b.count {
		target, extended, generic := d.cols[colTarget].text(), attributes(c), attributes(c)
		if target == "" && extended == nil && generic == nil {
			continue
		}
		if b.rare == nil {
			b.rare = make(map[int]*rareFields)
		}
		b.rare[i] = &rareFields{target, extended, generic}
	}
}

// targets is rare for the targets of links alone.
func (d *entryDecoder) targets(b *entryBlock) {
	c := &d.cols[colTarget]
	if c.zeros(b.count) {
		c.b = nil
		return
	}
	for i := range b.count {
		if target := c.text(); target != "" {
			if b.rare == nil {
				b.rare = make(map[int]*rareFields)
			}
			b.rare[i] = &rareFields{target: target}
		}
	}
}

func attributes(c *cursor) (list []syncline.ExtendedAttribute) {
	for range c.length() {
		name, value := c.text(), c.bytes()
		if c.bad {
			return nil
		}
		list = append(list, syncline.ExtendedAttribute{Name: name, Value: append(make([]byte, 0, len(value)), value...)})
	}
	return list
}

// decodeContents returns row i's content hashes out of the contents payload. The
// payload may be of an older or a newer state than b, with fewer or more rows behind
// row i.
func (b *entryBlock) decodeContents(payload []byte, i int) ([]syncline.Hash, error) {
	if b.first[i] == b.first[i+1] {
		return nil, nil
	}
	return b.appendContents(make([]syncline.Hash, 0, b.first[i+1]-b.first[i]), payload, i)
}

func (b *entryBlock) appendContents(out []syncline.Hash, payload []byte, i int) ([]syncline.Hash, error) {
	if len(payload) < 32*b.first[i+1] {
		return nil, damaged("a content block has %d bytes instead of %d", len(payload), 32*b.first[i+1])
	}
	for part := payload[32*b.first[i] : 32*b.first[i+1]]; len(part) > 0; part = part[32:] {
		out = append(out, syncline.Hash(part[:32]))
	}
	return out, nil
}
