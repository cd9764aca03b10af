package catalog

import (
	"io/fs"
	"math"
	"time"

	"syncline.dev/syncline"
)

// entriesPerBlock is the number of entries in a block of kinds entries and
// contents: small enough that listing a directory whose entries lie apart
// costs little, large enough to compress.
const entriesPerBlock = 512

// row is an entry as a block holds it: the name and the subtree by number.
// entry.Name and entry.Subtree are not set.
type row struct {
	entry   syncline.Entry
	name    uint32
	subtree uint32 // the tree's number and one; 0 for none
}

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

// entryBlock is a decoded block. It has a column for each field: these decode
// in short loops, take a third of what entries would, and hold next to nothing
// for the garbage collector to look at.
type entryBlock struct {
	count int
	texts []string
	zones []*time.Location

	name, subtree, mode, uid, gid        []uint32
	kind, user, group, failure           []uint16 // of texts
	inode, deviceID, size, links, device []uint64
	times                                [3]timeColumn
	rare                                 map[int]*rareFields

	// first holds per row the number of its content hashes and, before it,
	// those of the rows before: contents of row i are [first[i], first[i+1]).
	first []int

	// What the columns lie in, for the next block that is decoded here.
	wide    []uint64
	middle  []uint32
	narrow  []uint16
	seconds []int64
}

// timeColumn has the modification, access or change times of a block.
type timeColumn struct {
	sec  []int64
	nano []uint32
	zone []uint16 // of zones
}

// rareFields are what few entries have.
type rareFields struct {
	target            string
	extended, generic []syncline.ExtendedAttribute
}

// reset makes room for n rows, all zero.
func (b *entryBlock) reset(n int) {
	*b = entryBlock{
		count: n, first: zeros(b.first, n+1),
		wide: zeros(b.wide, 5*n), middle: zeros(b.middle, 8*n), narrow: zeros(b.narrow, 7*n), seconds: zeros(b.seconds, 3*n),
	}
	wide, middle, narrow, seconds := b.wide, b.middle, b.narrow, b.seconds
	for _, col := range []*[]uint64{&b.inode, &b.deviceID, &b.size, &b.links, &b.device} {
		*col, wide = wide[:n:n], wide[n:]
	}
	for _, col := range []*[]uint32{&b.name, &b.subtree, &b.mode, &b.uid, &b.gid, &b.times[0].nano, &b.times[1].nano, &b.times[2].nano} {
		*col, middle = middle[:n:n], middle[n:]
	}
	for _, col := range []*[]uint16{&b.kind, &b.user, &b.group, &b.failure, &b.times[0].zone, &b.times[1].zone, &b.times[2].zone} {
		*col, narrow = narrow[:n:n], narrow[n:]
	}
	for i := range b.times {
		b.times[i].sec, seconds = seconds[:n:n], seconds[n:]
	}
}

// zeros returns n zeros, where s is if they fit.
func zeros[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// row returns a row, without its contents.
func (b *entryBlock) row(i int) row {
	r := row{name: b.name[i], subtree: b.subtree[i]}
	b.fill(i, &r.entry)
	return r
}

// fill sets the fields of an entry that are in the block.
func (b *entryBlock) fill(i int, e *syncline.Entry) {
	e.Type = syncline.EntryType(b.texts[b.kind[i]])
	e.Mode = fs.FileMode(b.mode[i])
	e.ModTime, e.AccessTime, e.ChangeTime = b.time(0, i), b.time(1, i), b.time(2, i)
	e.UID, e.GID = b.uid[i], b.gid[i]
	e.User, e.Group, e.Error = b.texts[b.user[i]], b.texts[b.group[i]], b.texts[b.failure[i]]
	e.Inode, e.DeviceID, e.Size, e.Links, e.Device = b.inode[i], b.deviceID[i], b.size[i], b.links[i], b.device[i]
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
	return time.Unix(t.sec[i], int64(t.nano[i])).In(b.zones[t.zone[i]])
}

// decodeEntries reads what encode wrote of the entries; the contents stay for
// decodeContents.
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
	if err := checkCount(n, entriesPerBlock, "entries"); err != nil {
		return err
	}
	b.reset(n)
	c := d.cols
	b.texts = d.texts
	c[colName].deltas32(b.name)
	c[colMode].deltas32(b.mode)
	c[colUID].deltas32(b.uid)
	c[colGID].deltas32(b.gid)
	c[colInode].deltas64(b.inode)
	c[colDevID].deltas64(b.deviceID)
	c[colSize].numbers(b.size)
	c[colLinks].numbers(b.links)
	c[colDevice].numbers(b.device)
	texts := len(d.texts)
	if !c[colType].indexes(b.kind, texts) || !c[colUser].indexes(b.user, texts) ||
		!c[colGroup].indexes(b.group, texts) || !c[colError].indexes(b.failure, texts) {
		return damaged("an entry block names a text it does not have")
	}
	d.times(b)
	d.subtrees(b)
	d.rare(b)
	for i := range n {
		k := c[colContent].uint()
		if k > maxBlock/32 {
			return damaged("an entry claims %d content blobs", k)
		}
		b.first[i+1] = b.first[i] + int(k)
	}
	return done(c[:])
}

// entryDecoder reads the columns of an entry block.
type entryDecoder struct {
	cols  *[entryColumns]cursor
	texts []string
	buf   *[]byte // that the columns lie in
}

// newEntryDecoder starts on an entry block, and says how many rows it has.
func newEntryDecoder(payload []byte) (*entryDecoder, int, error) {
	if len(payload) < 2 {
		return nil, 0, damaged("an entry block is empty")
	}
	n := int(payload[0]) | int(payload[1])<<8
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

// release gives the columns' memory back. Nothing that was read refers to it.
func (d *entryDecoder) release() {
	giveBackBlock(d.buf)
	d.buf, d.cols = nil, nil
}

// times reads the three times of every row.
func (d *entryDecoder) times(b *entryBlock) {
	c := d.cols
	mod := &b.times[0]
	sec := time.Time{}.Unix()
	for i := range mod.sec {
		sec += c[colTime].int()
		mod.sec[i] = sec
	}
	zone, at, known := int64(0), uint16(0), map[int64]uint16{0: 0}
	b.zones = append(b.zones, time.UTC)
	clock := func(t *timeColumn, i int) {
		t.nano[i] = c[colNano].u32()
		if change := c[colZone].int(); change != 0 {
			zone += change
			no, ok := known[zone]
			if !ok {
				no = uint16(len(b.zones))
				known[zone] = no
				b.zones = append(b.zones, time.FixedZone("", int(zone)))
			}
			at = no
		}
		t.zone[i] = at
	}
	for i := range mod.sec {
		clock(mod, i)
		for which := 1; which < len(b.times); which++ {
			t := &b.times[which]
			if c[colOther].uint() == 0 {
				t.sec[i], t.nano[i], t.zone[i] = mod.sec[i], mod.nano[i], mod.zone[i]
				continue
			}
			t.sec[i] = mod.sec[i] + c[colOther].int()
			clock(t, i)
		}
	}
}

func (d *entryDecoder) subtrees(b *entryBlock) {
	c, last := &d.cols[colSubtree], int64(0)
	for i := range b.subtree {
		if z := c.uint(); z != 0 {
			z--
			last += int64(z>>1) ^ -int64(z&1)
			b.subtree[i] = uint32(last)
		}
	}
}

func (d *entryDecoder) rare(b *entryBlock) {
	c := &d.cols[colAttr]
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

// decodeContents returns row i's content hashes out of the contents payload.
// The payload may be of another state than b, from before or after rows were
// added behind row i.
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
