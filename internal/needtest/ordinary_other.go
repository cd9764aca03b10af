//go:build !linux

package needtest

import (
	"os"
	"testing"
)

// Ordinary skips a test of what an ordinary user may not do where root runs it.
func Ordinary(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("root may do everything")
	}
	return false
}
