package sftp_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the tests when a goroutine is left of a storage that was closed.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
