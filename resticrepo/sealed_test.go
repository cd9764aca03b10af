package resticrepo_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"syncline.dev/syncline/resticrepo"
)

// failing is a storage whose listing fails before its configuration does.
type failing struct {
	config, keys error
	listed       chan struct{}
}

func (f *failing) List(context.Context, string, func(string, int64) error) error {
	close(f.listed)
	return f.keys
}

func (f *failing) Open(context.Context, string, int64, int64) (io.ReadCloser, error) {
	<-f.listed
	return nil, f.config
}

// A storage that fails in two ways is always told of in the same words.
func TestConfigFailsFirst(t *testing.T) {
	config, keys := errors.New("a page of a web site"), errors.New("not an answer of the storage")
	for range 100 {
		st := &failing{config: config, keys: keys, listed: make(chan struct{})}
		if _, err := resticrepo.Open(t.Context(), st, "secret"); !errors.Is(err, config) {
			t.Fatalf("got %v, want %v", err, config)
		}
	}
}
