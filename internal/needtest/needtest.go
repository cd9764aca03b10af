// Package needtest says what a test needs besides Go and a C compiler. It is
// the one way in which the tests of "make test-unit" and those of "make
// test-full" are told apart: the former are run with -short.
package needtest

import (
	"os"
	"testing"
)

// Full marks a test that only a full run has what it takes for: a program
// besides Go, or minutes. A short run skips the test from here on; a full run
// goes on and fails where the need is not met.
func Full(t testing.TB, need string) {
	t.Helper()
	if testing.Short() {
		t.Skipf("not in a short run, for it needs %s: make test-full", need)
	}
}

// Root marks a test of what only root may do. Another user skips it, except
// where CI is set: there it fails, so that it is run by somebody.
func Root(t testing.TB, what string) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") != "":
		t.Fatalf("this test has to run as root, who alone can %s", what)
	default:
		t.Skipf("only root can %s", what)
	}
}
