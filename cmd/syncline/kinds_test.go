package main_test

import (
	"strings"
	"testing"

	"syncline.dev/syncline/internal/place/kinds"
)

// TestHelpNamesEveryKind looks for the address and the variables of each kind of
// storage in the help.
func TestHelpNamesEveryKind(t *testing.T) {
	t.Parallel()
	help := strings.Join(strings.Fields(runProgram(t, nil, "--help").stdout), " ")
	for _, kind := range kinds.All() {
		for _, word := range append(kind.Variables, kind.Form) {
			if !strings.Contains(help, word) {
				t.Errorf("the help does not name %s of the kind %s", word, kind.Scheme)
			}
		}
	}
}
