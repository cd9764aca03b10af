package resticrepo

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// endless is a storage whose listings do not end.
type endless struct{ Storage }

func (endless) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	for i := uint64(0); ; i++ {
		name := "other" // names of other programs count, too
		if i%2 == 0 {
			name = fmt.Sprintf("%064x", i)
		}
		if err := fn(dir+"/"+name, 1); err != nil {
			return err
		}
		if i > 2*maxListed || ctx.Err() != nil {
			return errors.New("nobody ends the listing")
		}
	}
}

// TestEndlessListings ends listings before they fill the memory.
func TestEndlessListings(t *testing.T) {
	for dir, most := range map[string]int{"keys": maxListedKeys, "snapshots": maxListed} {
		files, err := listFiles(t.Context(), endless{}, dir)
		var damage *DamageError
		if !errors.As(err, &damage) || damage.Object != dir || len(files) > most {
			t.Errorf("%s: %d files, %v", dir, len(files), err)
		}
	}
}
