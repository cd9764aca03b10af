// Package clip keeps texts that others have written short in messages. It knows no other
// part.
package clip

import "strings"

// Mark stands at the end of a text that was cut.
const Mark = "…"

// Text returns a text of up to most bytes as it is. A longer one is cut there, without
// half a character, and ends with Mark.
func Text(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + Mark
}
