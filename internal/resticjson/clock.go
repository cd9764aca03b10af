package resticjson

import "time"

// AppendTime appends a time as encoding/json writes it.
func AppendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// clock appends what AppendTime does. It keeps the date of the last time, because the
// files of a folder mostly have few days.
type clock struct {
	day  int64 // since 1970, in the time's own zone
	date []byte
}

const secondsPerDay = 24 * 60 * 60

func (c *clock) append(b []byte, t time.Time) []byte {
	_, offset := t.Zone()
	local := t.Unix() + int64(offset)
	day := local / secondsPerDay
	second := int(local % secondsPerDay)
	if second < 0 {
		day, second = day-1, second+secondsPerDay
	}
	if len(c.date) == 0 || day != c.day {
		year, month, of := t.Date()
		if year < 0 || year > 9999 {
			return AppendTime(b, t)
		}
		c.day, c.date = day, append(twoDigits(twoDigits(append(c.date[:0], '"'), year/100), year%100), '-')
		c.date = append(twoDigits(append(twoDigits(c.date, int(month)), '-'), of), 'T')
	}
	if offset%60 != 0 || offset <= -secondsPerDay || offset >= secondsPerDay {
		return AppendTime(b, t)
	}
	b = append(b, c.date...)
	b = append(twoDigits(b, second/3600), ':')
	b = append(twoDigits(b, second/60%60), ':')
	b = twoDigits(b, second%60)
	b = appendNanos(b, t.Nanosecond())
	if offset == 0 {
		return append(b, `Z"`...)
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	b = append(twoDigits(append(b, sign), offset/3600), ':')
	return append(twoDigits(b, offset/60%60), '"')
}

func twoDigits(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// appendNanos appends the fraction of a second without zeros at its end.
func appendNanos(b []byte, n int) []byte {
	if n == 0 {
		return b
	}
	var digits [10]byte
	last := 0
	for i := 9; i > 0; i-- {
		digits[i] = byte('0' + n%10)
		if n /= 10; last == 0 && digits[i] != '0' {
			last = i
		}
	}
	digits[0] = '.'
	return append(b, digits[:last+1]...)
}
