package nearest

import "testing"

func TestOf(t *testing.T) {
	known := []string{"repositories", "users", "keys", "path"}
	for unknown, want := range map[string]string{
		"repositoris": "repositories", "user": "users", "pth": "path", "storage": "", "": "", "kyes": "keys",
	} {
		if got := Of(unknown, known); got != want {
			t.Errorf("%q is near to %q, want %q", unknown, got, want)
		}
	}
}
