package syncer_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
	stores "syncline.dev/syncline/internal/store/sqlite"
	"syncline.dev/syncline/internal/syncer"
)

// leases is a store whose leases change one after the other.
type leases struct {
	*stores.Store
	mu *sync.Mutex
}

func (l leases) TakeWork(ctx context.Context, t store.Taking) ([]store.Taken, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Store.TakeWork(ctx, t)
}

func (l leases) RenewWork(ctx context.Context, owner string, length time.Duration, held []store.Held) ([]store.Renewed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Store.RenewWork(ctx, owner, length, held)
}

// taken is a catalog whose work another node takes while a session uses it. The node of
// the session looks at its leases by itself, and must not come between the end of this one
// and the taking.
type taken struct {
	syncer.Catalogs
	leases
	claim chan catalog.Claim
}

func (c taken) Use(ctx context.Context, _ syncline.ID, _ func(*catalog.Catalog) error) error {
	claim, _ := catalog.ClaimOf(ctx)
	c.mu.Lock()
	_, err := c.Store.RenewWork(ctx, "a", -time.Hour, []store.Held{{ID: claim.Work, Epoch: claim.Epoch}})
	if err == nil {
		_, err = c.Store.TakeWork(ctx, store.Taking{Kind: syncline.WorkSynchronize, Owner: "b", Length: time.Hour, Again: true})
	}
	c.mu.Unlock()
	c.claim <- claim // from here on the service may close, which gives back what it has
	if err != nil {
		return err
	}
	return catalog.ClaimLost()
}

// A session whose work another node has taken writes under its claim, and ends without a
// word about the repository.
func TestSessionThatIsTaken(t *testing.T) {
	h := newHost(t)
	h.runs.Close()
	before, err := h.store.Repository(t.Context(), repositoryID)
	if err != nil {
		t.Fatal(err)
	}
	catalogs := taken{h.service.Catalogs, leases{h.store, new(sync.Mutex)}, make(chan catalog.Claim, 1)}
	runs := &run.Service{Store: catalogs.leases, Wakes: h.store, Lease: 15 * time.Second, Node: "a", Logger: slog.New(slog.DiscardHandler), Now: time.Now, NewID: h.runs.NewID}
	service := &syncer.Service{
		Runs: runs, Repositories: h.store, Catalogs: catalogs, Source: h, Logger: slog.New(slog.DiscardHandler),
		Ended:  func(w syncline.Work) { t.Errorf("told of the end of %+v", w) },
		Judged: func(_ syncline.ID, err error) { t.Errorf("the repository is judged by %v", err) },
	}
	if err := runs.Open(t.Context(), service.Kind()); err != nil {
		t.Fatal(err)
	}
	s, err := service.Start(t.Context(), repositoryID)
	if err != nil {
		t.Fatal(err)
	}
	<-h.opening
	h.gate <- struct{}{}
	if claim := <-catalogs.claim; claim != (catalog.Claim{Work: s.ID, Epoch: 1}) {
		t.Errorf("the claim is %+v", claim)
	}
	runs.Close() // waits for the body
	got, err := h.store.Work(t.Context(), syncline.WorkSynchronize, s.ID)
	if err != nil || got.State != syncline.WorkRunning || got.Owner != "b" || got.Epoch != 2 {
		t.Errorf("the session is %+v, %v", got, err)
	}
	after, err := h.store.Repository(t.Context(), repositoryID)
	if err != nil || after.OutOfSync != before.OutOfSync || after.Catalog != before.Catalog {
		t.Errorf("the repository became %+v, %v", after, err)
	}
}
