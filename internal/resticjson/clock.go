package resticjson

import "time"

// AppendTime appends a time as encoding/json writes it.
func AppendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// clock appends what AppendTime does. It keeps the date and the zone of the last time,
// because the files of a folder mostly have few days. The zero value is ready.
type clock struct {
	day    int64 // since 1970, in the time's own zone
	offset int
	date   []byte // and the quote before it; empty before the first time
	zone   []byte // and the quote behind it
}

const secondsPerDay = 24 * 60 * 60

func (c *clock) append(b []byte, t time.Time) []byte {
	_, offset := t.Zone()
	local := t.Unix() + int64(offset)
	day := local / secondsPerDay
	second := int(local - day*secondsPerDay)
	if second < 0 {
		day, second = day-1, second+secondsPerDay
	}
	if (day != c.day || offset != c.offset || len(c.date) == 0) && !c.set(t, day, offset) {
		return AppendTime(b, t)
	}
	b = append(b, c.date...)
	hour, minute := second/3600, second/60%60
	second %= 60
	b = append(b, tens[hour], ones[hour], ':', tens[minute], ones[minute], ':', tens[second], ones[second])
	return append(appendNanos(b, uint32(t.Nanosecond())), c.zone...) //nolint:gosec // below a billion
}

// set keeps the date and the zone of a time. It returns false for one that encoding/json
// refuses or writes in its own way.
func (c *clock) set(t time.Time, day int64, offset int) bool {
	year, month, of := t.Date()
	if year < 0 || year > 9999 || offset%60 != 0 || offset <= -secondsPerDay || offset >= secondsPerDay {
		return false
	}
	c.day, c.offset = day, offset
	c.date = append(twoDigits(twoDigits(append(c.date[:0], '"'), year/100), year%100), '-')
	c.date = append(twoDigits(append(twoDigits(c.date, int(month)), '-'), of), 'T')
	if offset == 0 {
		c.zone = append(c.zone[:0], `Z"`...)
		return true
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	c.zone = append(twoDigits(append(c.zone[:0], sign), offset/3600), ':')
	c.zone = append(twoDigits(c.zone, offset/60%60), '"')
	return true
}

// tens and ones have the digits of the numbers below 100.
var tens, ones = func() (tens, ones [100]byte) {
	for n := range tens {
		tens[n], ones[n] = byte('0'+n/10), byte('0'+n%10)
	}
	return tens, ones
}()

func twoDigits(b []byte, n int) []byte { return append(b, tens[n], ones[n]) }

// appendNanos appends the fraction of a second without zeros at its end.
func appendNanos(b []byte, n uint32) []byte {
	if n == 0 {
		return b
	}
	left, right := n/100_000, n%100_000 // four digits and five
	pairs, last := right/10, byte('0'+right%10)
	b = append(b, '.', tens[left/100], ones[left/100], tens[left%100], ones[left%100],
		tens[pairs/100], ones[pairs/100], tens[pairs%100], ones[pairs%100], last)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}
