package explore

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
)

// matchPath matches a whole path, root first, as the walk does name by name.
func matchPath(p *pattern, text string) state {
	m := p.root()
	for name := range strings.SplitSeq(strings.TrimPrefix(text, "/"), "/") {
		m = p.step(&m, name)
	}
	return m.state(p)
}

func mustParse(t testing.TB, text string, fold bool) *pattern {
	t.Helper()
	p, err := parsePattern(text, fold)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		want          state
	}{
		{"", "/a", matched},
		{"/", "/a/b", matched},
		{"a", "/a", matched},
		{"a", "/x/a/b/c", matched},
		{"a", "/aa", open},
		{"a/c", "/a/b/c", open},
		{"a/c", "/a/c", matched},
		{"./a//c/", "/x/a/c", matched},
		{"!a", "/a", matched},
		{"/a", "/a/b", matched},
		{"/a", "/b/a", never},
		{"/a/*/c", "/a/b", open},
		{"/a/*/c", "/a/b/c/d", matched},
		{"/a/**/c", "/a/c", matched},
		{"/a/**/c", "/a/x/y/c", matched},
		{"a/**", "/b/a", matched},
		{"**", "/a", matched},
		{"**/a", "/a", matched},
		{"/a/**/b/**/c", "/a/b/x/c", matched},
		{"/a/**/b/**/c", "/a/x/b/c", soon},
		{"/a/**/b/**/c", "/a/x/b/c/d", matched},
		{"*.go", "/x/y.go", matched},
		{"[a-c]?", "/bz", matched},
		{"[^a-c]", "/b", open},
		{`\*`, "/*", matched},
		{`\*`, "/a", open},
		{"..", "/a", open},
		{"a*b", "/a\nb", matched},
		{"\xff*", "/\xffx", matched},
		{"?", "/\xff", matched},
		{"?", "/é", matched},
		{"?", "/e\u0301", open},
	} {
		if got := matchPath(mustParse(t, tt.pattern, false), tt.path); got != tt.want {
			t.Errorf("%q on %q: %d, want %d", tt.pattern, tt.path, got, tt.want)
		}
	}
	for _, tt := range [][2]string{{"READ*", "/x/readme"}, {"straße", "/STRAßE"}, {"k", "/\u212a"}, {"i", "/\u0130"}, {"\xfe", "/\xff"}} {
		if matchPath(mustParse(t, tt[0], true), tt[1]) != matched {
			t.Errorf("%q without regard to case does not match %q", tt[0], tt[1])
		}
	}
	for _, bad := range []string{"[", "a[", "[]", "a/[b/c", `\`, "[a-]", "[]a]", "x/y[", "[a-"} {
		if _, err := parsePattern(bad, false); syncline.CodeOf(err) != syncline.CodeInvalid {
			t.Errorf("%q is taken: %v", bad, err)
		}
	}
}

// expansions writes every "**" out, as the rules in the comment of pattern
// tell: the first may take up to one more than the path has parts more than
// the pattern, and so on with the pattern that this gives.
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

func slowMatch(text, file string) bool {
	parts := strings.Split(path.Clean(text), "/")
	names := append([]string{"/"}, strings.Split(file[1:], "/")...)
	rooted := parts[0] == ""
	if rooted {
		parts[0] = "/"
	}
	for _, x := range expansions(parts, len(names)) {
		for from := range len(names) - len(x) + 1 {
			if len(x) == 0 || rooted != (from == 0) {
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

func TestPatternAgainstExpansion(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	hits := 0
	for range 60_000 {
		var parts, names []string
		for range 1 + r.IntN(6) {
			parts = append(parts, []string{"a", "b", "*", "**", "**", "[ab]"}[r.IntN(6)])
		}
		for range 1 + r.IntN(7) {
			names = append(names, []string{"a", "b", "c"}[r.IntN(3)])
		}
		text := strings.Join(parts, "/")
		if r.IntN(2) == 0 {
			text = "/" + text
		}
		p := mustParse(t, text, false)
		m := p.root()
		pruned := m.state(p) == never
		for i, name := range names {
			m = p.step(&m, name)
			file := "/" + strings.Join(names[:i+1], "/")
			want := slowMatch(text, file)
			st := m.state(p)
			if want != (st == matched) {
				t.Fatalf("%q on %q: %d, want %v", text, file, st, want)
			}
			if want && pruned {
				t.Fatalf("%q never reaches %q", text, file)
			}
			pruned = pruned || st == never
			if want {
				hits++
			}
		}
	}
	if hits < 10_000 {
		t.Errorf("only %d paths matched", hits)
	}
}

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
		p, err := parsePattern(random(4), fold)
		if err != nil {
			continue
		}
		name, term := random(4), p.term()
		if term.Match == nil || !term.Match(name) {
			continue
		}
		hits++
		text := name
		if fold {
			text = strings.ToLower(name)
		}
		if !strings.Contains(text, term.Literal) || term.Fold != fold {
			t.Fatalf("%q (fold %v) matches %q, which does not have %q", p.text, fold, name, term.Literal)
		}
		if term.NonASCII && !strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 }) {
			t.Fatalf("%q matches %q, which is ASCII", p.text, name)
		}
	}
	if hits < 2000 {
		t.Errorf("only %d names matched", hits)
	}
}

// A pattern of many "**" against a deep path takes no time to speak of.
func TestPatternManyWildcards(t *testing.T) {
	p := mustParse(t, strings.Repeat("**/a/", 30)+"b", false)
	m := p.root()
	for range 300 {
		m = p.step(&m, "a")
		if len(m.threads) > 100*300 {
			t.Fatalf("%d threads at depth %d", len(m.threads), m.depth)
		}
	}
	if m.state(p) != open {
		t.Errorf("state %d", m.state(p))
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("/a/**/b*", "/a/x/bc", false)
	f.Add("[a-z]/**", "/Q/w", true)
	f.Fuzz(func(t *testing.T, text, file string, fold bool) {
		if len(text) > 60 || len(file) > 60 {
			return
		}
		p, err := parsePattern(text, fold)
		if err != nil {
			return
		}
		m := p.root()
		for name := range strings.SplitSeq(file, "/") {
			before := m.state(p)
			m = p.step(&m, name)
			if st := m.state(p); before == matched && st != matched || before == never && st != never {
				t.Fatalf("%q on %q goes from %d to %d", text, file, before, st)
			}
		}
		_ = fmt.Sprint(p.term().Literal)
	})
}
