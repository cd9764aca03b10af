package auth

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/sqlite"
)

const (
	password = "correct horse"
	home     = "192.0.2.1:5000"
)

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// watched counts calls to a store and can run a function in one.
type watched struct {
	Store
	tokens  atomic.Int32
	onToken func() // runs after the token was read
	onUser  func() // runs after the user was read
}

func (w *watched) Token(ctx context.Context, hash [32]byte, now time.Time) (store.Token, error) {
	w.tokens.Add(1)
	token, err := w.Store.Token(ctx, hash, now)
	if w.onToken != nil {
		w.onToken()
	}
	return token, err
}

func (w *watched) User(ctx context.Context, name string) (syncline.User, error) {
	u, err := w.Store.User(ctx, name)
	if w.onUser != nil {
		w.onUser()
	}
	return u, err
}

type fixture struct {
	*Service
	clock  *clock
	store  *watched
	hashes atomic.Int32
}

// newFixture is a service with the administrator "Admin" and a cheap hash.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{
		clock: &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)},
		store: &watched{Store: s},
	}
	f.Service = New(f.store, Options{Now: f.clock.Now})
	f.hasher.compute = func(password, salt []byte, _, _ uint32, _ uint8, size uint32) []byte {
		f.hashes.Add(1)
		sum := make([]byte, size)
		copy(sum, salt[:8])
		copy(sum[8:], password)
		return sum
	}
	check(t, f.AddUser(t.Context(), "Admin", password, syncline.RoleAdministrator))
	f.hashes.Store(0)
	return f
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code syncline.Code) {
	t.Helper()
	if syncline.CodeOf(err) != code {
		t.Fatalf("got %v (%q), want %q", err, syncline.CodeOf(err), code)
	}
}

func (f *fixture) signIn(t *testing.T) Grant {
	t.Helper()
	grant, err := f.SignIn(t.Context(), "admin", password, home)
	check(t, err)
	return grant
}

func (f *fixture) wantLive(t *testing.T, token string, live bool) {
	t.Helper()
	_, err := f.Authenticate(t.Context(), token)
	if live {
		check(t, err)
		return
	}
	wantCode(t, err, syncline.CodeUnauthenticated)
}

func TestSignIn(t *testing.T) {
	f := newFixture(t)
	grant := f.signIn(t)
	if grant.UserName != "Admin" || grant.AccessToken == grant.RefreshToken || len(grant.AccessToken) != 43 ||
		grant.IssuedAt != f.clock.Now() || grant.ExpiresAt != f.clock.Now().Add(time.Hour) {
		t.Errorf("got %+v", grant)
	}
	identity, err := f.Authenticate(t.Context(), grant.AccessToken)
	check(t, err)
	if identity.SignIn == "" || identity.UserName != "Admin" || identity.Role != syncline.RoleAdministrator {
		t.Errorf("got %+v", identity)
	}
	f.wantLive(t, grant.RefreshToken, false) // a refresh token is no access token
	for _, forged := range []string{"", "x", strings.Repeat("A", 43), grant.AccessToken + "=", grant.AccessToken[:42], strings.Repeat("é", 1<<20)} {
		f.wantLive(t, forged, false)
	}
	f.clock.Add(AccessTokenLife - 1)
	f.wantLive(t, grant.AccessToken, true)
	f.clock.Add(1) // also from the cache
	f.wantLive(t, grant.AccessToken, false)
}

// Every refusal costs one hash and has the same error.
func TestConstantWork(t *testing.T) {
	f := newFixture(t)
	check(t, f.store.AddUser(t.Context(), syncline.User{Name: "broken", PasswordHash: "$argon2id$nonsense"}))
	for name, c := range map[string]struct{ user, password string }{
		"wrong password":  {"admin", "wrong"},
		"unknown user":    {"nobody", password},
		"no user":         {"", ""},
		"impossible user": {strings.Repeat("x", 100000) + "\n", password},
		"huge password":   {"admin", strings.Repeat("x", 1<<20)},
		"broken hash":     {"broken", ""},
		"empty password":  {"admin", ""},
	} {
		f.clock.Add(24 * time.Hour) // longer than every delay
		f.hashes.Store(0)
		_, err := f.SignIn(t.Context(), c.user, c.password, home)
		if !errors.Is(err, errCredentials) || f.hashes.Load() != 1 {
			t.Errorf("%s: %d hashes, %v", name, f.hashes.Load(), err)
		}
	}
	f.clock.Add(24 * time.Hour)
	f.hashes.Store(0)
	f.signIn(t)
	if f.hashes.Load() != 1 {
		t.Errorf("success: %d hashes", f.hashes.Load())
	}
}

