package syncline_test

import (
	"testing"
	"time"

	"syncline.dev/syncline"
)

// FuzzInterval reads intervals, and reads what is written of them.
func FuzzInterval(f *testing.F) {
	for _, text := range []string{"15m", "1h30m", "7d", "366d", "1d12h", "90s", "0", "d", "1d1d", "-1d", "1e3m"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := syncline.ParseInterval(text)
		if err != nil {
			return
		}
		if d < syncline.MinInterval || d > syncline.MaxInterval || d%time.Second != 0 {
			t.Errorf("%q is %s", text, d)
		}
		if again, err := syncline.ParseInterval(syncline.FormatInterval(d)); err != nil || again != d {
			t.Errorf("%q is written as %q, and read as %s, %v", text, syncline.FormatInterval(d), again, err)
		}
	})
}
