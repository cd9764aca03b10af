package local

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

type silent struct{}

func (silent) Progress(int, syncline.SessionStatistics) {}
func (silent) Log(syncline.LogLevel, string)            {}
func (silent) Behind()                                  {}

// While a check is not slow, nothing looks for the password.
func TestNothingEarlyBesideAQuickCheck(t *testing.T) {
	at, err := Name(resticfixture.Unpack(t, "v2-old"), nil, place.User{Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	asked, atHand, waits := 0, 0, 0
	e := &Engine{
		Place: at, Network: func() (place.Network, error) { return place.Network{}, nil }, Dir: t.TempDir(),
		Password:       func(context.Context) (string, bool, error) { asked++; return resticfixture.Password, true, nil },
		PasswordAtHand: func(context.Context) (string, bool) { atHand++; return resticfixture.Password, true },
		Note:           t.Logf, Reporter: func() (syncer.Reporter, func()) { return silent{}, func() {} }, Logger: slog.New(slog.DiscardHandler),
		After: func(d time.Duration) <-chan time.Time {
			if waits++; d != earlyAfter {
				t.Errorf("waits for %v", d)
			}
			return nil
		},
	}
	for n := range 3 {
		if err := e.Catalog(t.Context(), func(*catalog.Catalog) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if asked != 1 || atHand != 0 || waits != n {
			t.Errorf("after %d runs the password was asked for %d and %d times, beside %d checks", n+1, asked, atHand, waits)
		}
	}
}

// An opening either has begun when its result is wanted, or never begins.
func TestEarly(t *testing.T) {
	slow := make(chan time.Time)
	close(slow)
	failed := errors.New("it does not open")
	begin := func(atHand bool) (k *early, opened chan string, ctx context.Context) {
		ctx, stop := context.WithCancel(t.Context())
		opened = make(chan string, 1)
		k = &early{sealed: make(chan *resticrepo.Sealed, 1), done: make(chan struct{}), stop: stop}
		k.open = func(ctx context.Context, _ *resticrepo.Sealed, password string) (*resticrepo.Repository, error) {
			opened <- password
			<-ctx.Done()
			return nil, failed
		}
		go k.run(ctx, slow, func(context.Context) (string, bool) { return "secret", atHand })
		return k, opened, ctx
	}

	k, opened, _ := begin(true)
	k.sees(nil)
	if password := <-opened; password != "secret" || !k.taken() {
		t.Errorf("an opening that has begun, with %q", password)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := k.wait(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("a command that is over waits: %v", err)
	}
	k.drop()
	if _, err := k.wait(t.Context()); !errors.Is(err, failed) {
		t.Errorf("the result: %v", err)
	}

	for what, atHand := range map[string]bool{"taken before": true, "without a password": false} {
		k, opened, _ := begin(atHand)
		if k.taken() {
			t.Errorf("%s: it has begun", what)
		}
		k.sees(nil)
		<-k.done
		if len(opened) > 0 {
			t.Errorf("%s: it opens", what)
		}
		k.drop()
	}
	(*early)(nil).drop()
	if (*early)(nil).taken() {
		t.Error("without a check there is one")
	}
}
