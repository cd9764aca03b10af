package api

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/auth"
)

// fakeAuth knows the tokens "administrator", "operator" and so on, and the user
// "ada" with the password "open sesame".
type fakeAuth struct {
	mu      sync.Mutex
	signIns []string
	revoked bool
	panics  bool
	role    syncline.Role // of everybody, where set

	continued int           // times that Continue was called
	asked     chan struct{} // gets a signal at each, where set
}

// waitContinued waits until Continue has been called so many times.
func (f *fakeAuth) waitContinued(t testing.TB, n int) {
	t.Helper()
	for {
		f.mu.Lock()
		if f.asked == nil {
			f.asked = make(chan struct{}, 1)
		}
		asked, count := f.asked, f.continued
		f.mu.Unlock()
		if count >= n {
			return
		}
		select {
		case <-asked:
		case <-time.After(20 * time.Second):
			t.Fatal("nobody looked whether the user may go on")
		}
	}
}

func (f *fakeAuth) record(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.signIns = append(f.signIns, s)
}

func (f *fakeAuth) SignIn(_ context.Context, user, password, remote string) (auth.Grant, error) {
	f.record(user + "|" + password + "|" + remote)
	if f.panics {
		panic("secret detail of signing in")
	}
	switch {
	case user == "throttled":
		return auth.Grant{}, syncline.WrapError(syncline.CodeThrottled, &auth.ThrottledError{RetryAfter: 1500 * time.Millisecond}, "too many attempts; wait and try again")
	case user != "ada" || password != "open sesame":
		return auth.Grant{}, syncline.Errorf(syncline.CodeUnauthenticated, "the user name or the password is wrong")
	}
	return f.grant(), nil
}

func (f *fakeAuth) grant() auth.Grant {
	return auth.Grant{
		AccessToken: "the-access-token", RefreshToken: "the-refresh-token", UserName: "ada",
		IssuedAt: testTime, ExpiresAt: testTime.Add(time.Hour),
	}
}

func (f *fakeAuth) Refresh(_ context.Context, token, remote string) (auth.Grant, error) {
	f.record("refresh|" + token + "|" + remote)
	if token != "the-refresh-token" {
		return auth.Grant{}, syncline.Errorf(syncline.CodeUnauthenticated, "the refresh token is not valid; sign in again")
	}
	return f.grant(), nil
}

func (f *fakeAuth) Authenticate(_ context.Context, token string) (auth.Identity, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if token == "the-access-token" && !f.revoked {
		return auth.Identity{UserName: "ada", Role: syncline.RoleAdministrator}, nil
	}
	role, err := syncline.ParseRole(token)
	if err != nil || f.revoked {
		return auth.Identity{}, syncline.Errorf(syncline.CodeUnauthenticated, "the access token is not valid; sign in again")
	}
	return auth.Identity{UserName: "the " + token, Role: cmp.Or(f.role, role)}, nil
}

func (f *fakeAuth) Continue(ctx context.Context, i auth.Identity) (auth.Identity, error) {
	f.mu.Lock()
	f.continued++
	if f.asked != nil {
		select {
		case f.asked <- struct{}{}:
		default:
		}
	}
	f.mu.Unlock()
	return f.Authenticate(ctx, strings.TrimPrefix(i.UserName, "the "))
}

func (f *fakeAuth) SignOut(ctx context.Context, token string) error {
	f.record("out|" + token)
	if _, err := f.Authenticate(ctx, token); err != nil && token != "the-refresh-token" {
		return syncline.Errorf(syncline.CodeUnauthenticated, "the token is not valid; sign in again")
	}
	return nil
}
