package explore

import (
	"math/rand/v2"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/pattern"
)

// Every name that a last part matches must have the term's literal.
func TestPatternTerm(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	letters := []string{"a", "B", "é", "e\u0301", "K", "\u212a", "\xff", "*", "?", "[a-c]", "[^x]", `\*`, `\[`, "]", "-", "İ"}
	random := func(most int) string {
		var s strings.Builder
		for range 1 + r.IntN(most) {
			s.WriteString(letters[r.IntN(len(letters))])
		}
		return s.String()
	}
	hits := 0
	for range 100_000 {
		fold := r.IntN(2) == 0
		p, err := pattern.Parse(random(4), fold)
		if err != nil {
			continue
		}
		name, term := random(4), termOfPattern(p)
		if term.Match == nil || !term.Match(name) {
			continue
		}
		hits++
		text := name
		if fold {
			text = strings.ToLower(name)
		}
		if !strings.Contains(text, term.Literal) || term.Fold != fold {
			t.Fatalf("%q (fold %v) matches %q, which does not have %q", p.String(), fold, name, term.Literal)
		}
		if term.NonASCII && !strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 }) {
			t.Fatalf("%q matches %q, which is ASCII", p.String(), name)
		}
	}
	if hits < 2000 {
		t.Errorf("only %d names matched", hits)
	}
}
