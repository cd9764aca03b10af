package syncer_test

import (
	"testing"

	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/resticrepo"
)

// A repository that an older version attached gets its restic id with the next session
// that succeeds, and a failed one records none.
func TestResticIDIsRecorded(t *testing.T) {
	h := newHost(t)
	recorded := func() string {
		t.Helper()
		r, err := h.store.Repository(t.Context(), repositoryID)
		if err != nil {
			t.Fatal(err)
		}
		return r.ResticID
	}
	stopped := h.start()
	<-h.opening
	if err := h.service.Stop(t.Context(), stopped.ID); err != nil {
		t.Fatal(err)
	}
	h.ended(stopped.ID)
	if got := recorded(); got != "" {
		t.Errorf("a session that opened nothing recorded %q", got)
	}
	h.gate <- struct{}{}
	h.ended(h.start().ID)
	folder, err := local.Open(t.Context(), h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	repo, err := resticrepo.Open(t.Context(), folder, password)
	if err != nil {
		t.Fatal(err)
	}
	if want := repo.Config().ID.String(); recorded() != want {
		t.Errorf("recorded %q, want %q", recorded(), want)
	}
}