func TestRefresh(t *testing.T) {
	f := newFixture(t)
	first := f.signIn(t)
	elsewhere := f.signIn(t)
	f.clock.Add(RefreshTokenLife - 1)
	second, err := f.Refresh(t.Context(), first.RefreshToken, home)
	check(t, err)
	if second.UserName != "Admin" || second.RefreshToken == first.RefreshToken || second.ExpiresAt != f.clock.Now().Add(time.Hour) {
		t.Errorf("got %+v", second)
	}
	third, err := f.Refresh(t.Context(), second.RefreshToken, home)
	check(t, err)
	f.wantLive(t, second.AccessToken, true)
	f.wantLive(t, third.AccessToken, true) // and cached by now

	_, err = f.Refresh(t.Context(), second.RefreshToken, home) // reuse
	wantCode(t, err, syncline.CodeUnauthenticated)
	f.wantLive(t, second.AccessToken, false)
	f.wantLive(t, third.AccessToken, false)
	_, err = f.Refresh(t.Context(), third.RefreshToken, home)
	wantCode(t, err, syncline.CodeUnauthenticated)

	fresh, err := f.Refresh(t.Context(), elsewhere.RefreshToken, home) // another family continues
	check(t, err)
	_, err = f.Refresh(t.Context(), fresh.AccessToken, home)
	wantCode(t, err, syncline.CodeUnauthenticated)
	f.clock.Add(RefreshTokenLife)
	_, err = f.Refresh(t.Context(), fresh.RefreshToken, home)
	wantCode(t, err, syncline.CodeUnauthenticated)
}

func TestRefreshRace(t *testing.T) {
	f := newFixture(t)
	first := f.signIn(t)
	var won atomic.Int32
	var grant Grant
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			g, err := f.Refresh(t.Context(), first.RefreshToken, home)
			if err == nil {
				won.Add(1)
				grant = g
			} else if syncline.CodeOf(err) != syncline.CodeUnauthenticated {
				t.Error(err)
			}
		})
	}
	all.Wait()
	// The winner may find its family ended before it gets its tokens.
	if won.Load() > 1 {
		t.Fatalf("%d callers got tokens", won.Load())
	}
	f.wantLive(t, first.AccessToken, false)
	if won.Load() == 1 {
		f.wantLive(t, grant.AccessToken, false)
	}
}

func TestRefreshThrottle(t *testing.T) {
	f := newFixture(t)
	grant := f.signIn(t)
	random := func(i int) string { return []string{"nonsense", strings.Repeat("A", 43)}[i%2] }
	for i := range refreshPace.Free + 1 {
		_, err := f.Refresh(t.Context(), random(i), home)
		wantCode(t, err, syncline.CodeUnauthenticated)
	}
	for i := range 3 * refreshPace.Free {
		_, err := f.Refresh(t.Context(), random(i), home)
		wantCode(t, err, syncline.CodeThrottled)
		if seconds, ok := RetryAfter(err); !ok || seconds != 1 {
			t.Errorf("wait %d, %v", seconds, ok)
		}
	}
	// They do not delay tokens of this server: a valid one works, and an ended
	// one is refused as ended.
	_, err := f.Refresh(t.Context(), grant.RefreshToken, home)
	check(t, err)
	_, err = f.Refresh(t.Context(), grant.RefreshToken, home)
	wantCode(t, err, syncline.CodeUnauthenticated)
	f.signIn(t) // nor are passwords
	f.clock.Add(time.Second)
	_, err = f.Refresh(t.Context(), random(0), home)
	wantCode(t, err, syncline.CodeUnauthenticated)
}

// TestRandomRefreshTokensLeaveTheCache refuses unknown tokens. They end no
// family, so the cache keeps the other users' tokens.
func TestRandomRefreshTokensLeaveTheCache(t *testing.T) {
	f := newFixture(t)
	grant := f.signIn(t)
	f.wantLive(t, grant.AccessToken, true)
	before := f.store.tokens.Load()
	for range 5 {
		_, err := f.Refresh(t.Context(), strings.Repeat("A", 43), home)
		wantCode(t, err, syncline.CodeUnauthenticated)
		f.wantLive(t, grant.AccessToken, true)
	}
	if n := f.store.tokens.Load(); n != before {
		t.Errorf("%d look-ups of a token that was known", n-before)
	}
}

