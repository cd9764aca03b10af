package syncline

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// The bounds of Schedule.Interval.
const (
	MinInterval = time.Minute
	MaxInterval = 366 * 24 * time.Hour
)

// ParseInterval reads the interval of a schedule: days, hours, minutes and seconds, as
// in "15m", "1h30m" and "7d". The message of its error begins after the name of the
// value.
func ParseInterval(text string) (time.Duration, error) {
	d, ok := ParseDays(text)
	switch {
	case !ok || d%time.Second != 0:
		return 0, Errorf(CodeInvalid, "must be a time such as 15m, 1h30m or 7d, and %q is none", clip(text))
	case d > MaxInterval:
		return 0, Errorf(CodeInvalid, "must be 366d at most, and %q is more", clip(text))
	case d < MinInterval:
		return 0, Errorf(CodeInvalid, "must be 1m at least and 366d at most, and %q is not", clip(text))
	}
	return d, nil
}

// ParseDays reads a duration that can begin with days, as in "26h", "90m" and "7d12h".
// ok is false for any other text, and for more than time.Duration holds.
func ParseDays(text string) (d time.Duration, ok bool) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		days, rest = "0", text
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, false
	}
	whole := time.Duration(n) * 24 * time.Hour
	if rest != "" || !found {
		if d, err = time.ParseDuration(rest); err != nil || d < 0 || d > math.MaxInt64-whole {
			return 0, false
		}
	}
	return whole + d, true
}

// FormatInterval writes an interval so that ParseInterval reads it.
func FormatInterval(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
