package resticrepo

import (
	"bytes"
	"sync/atomic"
	"time"
)

// zones holds a location for each offset from UTC that RFC 3339 can write, by
// minutes from -24 hours. Each is made when it is first needed.
var zones [2*24*60 + 1]atomic.Pointer[time.Location]

// zone returns the location of an offset in seconds.
func zone(offset int) *time.Location {
	if offset == 0 {
		return time.UTC
	}
	i := offset/60 + 24*60
	if offset%60 != 0 || i < 0 || i >= len(zones) {
		return time.FixedZone("", offset)
	}
	if l := zones[i].Load(); l != nil {
		return l
	}
	l := time.FixedZone("", offset)
	zones[i].Store(l)
	return l
}

// fixZone keeps a time's offset from UTC and drops the location. encoding/json
// takes the machine's own location where the offsets are the same.
func fixZone(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.In(zone(offset))
}

// time reads a time as RFC 3339 writes it, with up to nine decimals.
func (p *nodeParser) time(t *time.Time) bool {
	rest := p.buf[p.pos:]
	// Modification, access and change times are often the same.
	if n := len(p.lastText); n > 0 && len(rest) >= n && bytes.Equal(rest[:n], p.lastText) {
		p.pos += n
		*t = p.lastTime
		return true
	}
	const dateTime = len(`"2006-01-02T15:04:05`)
	if len(rest) < dateTime+2 || rest[0] != '"' {
		return false
	}
	sec, ok := unixSeconds((*[19]byte)(rest[1:dateTime]))
	if !ok {
		return false
	}
	i := dateTime
	nsec := 0
	if rest[i] == '.' {
		i++
		start := i
		for i < len(rest) && rest[i]-'0' <= 9 {
			if i-start == 9 {
				return false
			}
			nsec = nsec*10 + int(rest[i]-'0')
			i++
		}
		if i == start {
			return false
		}
		for range 9 - (i - start) {
			nsec *= 10
		}
	}
	offset, n := zoneOffset(rest[i:])
	if n == 0 || i+n >= len(rest) || rest[i+n] != '"' {
		return false
	}
	i += n + 1
	*t = time.Unix(sec-int64(offset), int64(nsec)).In(zone(offset))
	p.lastText, p.lastTime = rest[:i], *t
	p.pos += i
	return true
}

// zoneOffset reads "Z" or "+02:00". It returns seconds and the length of the
// text. The length is 0 for any other text.
func zoneOffset(b []byte) (offset, n int) {
	if len(b) > 0 && b[0] == 'Z' {
		return 0, 1
	}
	if len(b) < 6 || b[0] != '+' && b[0] != '-' || b[3] != ':' {
		return 0, 0
	}
	h, m := twoDigits(b[1], b[2]), twoDigits(b[4], b[5])
	if h > 23 || m > 59 {
		return 0, 0
	}
	offset = (h*60 + m) * 60
	if b[0] == '-' {
		offset = -offset
	}
	return offset, 6
}

// twoDigits returns the number of two digits. Other bytes give a number above
// every bound that callers ask for.
func twoDigits(a, b byte) int {
	a, b = a-'0', b-'0'
	if a > 9 || b > 9 {
		return 1000
	}
	return int(a)*10 + int(b)
}

// unixSeconds reads "2006-01-02T15:04:05" as UTC.
func unixSeconds(b *[19]byte) (int64, bool) {
	if b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	century, year := twoDigits(b[0], b[1]), twoDigits(b[2], b[3])
	month, day := twoDigits(b[5], b[6]), twoDigits(b[8], b[9])
	hour, minute, sec := twoDigits(b[11], b[12]), twoDigits(b[14], b[15]), twoDigits(b[17], b[18])
	if century > 99 || year > 99 || hour > 23 || minute > 59 || sec > 59 {
		return 0, false
	}
	year += century * 100
	if month < 1 || month > 12 || day < 1 || day > daysIn(month, year) {
		return 0, false
	}
	return (daysBefore(year, month)+int64(day-1))*86400 + int64(hour*3600+minute*60+sec), true
}

func daysIn(month, year int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysBefore returns the days from 1970-01-01 to the first of the month. It
// counts years from March, so the leap day is the last day of its year.
func daysBefore(year, month int) int64 {
	y, m := year, month-3
	if m < 0 {
		y, m = y-1, m+12
	}
	// Year 0 counted from March begins in the year before it. Adding four
	// centuries keeps the divisions on positive numbers.
	y += 400
	days := y*365 + y/4 - y/100 + y/400 + (m*153+2)/5
	const epoch = 2370*365 + 2370/4 - 2370/100 + 2370/400 - (31 + 28) // 1970-01-01
	return int64(days - epoch)
}
