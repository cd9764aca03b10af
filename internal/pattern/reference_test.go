package pattern

import (
	"context"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
)

// expansions replaces every "**" by parts, by the rules of Pattern. The first
// "**" takes as many parts as the path has more than the pattern, and one more
// at most. The next one is expanded in the same way in the resulting pattern.
func expansions(parts []string, n int) [][]string {
	at := slices.Index(parts, "**")
	if at < 0 {
		return [][]string{parts}
	}
	var out [][]string
	for i := 0; i <= n-len(parts)+1; i++ {
		out = append(out, expansions(slices.Concat(parts[:at], slices.Repeat([]string{"*"}, i), parts[at+1:]), n)...)
	}
	return out
}

// slowMatch reports by the published rules whether a pattern matches a path,
// with or without a root.
func slowMatch(text, file string) bool {
	parts := strings.Split(path.Clean(text), "/")
	names := strings.Split(file, "/")
	if absolute := names[0] == ""; absolute {
		names[0] = "/"
	}
	rooted := parts[0] == ""
	if rooted {
		parts[0] = "/"
	}
	for _, x := range expansions(parts, len(names)) {
		for from := range len(names) - len(x) + 1 {
			if len(x) == 0 || rooted && from > 0 || !rooted && names[from] == "/" {
				continue
			}
			all := true
			for i := range x {
				ok, err := path.Match(x[i], names[from+i])
				all = all && err == nil && (ok || x[i] == "/" && names[from+i] == "/")
			}
			if all {
				return true
			}
		}
	}
	return false
}

// slowBelow reports whether a path below may match. It may if the pattern's
// beginning, up to its first "**", fits the beginning of the path.
func slowBelow(text, file string) bool {
	parts, names := strings.Split(path.Clean(text), "/"), strings.Split(file, "/")
	if parts[0] != "" {
		return true
	}
	for i := 1; i < len(parts) && i < len(names); i++ {
		if parts[i] == "**" || parts[i] == "" {
			return true
		}
		if ok, err := path.Match(parts[i], names[i]); !ok || err != nil {
			return false
		}
	}
	return true
}

// slowList returns a list's answer for a path.
func slowList(texts []string, file string) (selected, below bool) {
	for _, text := range texts {
		if text == "" {
			continue
		}
		text, negated := strings.CutPrefix(text, "!")
		switch matches := slowMatch(text, file); {
		case negated:
			selected, below = selected && !matches, below && !matches
		default:
			selected, below = selected || matches, below || slowBelow(text, file)
		}
	}
	return selected, below
}

// words picks up to n words.
func words(r *rand.Rand, n int, from ...string) (list []string) {
	for range 1 + r.IntN(n) {
		list = append(list, from[r.IntN(len(from))])
	}
	return list
}

// randomPattern makes a pattern of a few parts.
func randomPattern(r *rand.Rand) string {
	text := strings.Join(words(r, 6, "a", "b", "*", "**", "**", "[ab]"), "/")
	if r.IntN(2) == 0 {
		text = "/" + text
	}
	return text
}

func TestPatternAgainstExpansion(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	hits := 0
	for range 30_000 {
		text, names := randomPattern(r), words(r, 7, "a", "b", "c")
		p := mustParse(t, text, false)
		m := p.Root()
		pruned := m.State(p) == Never
		for i, name := range names {
			m = p.Step(&m, name)
			file := "/" + strings.Join(names[:i+1], "/")
			want, st := slowMatch(text, file), m.State(p)
			if want != (st == Matched) {
				t.Fatalf("%q on %q: %d, want %v", text, file, st, want)
			}
			if want && pruned || (st == Never) == slowBelow(text, file) {
				t.Fatalf("%q on %q: %d, and something below matches: %v", text, file, st, slowBelow(text, file))
			}
			pruned = pruned || st == Never
			if want {
				hits++
			}
		}
		if file := "/" + strings.Join(names, "/"); p.Match(file) != slowMatch(text, file) {
			t.Fatalf("%q on the whole of %q: %v", text, file, p.Match(file))
		}
		if file := strings.Join(names, "/"); p.matchesRelative(file) != slowMatch(text, file) {
			t.Fatalf("%q on %q, which has no root: %v", text, file, p.matchesRelative(file))
		}
	}
	if hits < 5_000 {
		t.Errorf("only %d paths matched", hits)
	}
}

// A cursor gives the list's answer for each path, in any order of paths.
func TestCursorAgainstList(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	chosen, asked := 0, 0
	for range 2_000 {
		var texts []string
		for range r.IntN(5) {
			texts = append(texts, []string{"", "!"}[r.IntN(2)]+randomPattern(r))
		}
		fold := r.IntN(3) == 0
		l, err := ParseList(texts, fold)
		if err != nil {
			t.Fatal(err)
		}
		c := l.Cursor()
		var file string
		for range 20 {
			names := words(r, 6, "a", "b", "ab", "A", "c")
			if r.IntN(2) == 0 {
				file += "/" + names[0]
			} else {
				file = "/" + strings.Join(names, "/")
			}
			folded := file
			if fold {
				folded = strings.ToLower(file)
			}
			selected, below, err := c.Select(t.Context(), file)
			wantSelected, wantBelow := slowList(texts, folded)
			if err != nil || selected != wantSelected || below != wantBelow {
				t.Fatalf("%q on %q: %v, %v, %v; want %v, %v", texts, file, selected, below, err, wantSelected, wantBelow)
			}
			if asked++; selected {
				chosen++
			}
			if name := strings.TrimPrefix(folded, "/"); l.Chooses(name) != chooses(texts, name) {
				t.Fatalf("%q on the name %q: %v", texts, name, l.Chooses(name))
			}
		}
	}
	if chosen < asked/20 || chosen > asked/2 {
		t.Errorf("%d of %d paths were chosen", chosen, asked)
	}
}

func chooses(texts []string, name string) bool {
	selected, _ := slowList(texts, name)
	return selected
}

// A cursor that is stopped returns an error, and gives right answers
// afterwards.
func TestCursorIsStopped(t *testing.T) {
	l, err := ParseList(append(slices.Repeat([]string{"!x"}, 5000), "/a/b"), false)
	if err != nil {
		t.Fatal(err)
	}
	c := l.Cursor()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if selected, _, err := c.Select(ended, "/a/b/c"); selected || syncline.CodeOf(err) != syncline.CodeCanceled {
		t.Errorf("a stopped one: %v, %v", selected, err)
	}
	if selected, _, err := c.Select(t.Context(), "/a/b/c"); !selected || err != nil {
		t.Errorf("asked again: %v, %v", selected, err)
	}
}
