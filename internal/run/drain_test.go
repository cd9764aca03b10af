package run_test

import (
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/run"
)

// A node that is alone and drained begins nothing: not what it is told to start, and not
// what was left. Such work can be stopped. Afterwards it does the rest.
func TestDrainAlone(t *testing.T) {
	h := newHost(t)
	s := h.open()
	left, other := h.start(s), h.startOf(s, otherID)
	<-h.begun
	<-h.begun
	s.Close()
	h.drained = true
	s = h.open()
	if err := s.Stop(t.Context(), kindName, other.ID); err != nil {
		t.Fatal(err)
	}
	if w := h.wait(s, other.ID); w.State != syncline.WorkStopped {
		t.Errorf("stopped as %+v", w)
	}
	fresh := h.startOf(s, otherID)
	if fresh.Owner != "" || len(h.begun) != 0 {
		t.Errorf("%d began; %+v", len(h.begun), fresh)
	}
	s.Drain(false)
	for range 2 {
		(<-h.begun).end <- run.Outcome{}
	}
	for _, id := range []syncline.ID{left.ID, fresh.ID} {
		if w := h.wait(s, id); w.State != syncline.WorkSucceeded {
			t.Errorf("ended as %+v", w)
		}
	}
	if log := h.log(s, left.ID); log != "Info Node node goes on from what was kept\n" {
		t.Errorf("the log is %q", log)
	}
}