func TestCache(t *testing.T) {
	f := newFixture(t)
	grant := f.signIn(t)
	for range 5 {
		f.wantLive(t, grant.AccessToken, true)
	}
	if n := f.store.tokens.Load(); n != 1 {
		t.Errorf("%d look-ups, want 1", n)
	}
	// When another process ends the tokens, they work until the entry expires.
	check(t, f.store.SetPasswordHash(t.Context(), "Admin", "x"))
	f.clock.Add(CacheTime - 1)
	f.wantLive(t, grant.AccessToken, true)
	f.clock.Add(1)
	f.wantLive(t, grant.AccessToken, false)
	f.wantLive(t, grant.AccessToken, false)
	if n := f.store.tokens.Load(); n != 3 { // refusals are not cached
		t.Errorf("%d look-ups, want 3", n)
	}
}

func TestUserChangesEndTokensAtOnce(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	check(t, f.AddUser(ctx, "Bert", password, syncline.RoleViewer))
	mine := f.signIn(t)
	yours, err := f.SignIn(ctx, "bert", password, home)
	check(t, err)
	f.wantLive(t, mine.AccessToken, true)
	f.wantLive(t, yours.AccessToken, true)
	check(t, f.SetPassword(ctx, "BERT", "another password"))
	f.wantLive(t, yours.AccessToken, false)
	f.wantLive(t, mine.AccessToken, true)
	_, err = f.SignIn(ctx, "bert", password, home)
	wantCode(t, err, syncline.CodeUnauthenticated)
	yours, err = f.SignIn(ctx, "bert", "another password", home)
	check(t, err)
	f.wantLive(t, yours.AccessToken, true)
	check(t, f.RemoveUser(ctx, "bert"))
	f.wantLive(t, yours.AccessToken, false)
	_, err = f.Refresh(ctx, yours.RefreshToken, home)
	wantCode(t, err, syncline.CodeUnauthenticated)
}

// A token that ends right after it was read must not be cached as valid.
func TestCacheRace(t *testing.T) {
	f := newFixture(t)
	grant := f.signIn(t)
	f.store.onToken = func() {
		f.store.onToken = nil
		check(t, f.SetPassword(t.Context(), "admin", "another password"))
	}
	f.wantLive(t, grant.AccessToken, true) // it was valid when it was read
	f.wantLive(t, grant.AccessToken, false)
}

// The password changes while a sign-in checks the old one.
func TestPasswordChangeRace(t *testing.T) {
	f := newFixture(t)
	f.store.onUser = func() {
		f.store.onUser = nil
		check(t, f.SetPassword(t.Context(), "admin", "another password"))
	}
	_, err := f.SignIn(t.Context(), "admin", password, home)
	wantCode(t, err, syncline.CodeUnauthenticated)
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(10)
	now := time.Unix(1000, 0)
	for i := range 1000 {
		c.put([32]byte{byte(i), byte(i >> 8)}, cached{until: now.Add(CacheTime)}, 0, now)
		if len(c.entries) > 10 {
			t.Fatalf("%d entries", len(c.entries))
		}
		if _, ok := c.get([32]byte{byte(i), byte(i >> 8)}, now); !ok {
			t.Fatal("the newest entry is not there")
		}
	}
}

func TestExpiredTokensAreDeleted(t *testing.T) {
	f := newFixture(t)
	old := f.signIn(t)
	hash, _ := hashToken(old.AccessToken)
	before := f.clock.Now()
	f.clock.Add(AccessTokenLife + time.Second)
	f.signIn(t)
	if _, err := f.store.Store.Token(t.Context(), hash, before); syncline.CodeOf(err) != syncline.CodeUnauthenticated {
		t.Errorf("the expired token is still kept: %v", err)
	}
}

