package resticrepo

import "testing"

// The key that a hint names comes first.
func TestHinted(t *testing.T) {
	files := []File{{ID: ID{0xaa, 1}}, {ID: ID{0xab}}, {ID: ID{0xaa, 2}}}
	for hint, want := range map[string]byte{"": 0xaa, "ab": 0xab, files[1].ID.String(): 0xab, "aa": 0xaa, "AB": 0xaa, "x": 0xaa, "a": 0xaa} {
		got := hinted(files, hint)
		if got[0].ID[0] != want || len(got) != len(files) {
			t.Errorf("%q puts %v first", hint, got)
		}
	}
	if got := hinted(files, "aa02"); got[0].ID != files[2].ID || got[1].ID != files[0].ID || got[2].ID != files[1].ID {
		t.Errorf("got %v", got)
	}
}
