package clip

import (
	"testing"
	"unicode/utf8"
)

func FuzzText(f *testing.F) {
	f.Add("short", 10)
	f.Add("äöü", 3)
	f.Add("a\xff\xffb", 2)
	f.Add("\xf0\x9f\x98\x80", 3)
	f.Fuzz(func(t *testing.T, s string, most int) {
		if most < 0 {
			return
		}
		got := Text(s, most)
		if len(s) <= most {
			if got != s {
				t.Errorf("%q is %q", s, got)
			}
			return
		}
		if len(got) > most+len(Mark) || !utf8.ValidString(got) || got[len(got)-len(Mark):] != Mark {
			t.Errorf("%q after %d bytes is %q", s, most, got)
		}
	})
}
