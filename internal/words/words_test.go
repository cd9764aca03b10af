package words_test

import (
	"slices"
	"testing"

	"syncline.dev/syncline/internal/words"
)

// TestSplit cuts commands at restic's places.
func TestSplit(t *testing.T) {
	for command, want := range map[string][]string{
		"pass show backup":         {"pass", "show", "backup"},
		`  a   "b c" 'd  e' `:      {"a", "b c", "d  e"},
		`sh -c 'echo "two words"'`: {"sh", "-c", `echo "two words"`},
		`a\b`:                      {"a", "b"},
		`"it\"s"`:                  {`it\"s`},
		"one\ttwo\nthree":          {"one", "two", "three"},
		`""`:                       nil,
		`"open`:                    nil,
	} {
		got, err := words.Split(command)
		if (err != nil) != (want == nil) || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", command, got, err, want)
		}
	}
}
