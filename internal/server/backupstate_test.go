package server

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"syncline.dev/syncline/internal/statefile"
)

// onWrite calls a function before each write.
type onWrite func()

func (f onWrite) Write(b []byte) (int, error) { f(); return len(b), nil }

// The key goes into the sealed copy alone, and never into a file beside it.
func TestSealedCopyLeavesNoKey(t *testing.T) {
	data, scratch := filepath.Join(t.TempDir(), "data"), t.TempDir()
	t.Setenv("TMPDIR", scratch)
	d, err := openDataDir(t.Context(), data, keyIn(""), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	b := StateBackup{
		Data: data, Passphrase: func() (string, error) { return "some words at random", nil },
		Out: onWrite(func() {
			err := filepath.WalkDir(scratch, func(path string, e fs.DirEntry, err error) error {
				seen[e.Name()] = true
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}),
	}
	m, err := b.Run(t.Context())
	if err != nil || !m.Has(statefile.Key) {
		t.Fatalf("%+v, %v", m, err)
	}
	if !seen[statefile.Database] || seen[statefile.Key] {
		t.Errorf("while it is written there are %v", seen)
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
