package catalog

import "time"

// timeColumn has the modification, access or change times of a block.
type timeColumn struct {
	modified bool // they equal the modification times, and the other fields are unused
	sec      []int64
	nano     []uint32
	zone     []uint16 // of zones
}

// times reads the three times of every row. The access and the change times are columns of
// their own from the first row on in which they differ.
func (d *entryDecoder) times(b *entryBlock) {
	c, n := d.cols, b.count
	mod := &b.times[0]
	mod.modified, mod.nano = false, room(mod.nano, n)
	mod.sec = deltas(&c[colTime], mod.sec, n, time.Time{}.Unix())
	b.times[1].modified, b.times[2].modified = true, true
	zones := d.zones(b)
	nanos := c[colNano].steps()
	if c[colOther].zeros(2 * n) { // mostly there is one time
		c[colOther].b = nil
		for i := range mod.nano {
			mod.nano[i] = nanos.u32()
			zones.next(mod, i)
		}
		c[colNano].take(&nanos)
		c[colZone].take(&zones.steps)
		return
	}
	others := c[colOther].steps()
	for i := range mod.sec {
		mod.nano[i] = nanos.u32()
		zones.next(mod, i)
		for which := 1; which < len(b.times); which++ {
			t := &b.times[which]
			if others.uint() == 0 {
				if !t.modified {
					t.sec[i], t.nano[i] = mod.sec[i], mod.nano[i]
					zones.copy(t, mod, i)
				}
				continue
			}
			if t.modified {
				t.begin(mod, i)
			}
			t.sec[i], t.nano[i] = mod.sec[i]+others.int(), nanos.u32()
			zones.next(t, i)
		}
	}
	c[colOther].take(&others)
	c[colNano].take(&nanos)
	c[colZone].take(&zones.steps)
}

// begin makes a column of its own of times that differ from the modification times from
// row i on.
func (t *timeColumn) begin(mod *timeColumn, i int) {
	t.modified = false
	t.sec, t.nano, t.zone = room(t.sec, len(mod.sec)), room(t.nano, len(mod.nano)), room(t.zone, len(mod.zone))
	copy(t.sec, mod.sec[:i])
	copy(t.nano, mod.nano[:i])
	copy(t.zone, mod.zone[:min(i+1, len(mod.zone))])
}

// zoneReader reads the zones of a block's times, unless all are equal.
type zoneReader struct {
	steps
	b      *entryBlock
	many   bool
	offset int64
	no     uint16
	known  map[int64]uint16
}

// zones begins the zones of a block. Where there is only one zone, it reads them all.
func (d *entryDecoder) zones(b *entryBlock) zoneReader {
	column, mod := &d.cols[colZone], &b.times[0]
	b.zones = append(b.zones, time.UTC)
	offset, one := column.unchanging(len(d.cols[colNano].b) / 4)
	if !one {
		mod.zone = room(mod.zone, b.count)
		return zoneReader{b: b, steps: column.steps(), many: true, known: map[int64]uint16{0: 0}}
	}
	if mod.zone = append(mod.zone[:0], 0); offset != 0 {
		mod.zone[0] = 1
		b.zones = append(b.zones, time.FixedZone("", int(offset)))
	}
	return zoneReader{}
}

// next reads the zone of a time in row i.
func (z *zoneReader) next(t *timeColumn, i int) {
	if z.many {
		t.zone[i] = z.number()
	}
}

func (z *zoneReader) number() uint16 {
	if change := z.int(); change != 0 {
		z.offset += change
		no, ok := z.known[z.offset]
		if !ok {
			no = uint16(len(z.b.zones))
			z.known[z.offset] = no
			z.b.zones = append(z.b.zones, time.FixedZone("", int(z.offset)))
		}
		z.no = no
	}
	return z.no
}

func (z *zoneReader) copy(t, mod *timeColumn, i int) {
	if z.many {
		t.zone[i] = mod.zone[i]
	}
}
