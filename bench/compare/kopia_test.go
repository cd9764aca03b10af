package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestKopiaRestoresRemoveNothing has kopia restore as the other programs do: no files are
// removed before a measured run, which would make it slower.
func TestKopiaRestoresRemoveNothing(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "syncline-target/data/few/a", "x\n", time.Unix(1, 0))
	write(t, dir, "kopia", "#!/bin/sh\nmkdir \"$3\" && echo x >\"$3/a\" && chmod 600 \"$3/a\" && touch -d @1 \"$3/a\"\n", time.Unix(1, 0))
	program := filepath.Join(dir, "kopia")
	if err := os.Chmod(program, 0o700); err != nil {
		t.Fatal(err)
	}
	c := &comparison{kopia: program, scratch: dir, folder: "/data/few", runs: 3}
	if err := c.kopiaRestores(t.Context(), nil, "k1"); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		at := filepath.Join(dir, fmt.Sprintf("aside-%d", i+1), "a")
		if _, err := os.Stat(at); os.IsNotExist(err) != (i == 0) { // the first run has nothing to set aside
			t.Errorf("%s: %v", at, err)
		}
	}
}
