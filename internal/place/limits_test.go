package place

import (
	"slices"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// TestLimitsAreTheAccounts shares a limiter among the storages of an account.
func TestLimitsAreTheAccounts(t *testing.T) {
	o := &Opener{}
	for _, account := range []syncline.ID{"a", "b", "a"} {
		o.limited(nil, Place{Storage: syncline.ObjectStorage{AccountID: account}})
	}
	o.limited(nil, Place{Path: "/local"})
	// A changed limit takes effect at once, also for open files.
	if n := o.limiters["a"].Concurrent(); n < 2 {
		t.Fatalf("a new account may read %d files at once", n)
	}
	o.SetLimits(syncline.Account{ID: "a", Limits: syncline.Limits{Connections: 1}})
	if n := o.limiters["a"].Concurrent(); n != 1 {
		t.Errorf("after the change %d files are read at once, want 1", n)
	}
	o.limited(nil, Place{
		Storage: syncline.ObjectStorage{AccountID: "c"}, Access: Access{Account: syncline.Account{ID: "c", Limits: syncline.Limits{Connections: 2}}},
	})
	if n := o.limiters["c"].Concurrent(); n != 2 {
		t.Errorf("a limit that was stored: %d files at once, want 2", n)
	}
	o.Forget("c") // its account is removed
	if len(o.limiters) != 2 || o.limiters["a"] == nil || o.limiters["a"] == o.limiters["b"] {
		t.Errorf("got %v", o.limiters)
	}
}

// parts are the limiters of a node among others.
type parts struct {
	limiters map[syncline.ID]*storage.Limiter
	told     []string
}

func (p *parts) Limiter(account syncline.ID, o storage.LimitOptions) *storage.Limiter {
	if p.limiters[account] == nil {
		p.limiters[account] = storage.NewLimiter(o)
	}
	return p.limiters[account]
}

func (p *parts) Changed(account syncline.ID) { p.told = append(p.told, "changed "+string(account)) }
func (p *parts) Remembered() []syncline.ID   { return nil }

func (p *parts) Forget(account syncline.ID) { p.told = append(p.told, "gone "+string(account)) }

// TestLimitsAreShared leaves the limits of accounts to what knows the other nodes.
func TestLimitsAreShared(t *testing.T) {
	p := &parts{limiters: map[syncline.ID]*storage.Limiter{}}
	o := &Opener{Shares: p}
	for _, account := range []syncline.ID{"a", "b", "a"} {
		o.limited(nil, Place{Storage: syncline.ObjectStorage{AccountID: account}})
	}
	o.limited(nil, Place{Path: "/local"})
	o.SetLimits(syncline.Account{ID: "a"})
	o.Forget("b")
	if len(p.limiters) != 2 || len(o.limiters) != 0 || !slices.Equal(p.told, []string{"changed a", "gone b"}) {
		t.Errorf("limiters of %v, told %q", p.limiters, p.told)
	}
}
