package series

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"syncline.dev/syncline"
)

const day = 24 * time.Hour

// printable makes a text from a repository fit for a message.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// The bounds of a rule's age.
const (
	minAge = time.Minute
	maxAge = 3650 * day
)

// ParseAge reads the age of a rule: a duration such as 26h, 90m or 7d12h.
func ParseAge(text string) (time.Duration, error) {
	age, rest := time.Duration(0), text
	if days, after, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, badAge()
		}
		age, rest = time.Duration(n)*day, after
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 || d > maxAge {
			return 0, badAge()
		}
		age += d
	}
	if age < minAge || age > maxAge {
		return 0, badAge()
	}
	return age, nil
}

func badAge() error {
	return syncline.Errorf(syncline.CodeInvalid, "maxAge must be a time between 1m and 3650d, such as 26h, 90m or 7d12h")
}

// DurationText writes a duration as ParseAge reads it.
func DurationText(d time.Duration) string {
	text := ""
	if days := d / day; days > 0 && (d >= 3*day || d%day == 0) {
		text, d = fmt.Sprintf("%dd", days), d%day
	}
	if d == 0 && text != "" {
		return text
	}
	rest := d.String()
	if strings.HasSuffix(rest, "m0s") {
		rest = strings.TrimSuffix(rest, "0s")
	}
	if strings.HasSuffix(rest, "h0m") {
		rest = strings.TrimSuffix(rest, "0m")
	}
	return text + rest
}
