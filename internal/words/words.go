// Package words cuts a command that a user has written as one text into its words. It
// runs nothing.
package words

import (
	"errors"
	"fmt"
	"unicode"
)

// Split cuts a command into words as restic does: at white space, quotes and backslashes
// outside of quotes. A text in quotes is literal, and a quote after a backslash does not
// end it. A command without a word is an error.
func Split(s string) ([]string, error) {
	var words []string
	var quote, last rune
	start := -1 // of the word, -1 between words
	for i, c := range s {
		var boundary bool
		switch {
		case last != '\\' && quote != 0 && c == quote:
			quote, boundary = 0, true
		case last != '\\' && quote == 0 && (c == '"' || c == '\''):
			quote, boundary = c, true
		default:
			last = c
			boundary = quote == 0 && (c == '\\' || unicode.IsSpace(c))
		}
		switch {
		case boundary && start >= 0:
			words = append(words, s[start:i])
			start = -1
		case !boundary && start < 0:
			start = i
		}
	}
	if start >= 0 {
		words = append(words, s[start:])
	}
	if quote != 0 {
		return nil, fmt.Errorf("the quote %c is not closed", quote)
	}
	if len(words) == 0 {
		return nil, errors.New("it is empty")
	}
	return words, nil
}
