package pgpool

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a", "é", "\x00", "\x01", "\x01\x01", "a\xffb", "\x01ff", "\xed\xa0\x80", "\xc3", "\uFFFD"} {
		f.Add(s, "b")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := Text(a), Text(b)
		if !utf8.ValidString(x) || strings.Contains(x, "\x00") {
			t.Errorf("%q is kept as %q", a, x)
		}
		if got := Original(x); got != a {
			t.Errorf("%q came back as %q", a, got)
		}
		if (x == y) != (a == b) {
			t.Errorf("%q and %q are kept as %q and %q", a, b, x, y)
		}
		if utf8.ValidString(a) && utf8.ValidString(b) && strings.Compare(a, b) != strings.Compare(x, y) {
			t.Errorf("%q and %q change their order: %q and %q", a, b, x, y)
		}
	})
}
