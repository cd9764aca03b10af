package archive

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPortableNames(t *testing.T) {
	for name, want := range map[string]string{
		"plain.txt": "plain.txt", "übung ✓": "übung ✓", `..\..\up`: ".._.._up", "C:evil": "C_evil", "a:stream": "a_stream",
		"CON": "CON_", "con.txt": "con_.txt", "nul .a.b": "nul _.a.b", "COM1": "COM1_", "lpt².log": "lpt²_.log", "COM": "COM", "COM10": "COM10", "console": "console",
		"dot.": "dot_", "three...": "three___", " lead": " lead", "trail ": "trail_", "...": "___", "new\nline": "new_line",
		"photo\u202egpj.exe": "photo_gpj.exe", "a\u200bb": "a_b", "a\u2066b\u2069": "a_b_", "\ufeffbom": "_bom", "c1 \u0085\u009b": "c1 __", "line\u2028": "line_",
		"\u0646\u200c\u0647": "\u0646\u200c\u0647", "\U0001F468\u200d\U0001F33E": "\U0001F468\u200d\U0001F33E", "a\u00adb": "a_b", "\U000e0041": "_",
		"raw \xff\x01": "raw %FF_", "\uFFFD": "\uFFFD", `a"b<c>d|e?f*g`: "a_b_c_d_e_f_g", ".hidden": ".hidden",
	} {
		if got := portable(name); got != want {
			t.Errorf("%q becomes %q, not %q", name, got, want)
		}
	}
}

func call(t *testing.T, how naming, list []string) []string {
	t.Helper()
	n, err := newNames(how, func(fn func(string)) error {
		for _, name := range list {
			fn(name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(list))
	for i, name := range list {
		got[i] = n.call(name)
	}
	return got
}

func TestNamesAreGivenOnce(t *testing.T) {
	exact, zip, tar := exactNaming(), zipNaming(), tarNaming()
	for _, c := range []struct {
		how        naming
		list, want []string
	}{
		{exact, []string{"a", "b"}, []string{"a", "b"}},
		{exact, []string{"a", "a", "a"}, []string{"a", "a (2)", "a (3)"}},
		{exact, []string{"b.txt", "a", "b.txt"}, []string{"b.txt", "a", "b (2).txt"}},
		{exact, []string{"a", "a", "a (2)", "a (2)"}, []string{"a", "a (3)", "a (2)", "a (2) (2)"}},
		{zip, []string{"a:", "a_", "a?"}, []string{"a_ (2)", "a_", "a_ (3)"}},
		{zip, []string{"a:", "a?"}, []string{"a_", "a_ (2)"}},
		{zip, []string{".x?", ".x*"}, []string{".x_", ".x_ (2)"}},
		{exact, []string{"A", "a", "\u202e"}, []string{"A", "a", "\u202e"}},
		{zip, []string{"A", "a", "b"}, []string{"A", "a (2)", "b"}},
		{tar, []string{"A", "a", "b"}, []string{"A", "a (2)", "b"}},
		{tar, []string{"Makefile", "makefile", "MAKEFILE"}, []string{"Makefile", "makefile (2)", "MAKEFILE (3)"}},
		{tar, []string{"A.txt", "a (2).txt", "a.txt"}, []string{"A.txt", "a (2).txt", "a (3).txt"}},
		{zip, []string{"caf\u00e9", "cafe\u0301", "CAFE\u0301"}, []string{"caf\u00e9", "cafe\u0301 (2)", "CAFE\u0301 (3)"}},
		{tar, []string{"caf\u00e9", "cafe\u0301"}, []string{"caf\u00e9", "cafe\u0301 (2)"}},
		{tar, []string{"\u01c6", "\u01c5", "\u01c4"}, []string{"\u01c6", "\u01c5 (2)", "\u01c4 (3)"}},
		{tar, []string{"\u212a", "k"}, []string{"\u212a", "k (2)"}},
		{tar, []string{".g\u200cit", ".git"}, []string{".g\u200cit", ".git (2)"}},
		{tar, []string{"a:b", "a?b", "a_b", "A_B"}, []string{"a:b", "a?b (2)", "a_b (3)", "A_B (4)"}},
		{tar, []string{"dot", "dot.", "dot_"}, []string{"dot", "dot.", "dot_ (2)"}},
		{tar, []string{"con", "CON_"}, []string{"con", "CON_ (2)"}},
		{tar, []string{"x\u202e", "x_"}, []string{"x_ (2)", "x_"}},
		{tar, []string{"raw \xff", "raw \xfe"}, []string{"raw \xff", "raw \xfe"}},
	} {
		if got := call(t, c.how, c.list); !slices.Equal(got, c.want) {
			t.Errorf("%q become %q, not %q", c.list, got, c.want)
		}
	}
}

// FuzzNames checks that no two entries of a folder get one name, on any system,
// that the first of the valid ones stays, and that a portable name leads
// nowhere.
func FuzzNames(f *testing.F) {
	f.Add("a\x00a\x00a (2)\x00a:")
	f.Add("A\x00a\x00caf\u00e9\x00cafe\u0301\x00a (2)\x00\u202ea")
	f.Add("con\x00CON.\x00con \x00con_\x00\xff\x00%FF")
	f.Fuzz(func(t *testing.T, text string) {
		list := slices.DeleteFunc(strings.Split(text, "\x00"), func(s string) bool { return !validName(s) })
		for _, how := range []naming{exactNaming(), zipNaming(), tarNaming()} {
			got := call(t, how, list)
			seen, own := make(map[string]bool), make(map[string]bool)
			for i, name := range got {
				if key := how.key(name); seen[key] || !validName(name) {
					t.Fatalf("%q become %q", list, got)
				} else {
					seen[key] = true
				}
				right := how.rule(list[i]) == list[i]
				if key := how.key(list[i]); right && !own[key] {
					own[key] = true
					if name != list[i] {
						t.Fatalf("%q becomes %q in %q", list[i], name, list)
					}
				}
			}
		}
		for _, name := range list {
			safe := portable(name)
			if strings.ContainsAny(safe, "\\/:\x00\r\n") || !utf8.ValidString(safe) || strings.TrimRight(safe, ". ") != safe || portable(safe) != safe {
				t.Fatalf("%q becomes %q", name, safe)
			}
		}
	})
}
