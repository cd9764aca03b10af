package resticjson

import (
	"slices"
	"time"
)

// AppendTime appends a time as encoding/json writes it.
func AppendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// clock appends what AppendTime does. It keeps the date and the zone of the last time,
// because the files of a folder mostly have few days. The zero value is ready.
type clock struct {
	known  bool  // there was a time before
	day    int64 // since 1970, in the time's own zone
	offset int
	date   [len(`"2006-01-02T`)]byte
	zone   [8]byte // and the quote behind it
	zoned  int     // bytes of zone
}

const secondsPerDay = 24 * 60 * 60

// maxTime is the room for a time: `"2006-01-02T15:04:05.999999999`, and a zone.
const maxTime = 30 + 8

// append writes the bytes where they belong: to append them piece by piece takes longer.
func (c *clock) append(b []byte, t time.Time) []byte {
	_, offset := t.Zone()
	local := t.Unix() + int64(offset)
	day := local / secondsPerDay
	second := int(local - day*secondsPerDay)
	if second < 0 {
		day, second = day-1, second+secondsPerDay
	}
	if (day != c.day || offset != c.offset || !c.known) && !c.set(t, day, offset) {
		return AppendTime(b, t)
	}
	from := len(b)
	b = slices.Grow(b, maxTime)[:from+maxTime]
	text := (*[maxTime]byte)(b[from:])
	*(*[len(c.date)]byte)(text[:]) = c.date
	hour, minute := second/3600, second/60%60
	second %= 60
	text[12], text[13], text[14], text[15], text[16] = tens[hour], ones[hour], ':', tens[minute], ones[minute]
	text[17], text[18], text[19] = ':', tens[second], ones[second]
	end := putNanos(text, uint32(t.Nanosecond())) //nolint:gosec // below a billion
	*(*[len(c.zone)]byte)(text[end:]) = c.zone
	return b[:from+end+c.zoned]
}

// putNanos writes the fraction of a second without zeros at its end, and returns where it
// ends.
func putNanos(text *[maxTime]byte, n uint32) int {
	if n == 0 {
		return 20
	}
	left, right := n/100_000, n%100_000 // four digits and five
	pairs := right / 10
	text[20], text[21], text[22], text[23], text[24] = '.', tens[left/100], ones[left/100], tens[left%100], ones[left%100]
	text[25], text[26], text[27], text[28] = tens[pairs/100], ones[pairs/100], tens[pairs%100], ones[pairs%100]
	text[29] = byte('0' + right%10)
	end := 30
	for text[end-1] == '0' {
		end--
	}
	return end
}

// set keeps the date and the zone of a time. It returns false for one that encoding/json
// refuses or writes in its own way.
func (c *clock) set(t time.Time, day int64, offset int) bool {
	year, month, of := t.Date()
	if year < 0 || year > 9999 || offset%60 != 0 || offset <= -secondsPerDay || offset >= secondsPerDay {
		return false
	}
	c.known, c.day, c.offset = true, day, offset
	century, year := year/100, year%100
	c.date = [len(c.date)]byte{'"', tens[century], ones[century], tens[year], ones[year], '-', tens[month], ones[month], '-', tens[of], ones[of], 'T'}
	if offset == 0 {
		c.zone, c.zoned = [8]byte{'Z', '"'}, 2
		return true
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	hour, minute := offset/3600, offset/60%60
	c.zone, c.zoned = [8]byte{sign, tens[hour], ones[hour], ':', tens[minute], ones[minute], '"'}, 7
	return true
}

// tens and ones have the digits of the numbers below 100.
var tens, ones = func() (tens, ones [100]byte) {
	for n := range tens {
		tens[n], ones[n] = byte('0'+n/10), byte('0'+n%10)
	}
	return tens, ones
}()
