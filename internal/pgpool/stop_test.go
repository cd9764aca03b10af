//go:build !windows

package pgpool

import (
	"context"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline/internal/pgtest"
)

func openPool(t *testing.T, url string) *Pool {
	t.Helper()
	p, err := Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// A node that stops waits for no database that is silent: calls of all kinds end, also
// those that come later, and those whose callers wait for connections.
func TestStoppingBesideASilentDatabase(t *testing.T) {
	way := pgtest.NewProxy(t, pgtest.New(t))
	p := openPool(t, way.URL()+"&pool_max_conns=2")
	exec := func(ctx context.Context, tx *Tx) error { _, err := tx.Exec(ctx, `SELECT 1`); return err }
	calls := map[string]func() error{
		"update": func() error { return p.Update(context.Background(), Begin{Doing: "test"}, exec) },
		"query": func() error {
			rows, err := p.Query(context.Background(), `SELECT 1`)
			if err == nil {
				rows.Close()
			}
			return p.Translate(err, "test")
		},
		"single": func() error {
			return p.Single(context.Background(), Begin{Doing: "test", Repeatable: true}, func(ctx context.Context, a Alone) error {
				_, err := a.Exec(ctx, `SELECT 1`)
				return err
			})
		},
		"elsewhere": func() error {
			_, err := p.Conns().Exec(context.Background(), `SELECT 1`)
			return p.Translate(err, "test")
		},
	}
	for name, call := range calls {
		if err := call(); err != nil {
			t.Fatal(name, err)
		}
	}
	way.Let(false)
	var all sync.WaitGroup
	for name, call := range calls {
		all.Go(func() {
			if err := call(); err == nil || !strings.Contains(err.Error(), errGivenUp.Message) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	p.Stopping()
	all.Wait()
	for name, call := range calls {
		if err := call(); err == nil || !strings.Contains(err.Error(), errGivenUp.Message) {
			t.Errorf("%s, later: %v", name, err)
		}
	}
}

// A node that stops lets a call have its time while the database answers others.
func TestStoppingBesideASlowCall(t *testing.T) {
	p := openPool(t, pgtest.New(t))
	begun, stopped, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- p.Update(context.Background(), Begin{Doing: "test"}, func(ctx context.Context, tx *Tx) error {
			_, err := tx.Exec(ctx, `SELECT 1`)
			close(begun)
			if err == nil {
				_, err = tx.Exec(ctx, `SELECT pg_sleep($1)`, 1.5*stopPatience.Seconds())
			}
			return err
		})
	}()
	<-begun
	go func() { p.Stopping(); close(stopped) }()
	if err := <-done; err != nil {
		t.Error(err)
	}
	p.Close()
	<-stopped
}

// A caller of Single that goes away leaves it some time, and not all that a call has.
func TestSingleEndsAfterItsCaller(t *testing.T) {
	way := pgtest.NewProxy(t, pgtest.New(t))
	p := openPool(t, way.URL())
	ctx, cancel := context.WithCancel(t.Context())
	err := p.Single(ctx, Begin{Doing: "test"}, func(inner context.Context, _ Alone) error {
		cancel()
		if inner.Err() != nil {
			t.Error("the call ends with its caller")
		}
		<-inner.Done()
		if inner.Err() != context.Canceled {
			t.Errorf("the call ended by itself: %v", inner.Err())
		}
		return inner.Err()
	})
	if err == nil {
		t.Error("no error")
	}
}
