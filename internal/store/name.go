package store

import (
	"strings"
	"unicode"
)

// FoldName returns the form in which names of repositories and users are
// compared: without regard to letter case, in any script. Two names are the
// same when their folded forms are equal. Accents count, and so does how they
// are composed; bytes that are no UTF-8 all compare as the same character.
func FoldName(name string) string {
	return strings.Map(func(r rune) rune {
		// The characters that differ only in case form a ring; its smallest
		// member stands for all of them.
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}
