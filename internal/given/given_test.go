package given

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline"
)

// TestFile reads texts as editors write them.
func TestFile(t *testing.T) {
	for name, tt := range map[string]struct{ raw, want, refused string }{
		"plain":            {raw: " secret\r\n", want: "secret"},
		"UTF-8 with mark":  {raw: "\ufeffsecret\n", want: "secret"},
		"UTF-16":           {raw: "\xff\xfes\x00\xfc\x00\n\x00", want: "sü"},
		"UTF-16 the other": {raw: "\xfe\xff\x00s\x00\xfc", want: "sü"},
		"large":            {raw: strings.Repeat("x", MaxSize+1), refused: "larger than 1 MiB"},
	} {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte(tt.raw), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := File(t.Context(), file)
		if got != tt.want || (err != nil) != (tt.refused != "") || !strings.Contains(syncline.MessageOf(err), tt.refused) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if _, err := File(t.Context(), filepath.Join(t.TempDir(), "none")); syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), "does not exist") {
		t.Errorf("a file that is not there: %v", err)
	}
}
