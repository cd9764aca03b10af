package place

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSameFolder(t *testing.T) {
	dir := t.TempDir()
	real, other, link := filepath.Join(dir, "real"), filepath.Join(dir, "other"), filepath.Join(dir, "link")
	for _, err := range []error{os.Mkdir(real, 0o700), os.Mkdir(other, 0o700), os.Symlink("real", link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for b, same := range map[string]bool{real: true, link: true, other: false, filepath.Join(dir, "gone"): false} {
		if (Kinds{}).Same(Place{Path: real}, Place{Path: b}) != same {
			t.Errorf("%s is %s: %v", b, real, !same)
		}
	}
}
