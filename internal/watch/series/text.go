package series

import (
	"fmt"
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
	age, ok := syncline.ParseDays(text)
	if !ok || age < minAge || age > maxAge {
		return 0, syncline.Errorf(syncline.CodeInvalid, "maxAge must be a time between 1m and 3650d, such as 26h, 90m or 7d12h")
	}
	return age, nil
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
	return text + syncline.FormatInterval(d)
}
