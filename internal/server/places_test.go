package server

import (
	"testing"

	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
)

// TestSessionLeavesAThread opens a local repository: as many packs are read at once as
// there are cores, and a server has one thread more.
func TestSessionLeavesAThread(t *testing.T) {
	_, opened, err := (&Server{DataDir: new(DataDir)}).newSource(new(Options)).Reach(t.Context(), place.Place{Path: t.TempDir()}, func(storage.Event) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
	if opened.Streams != cores {
		t.Errorf("%d packs are read at once with %d threads", opened.Streams, cores+1)
	}
}
