package jobs_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/restore/jobs"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
)

// node begins a node of a fleet on the host's store.
func (h *host) node(name string) *jobs.Service {
	h.t.Helper()
	sign := store.Sign{Process: name, Place: name, Begin: true}
	if _, err := h.store.PutNode(context.Background(), syncline.Node{ID: syncline.ID(name)}, sign); err != nil {
		h.t.Fatal(err)
	}
	runs := &run.Service{
		Store: h.store, Wakes: h.store, Lease: 15 * time.Second, Node: name, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		NewID: func() syncline.ID { return syncline.ID(uuid.NewString()) },
	}
	s := &jobs.Service{Runs: runs, Repositories: h.store, Points: h, Contents: h, Allowed: []syncline.RestoreTarget{{Name: "root", Path: h.root}}}
	if err := runs.Open(context.Background(), s.Kind()); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(runs.Close)
	return s
}

// Jobs that are started together never write into the same folder of a node. Folders of
// two nodes have nothing to do with one another. A job runs where it was started, and no
// more run at once than the bound on all nodes together.
func TestJobsOfAFleet(t *testing.T) {
	h := newHost(t)
	h.runs.Close()
	nodes := []*jobs.Service{h.node("a"), h.node("b")}
	var calls sync.WaitGroup
	started := make(chan syncline.RestoreJob, 100)
	for i := range 12 {
		calls.Go(func() {
			target := filepath.Join(h.root, []string{"x", "x/deeper", "y"}[i%3])
			j, err := nodes[i%2].Start(t.Context(), syncline.RestoreJob{RestorePointID: pointID, TargetPath: target})
			if err == nil {
				started <- j
			} else if syncline.CodeOf(err) != syncline.CodeConflict {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	close(started)
	if len(started) != 4 {
		t.Fatalf("%d jobs were started, and not one for x and y on each node", len(started))
	}
	for range 3 {
		<-h.using
	}
	held := func() int64 { return nodes[0].Runs.Leases().Held + nodes[1].Runs.Leases().Held }
	if n := held(); n != 3 {
		t.Errorf("%d run at once", n)
	}
	h.gate <- nil
	<-h.using // the last one, when one has ended
	for range 3 {
		h.gate <- nil
	}
	for j := range started {
		w, err := nodes[0].Runs.Wait(t.Context(), syncline.WorkRestore, j.ID)
		if err != nil || !w.State.Ended() || w.Owner != w.Node || w.Epoch != 1 {
			t.Errorf("ended as %+v, %v", w, err)
		}
	}
}
