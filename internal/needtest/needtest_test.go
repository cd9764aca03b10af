//go:build linux

package needtest

import (
	"os"
	"testing"
)

// TestOrdinary runs twice as root: here, and in a process that may not read
// what root has.
func TestOrdinary(t *testing.T) {
	if Ordinary(t) {
		return
	}
	if os.Geteuid() == 0 {
		t.Fatal("the test runs as root")
	}
	if f, err := os.CreateTemp(t.TempDir(), ""); err != nil {
		t.Fatal(err)
	} else {
		f.Close()
	}
	if _, err := os.ReadDir("/root"); os.Getenv(child) != "" && !os.IsPermission(err) {
		t.Errorf("the folder of root: %v", err)
	}
	t.Run("below (one)", func(t *testing.T) {
		if Ordinary(t) {
			t.Error("an ordinary user needs no other process")
		}
	})
}

// TestOrdinaryBelow runs a test below another as the user nobody.
func TestOrdinaryBelow(t *testing.T) {
	t.Run("one + one", func(t *testing.T) {
		if !Ordinary(t) && os.Geteuid() == 0 {
			t.Error("the test runs as root")
		}
	})
}
