package catalog

import (
	"io/fs"
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

// entryBlock is a decoded block.
type entryBlock struct {
	rows []row
	// counts holds per row the number of its content hashes and, before it,
	// those of the rows before: contents of row i are [first[i], first[i+1]).
	first []int
}

// decodeEntries reads what encode wrote of the entries; the contents stay for
// loadContents.
func decodeEntries(payload []byte) (*entryBlock, error) {
	d, n, err := newEntryDecoder(payload)
	if err != nil {
		return nil, err
	}
	if err := checkCount(n, entriesPerBlock, "entries"); err != nil {
		return nil, err
	}
	b := &entryBlock{rows: make([]row, n), first: make([]int, n+1)}
	prev := new(row)
	for i := range b.rows {
		d.row(&b.rows[i], prev)
		k := d.cols[colContent].uint()
		if k > maxBlock/32 {
			return nil, damaged("an entry claims %d content blobs", k)
		}
		b.first[i+1] = b.first[i] + int(k)
		prev = &b.rows[i]
	}
	if err := done(d.cols[:]); err != nil {
		return nil, err
	}
	if d.bad {
		return nil, damaged("an entry block names a text it does not have")
	}
	return b, nil
}

type entryDecoder struct {
	cols     *[entryColumns]cursor
	texts    []string
	zone     int64
	located  int64 // the zone that location is of
	location *time.Location
	zones    zones
	lastTree int64
	bad      bool
}

func (d *entryDecoder) text(col int) string {
	no := d.cols[col].uint()
	if no >= uint64(len(d.texts)) {
		d.bad = true
		return ""
	}
	return d.texts[no]
}

func (d *entryDecoder) row(r, prev *row) {
	c, e, p := d.cols, &r.entry, &prev.entry
	r.name = uint32(int64(prev.name) + c[colName].int())
	e.Type = syncline.EntryType(d.text(colType))
	e.Mode = fs.FileMode(int64(p.Mode) + c[colMode].int())
	e.UID = uint32(int64(p.UID) + c[colUID].int())
	e.GID = uint32(int64(p.GID) + c[colGID].int())
	e.User = d.text(colUser)
	e.Group = d.text(colGroup)
	e.Inode = p.Inode + uint64(c[colInode].int())
	e.DeviceID = p.DeviceID + uint64(c[colDevID].int())
	e.Size = c[colSize].uint()
	e.Links = c[colLinks].uint()
	e.Device = c[colDevice].uint()
	sec := p.ModTime.Unix() + c[colTime].int()
	e.ModTime = d.clock(sec)
	e.AccessTime = d.other(sec, e.ModTime)
	e.ChangeTime = d.other(sec, e.ModTime)
	if z := c[colSubtree].uint(); z != 0 {
		z--
		d.lastTree += int64(z>>1) ^ -int64(z&1)
		r.subtree = uint32(d.lastTree)
	}
	d.rare(e)
}

func (d *entryDecoder) clock(sec int64) time.Time {
	nano := d.cols[colNano].u32()
	if d.zone += d.cols[colZone].int(); d.zone != d.located {
		d.location, d.located = d.zones.at(d.zone), d.zone
	}
	return time.Unix(sec, int64(nano)).In(d.location)
}

func (d *entryDecoder) other(sec int64, mtime time.Time) time.Time {
	if d.cols[colOther].uint() == 0 {
		return mtime
	}
	return d.clock(sec + d.cols[colOther].int())
}

func (d *entryDecoder) rare(e *syncline.Entry) {
	e.LinkTarget = d.cols[colTarget].text()
	e.Error = d.text(colError)
	c := &d.cols[colAttr]
	for range c.length() {
		if c.bad {
			return
		}
		e.ExtendedAttributes = append(e.ExtendedAttributes,
			syncline.ExtendedAttribute{Name: c.text(), Value: c.bytes()})
	}
	for range c.length() {
		if c.bad {
			return
		}
		e.GenericAttributes = append(e.GenericAttributes,
			syncline.GenericAttribute{Name: c.text(), Value: c.bytes()})
	}
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
