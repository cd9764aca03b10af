package pattern

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
)

// matchPath matches a whole path name by name, from the root.
func matchPath(p *Pattern, text string) State {
	m := p.Root()
	for name := range strings.SplitSeq(strings.TrimPrefix(text, "/"), "/") {
		m = p.Step(&m, name)
	}
	return m.State(p)
}

func mustParse(t testing.TB, text string, fold bool) *Pattern {
	t.Helper()
	p, err := Parse(text, fold)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		want          State
	}{
		{"", "/a", Matched},
		{"/", "/a/b", Matched},
		{"a", "/a", Matched},
		{"a", "/x/a/b/c", Matched},
		{"a", "/aa", Open},
		{"a/c", "/a/b/c", Open},
		{"a/c", "/a/c", Matched},
		{"./a//c/", "/x/a/c", Matched},
		{"!a", "/a", Matched},
		{"/a", "/a/b", Matched},
		{"/a", "/b/a", Never},
		{"/a/*/c", "/a/b", Open},
		{"/a/*/c", "/a/b/c/d", Matched},
		{"/a/**/c", "/a/c", Matched},
		{"/a/**/c", "/a/x/y/c", Matched},
		{"a/**", "/b/a", Matched},
		{"**", "/a", Matched},
		{"**/a", "/a", Matched},
		{"/a/**/b/**/c", "/a/b/x/c", Matched},
		{"/a/**/b/**/c", "/a/x/b/c", Soon},
		{"/a/**/b/**/c", "/a/x/b/c/d", Matched},
		{"*.go", "/x/y.go", Matched},
		{"[a-c]?", "/bz", Matched},
		{"[^a-c]", "/b", Open},
		{`\*`, "/*", Matched},
		{`\*`, "/a", Open},
		{"..", "/a", Open},
		{"a*b", "/a\nb", Matched},
		{"\xff*", "/\xffx", Matched},
		{"?", "/\xff", Matched},
		{"?", "/é", Matched},
		{"?", "/e\u0301", Open},
	} {
		if got := matchPath(mustParse(t, tt.pattern, false), tt.path); got != tt.want {
			t.Errorf("%q on %q: %d, want %d", tt.pattern, tt.path, got, tt.want)
		}
	}
	for _, tt := range [][2]string{{"READ*", "/x/readme"}, {"straße", "/STRAßE"}, {"k", "/\u212a"}, {"i", "/\u0130"}, {"\xfe", "/\xff"}} {
		if matchPath(mustParse(t, tt[0], true), tt[1]) != Matched {
			t.Errorf("%q without regard to case does not match %q", tt[0], tt[1])
		}
	}
	for _, bad := range []string{"[", "a[", "[]", "a/[b/c", `\`, "[a-]", "[]a]", "x/y[", "[a-"} {
		if _, err := Parse(bad, false); syncline.CodeOf(err) != syncline.CodeInvalid {
			t.Errorf("%q is taken: %v", bad, err)
		}
	}
}

// The error of a bound names the bound and the pattern.
func TestBounds(t *testing.T) {
	_, err := Parse(strings.Repeat("a", MaxLength+1), false)
	if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(err.Error(), "has 4097 bytes; at most 4096") {
		t.Errorf("a long pattern: %v", err)
	}
	if _, err := Parse(strings.Repeat("a", MaxLength), false); err != nil {
		t.Errorf("the longest pattern: %v", err)
	}
	list := slices.Repeat([]string{"a"}, MaxPatterns+1)
	if _, err = ParseList(list, false); syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(err.Error(), "10001 patterns; at most 10000") {
		t.Errorf("many patterns: %v", err)
	}
	if _, err := ParseList(list[1:], false); err != nil {
		t.Errorf("the longest list: %v", err)
	}
}

// deepest moves a pattern down a path and returns the largest number of threads
// at once.
func deepest(p *Pattern, names []string) (most int) {
	m := p.Root()
	for _, name := range names {
		m = p.Step(&m, name)
		most = max(most, len(m.threads))
	}
	return most
}

// The number of threads stays small for every pattern and path. A "**" adds
// none.
func TestThreadsStayFew(t *testing.T) {
	deep := slices.Repeat([]string{"a"}, 2000)
	for _, tt := range []struct {
		text string
		most int
	}{
		{strings.Repeat("**/", MaxLength/3), 1},
		{"/" + strings.Repeat("**/", MaxLength/3-1) + "b", 2},
		{strings.Repeat("**/a/", MaxLength/5), 2 * MaxLength / 5},
		{"/" + strings.Repeat("**/a/", MaxLength/5-1) + "b", 2 * MaxLength / 5},
		{strings.Repeat("a/", MaxLength/2-1) + "b", MaxLength / 2},
		{strings.Repeat("*/", MaxLength/2-1) + "b", MaxLength / 2},
	} {
		if got := deepest(mustParse(t, tt.text, false), deep); got > tt.most {
			t.Errorf("%.20s…: %d ways at once, want at most %d", tt.text, got, tt.most)
		}
	}
	r := rand.New(rand.NewPCG(11, 12))
	for range 300 {
		parts, names := words(r, 200, "a", "b", "**", "**", "*"), words(r, 200, "a", "a", "b")
		p := mustParse(t, strings.Join(parts, "/"), false)
		if got, most := deepest(p, names), 4*len(p.parts); got > most {
			t.Fatalf("%q on %q: %d ways at once, want at most %d", p.text, names, got, most)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("/a/**/b*", "/a/x/bc", false)
	f.Add("[a-z]/**", "/Q/w", true)
	f.Fuzz(func(t *testing.T, text, file string, fold bool) {
		if len(text) > 60 || len(file) > 60 {
			return
		}
		p, err := Parse(text, fold)
		if err != nil {
			return
		}
		m := p.Root()
		for name := range strings.SplitSeq(file, "/") {
			before := m.State(p)
			m = p.Step(&m, name)
			if st := m.State(p); before == Matched && st != Matched || before == Never && st != Never {
				t.Fatalf("%q on %q goes from %d to %d", text, file, before, st)
			}
		}
		for i := range p.parts {
			_ = p.parts[i].Literal()
		}
	})
}
