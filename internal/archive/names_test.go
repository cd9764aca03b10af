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
		"raw \xff\x01": "raw %FF_", "\uFFFD": "\uFFFD", `a"b<c>d|e?f*g`: "a_b_c_d_e_f_g", ".hidden": ".hidden",
	} {
		if got := portable(name); got != want {
			t.Errorf("%q becomes %q, not %q", name, got, want)
		}
	}
}

func call(t *testing.T, rule func(string) string, list []string) []string {
	t.Helper()
	n, err := newNames(rule, func(fn func(string)) error {
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
	for _, c := range []struct {
		rule       func(string) string
		list, want []string
	}{
		{asItIs, []string{"a", "b"}, []string{"a", "b"}},
		{asItIs, []string{"a", "a", "a"}, []string{"a", "a (2)", "a (3)"}},
		{asItIs, []string{"b.txt", "a", "b.txt"}, []string{"b.txt", "a", "b (2).txt"}},
		{asItIs, []string{"a", "a", "a (2)", "a (2)"}, []string{"a", "a (3)", "a (2)", "a (2) (2)"}},
		{portable, []string{"a:", "a_", "a?"}, []string{"a_ (2)", "a_", "a_ (3)"}},
		{portable, []string{"a:", "a?"}, []string{"a_", "a_ (2)"}},
		{portable, []string{".x?", ".x*"}, []string{".x_", ".x_ (2)"}},
	} {
		if got := call(t, c.rule, c.list); !slices.Equal(got, c.want) {
			t.Errorf("%q become %q, not %q", c.list, got, c.want)
		}
	}
}

// FuzzNames: whatever a folder holds, no two entries get one name, names that
// are right stay, and a portable name leads nowhere.
func FuzzNames(f *testing.F) {
	f.Add("a\x00a\x00a (2)\x00a:")
	f.Add("con\x00CON.\x00con \x00con_\x00\xff\x00%FF")
	f.Fuzz(func(t *testing.T, text string) {
		list := slices.DeleteFunc(strings.Split(text, "\x00"), func(s string) bool { return !validName(s) })
		for _, rule := range []func(string) string{asItIs, portable} {
			got := call(t, rule, list)
			seen := make(map[string]bool)
			for i, name := range got {
				if seen[name] || !validName(name) {
					t.Fatalf("%q become %q", list, got)
				}
				seen[name] = true
				if rule(list[i]) == list[i] && name != list[i] && slices.Index(list, list[i]) == i {
					t.Fatalf("%q becomes %q in %q", list[i], name, list)
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
