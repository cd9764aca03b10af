package diskspace

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// The file is made if four times its size is free, and if the system does not
// say: a database without it would take no logs.
func TestBallast(t *testing.T) {
	const size = 1 << 20
	for _, c := range []struct {
		name  string
		space Space
		err   error
		want  bool
	}{
		{"room", Space{Free: 4 * size}, nil, true},
		{"too little room", Space{Free: 4*size - 1}, nil, false},
		{"a system that does not tell", Space{}, ErrUnknown, true},
		{"a folder that is gone", Space{}, os.ErrNotExist, false},
	} {
		path := filepath.Join(t.TempDir(), "ballast")
		b := NewBallast(path)
		b.size, b.of = size, func(string) (Space, error) { return c.space, c.err }
		for range 2 { // the second time it exists
			if got := b.Restore(); got != c.want {
				t.Errorf("%s: taken: %v", c.name, got)
			}
		}
		if info, err := os.Stat(path); c.want && (err != nil || info.Size() != size) || !c.want && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the file is %v, %v", c.name, info, err)
		}
		if b.Release() != c.want || b.Release() {
			t.Errorf("%s: it is given up, and once", c.name)
		}
	}
}