func TestHashesAtOnce(t *testing.T) {
	f := newFixture(t)
	var running, most atomic.Int32
	inside, release := make(chan struct{}, 100), make(chan struct{})
	f.hasher.compute = func(_, _ []byte, _, _ uint32, _ uint8, size uint32) []byte {
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		inside <- struct{}{}
		<-release
		running.Add(-1)
		return make([]byte, size)
	}
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			_, err := f.SignIn(t.Context(), "nobody", password, "")
			if code := syncline.CodeOf(err); code != syncline.CodeUnauthenticated && code != syncline.CodeThrottled {
				t.Error(err)
			}
		})
	}
	for range 4 {
		<-inside
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.SignIn(ctx, "nobody", password, home)
	wantCode(t, err, syncline.CodeCanceled)
	close(release)
	all.Wait()
	if most.Load() != 4 {
		t.Errorf("%d hashes at once, want 4", most.Load())
	}
	// The attempts that pass are the free ones and one for each slot, at most.
	if n := len(inside) + 4; n > userPace.Free+4 {
		t.Errorf("%d attempts were hashed", n)
	}
}

func TestTooManyWaiting(t *testing.T) {
	h := newHasher(1)
	release, err := h.acquire(t.Context(), "a", false)
	check(t, err)
	for i := range maxAddressWaiting {
		if !h.queue("a", false) {
			t.Fatalf("the address may have only %d waiting", i)
		}
	}
	_, err = h.acquire(t.Context(), "a", false)
	wantCode(t, err, syncline.CodeThrottled)
	if seconds, ok := RetryAfter(err); !ok || seconds < 1 {
		t.Errorf("wait %d, %v", seconds, ok)
	}
	for range maxWaiting - maxAddressWaiting {
		if !h.queue("b", false) {
			t.Fatal("one address takes all places")
		}
	}
	if h.queue("c", false) || !h.queue("c", true) {
		t.Error("where all wait, a trusted caller alone must get a place")
	}
	h.unqueue("c")
	for range maxAddressWaiting {
		h.unqueue("a")
	}
	for range maxWaiting - maxAddressWaiting {
		h.unqueue("b")
	}
	release()
	_, err = h.acquire(t.Context(), "a", false)
	check(t, err)
	if h.waiting != 0 || len(h.byOwner) != 0 {
		t.Errorf("%d wait, of %d owners", h.waiting, len(h.byOwner))
	}
}

func TestSignOut(t *testing.T) {
	f := newFixture(t)
	first, elsewhere := f.signIn(t), f.signIn(t)
	second, err := f.Refresh(t.Context(), first.RefreshToken, home)
	check(t, err)
	for _, token := range []string{first.AccessToken, second.AccessToken, elsewhere.AccessToken} {
		f.wantLive(t, token, true) // and cached by now
	}
	check(t, f.SignOut(t.Context(), second.RefreshToken))
	f.wantLive(t, first.AccessToken, false)
	f.wantLive(t, second.AccessToken, false)
	f.wantLive(t, elsewhere.AccessToken, true)
	_, err = f.Refresh(t.Context(), second.RefreshToken, home)
	wantCode(t, err, syncline.CodeUnauthenticated)
	for _, token := range []string{"", "nonsense", second.RefreshToken, first.AccessToken} {
		wantCode(t, f.SignOut(t.Context(), token), syncline.CodeUnauthenticated)
	}
	check(t, f.SignOut(t.Context(), elsewhere.AccessToken))
	f.wantLive(t, elsewhere.AccessToken, false)
}

// TestContinue continues work beyond the life of an access token. It ends with
// the sign-in.
func TestContinue(t *testing.T) {
	for name, end := range map[string]func(f *fixture, token string) error{
		"signed out":   func(f *fixture, token string) error { return f.SignOut(t.Context(), token) },
		"new password": func(f *fixture, _ string) error { return f.SetPassword(t.Context(), "admin", "another long password") },
		"removed": func(f *fixture, _ string) error {
			return errors.Join(f.AddUser(t.Context(), "other", password, syncline.RoleAdministrator), f.RemoveUser(t.Context(), "admin"))
		},
	} {
		f := newFixture(t)
		grant := f.signIn(t)
		identity, err := f.Authenticate(t.Context(), grant.AccessToken)
		check(t, err)
		f.clock.Add(2 * AccessTokenLife)
		f.wantLive(t, grant.AccessToken, false)
		again, err := f.Continue(t.Context(), identity)
		check(t, err)
		if again != identity {
			t.Errorf("%+v goes on as %+v", identity, again)
		}
		check(t, end(f, grant.RefreshToken))
		_, err = f.Continue(t.Context(), identity)
		if syncline.CodeOf(err) != syncline.CodeUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}
