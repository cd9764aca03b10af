package store_test

import (
	"testing"

	"syncline.dev/syncline/internal/store"
)

func TestFoldName(t *testing.T) {
	same := [][2]string{{"Backup", "bACKUP"}, {"ÄRCHIV", "ärchiv"}, {"ΣΟΦΟΣ", "σοφος"}, {"σοφος", "σοφοσ"}, {"", ""}}
	for _, pair := range same {
		if store.FoldName(pair[0]) != store.FoldName(pair[1]) {
			t.Errorf("%q and %q should be one name", pair[0], pair[1])
		}
	}
	different := [][2]string{{"a", "b"}, {"e", "é"}, {"a", "a "}, {"straße", "strasse"}}
	for _, pair := range different {
		if store.FoldName(pair[0]) == store.FoldName(pair[1]) {
			t.Errorf("%q and %q should be two names", pair[0], pair[1])
		}
	}
}
