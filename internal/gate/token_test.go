package gate

import (
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/peer"
)

// kept is the end of a request that nobody ends.
func kept(t *testing.T) func() {
	t.Helper()
	return func() { t.Error("the user's request is ended") }
}

// TestTokenInACheck has strangers of the same address and of others connect while the
// token of a user's first request is in a check.
func TestTokenInACheck(t *testing.T) {
	g := New(small, peer.Proxies{})
	user, _, ctx := connect(t, g, "192.0.2.1")
	visit := g.Arrive(ctx, "192.0.2.1", true, kept(t))
	for range 3 * small.StrangerConnections {
		for _, from := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
			connect(t, g, from)
			if n := g.strangers.owners["192.0.2.1"].Len(); n > small.AddressConnections || g.strangers.total > small.StrangerConnections {
				t.Fatalf("strangers have %d connections, %d from one address", g.strangers.total, n)
			}
		}
	}
	if user.closed {
		t.Fatal("the user's connection is ended while its token is checked")
	}
	if err := visit.SignIn("alice"); err != nil {
		t.Fatal(err)
	}
	visit.Leave()
	if user.closed || g.users.total != 1 {
		t.Errorf("the connection is closed: %v, and %d count as users'", user.closed, g.users.total)
	}
}

// TestTokensInChecks keeps the bound where every connection has a token in a check, and
// spares none over which no check has let anybody in.
func TestTokensInChecks(t *testing.T) {
	g, ended := New(small, peer.Proxies{}), 0
	var all []*fakeConn
	for range small.AddressConnections + 1 {
		raw, _, ctx := connect(t, g, "192.0.2.1")
		all = append(all, raw)
		g.Arrive(ctx, "192.0.2.1", true, func() { ended++ })
	}
	if !all[0].closed || all[1].closed || g.strangers.total != small.AddressConnections {
		t.Errorf("the oldest is closed: %v, the next one: %v, %d are left", all[0].closed, all[1].closed, g.strangers.total)
	}
	g = New(small, peer.Proxies{})
	refused, _, ctx := connect(t, g, "192.0.2.1")
	g.Arrive(ctx, "192.0.2.1", true, func() { ended++ }).Stranger()
	other, _, ctx := connect(t, g, "192.0.2.1")
	g.Arrive(ctx, "192.0.2.1", true, kept(t))
	connect(t, g, "192.0.2.1")
	if !refused.closed || other.closed {
		t.Errorf("the connection of a wrong token is closed: %v, that of the other: %v", refused.closed, other.closed)
	}
}

// arriving has room for fewer tokens in checks than strangers can send over their
// connections at once.
var arriving = Limits{
	AddressConnections: 4, StrangerConnections: 8, UserConnections: 4, SignedInConnections: 8,
	AddressArrivals: 5, Arrivals: 10, AddressRequests: 4, StrangerRequests: 8,
	ConnectionRequests: 100, UserRequests: 8, SignedInRequests: 16,
}

// TestOnlyRequestOfAConnection has strangers send tokens over connections of the same
// address, and of others, while the one request of a user is in a check.
func TestOnlyRequestOfAConnection(t *testing.T) {
	g, ended := New(arriving, peer.Proxies{}), 0
	user, _, ctx := connect(t, g, "192.0.2.1")
	visit := g.Arrive(ctx, "192.0.2.1", true, kept(t))
	for _, from := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"} {
		_, _, ctx := connect(t, g, from)
		for range 3 * arriving.Arrivals {
			g.Arrive(ctx, from, true, func() { ended++ })
		}
	}
	if ended == 0 || g.arrivals.total > arriving.Arrivals {
		t.Errorf("%d requests of strangers are ended, %d wait for a check", ended, g.arrivals.total)
	}
	if err := visit.SignIn("alice"); err != nil || user.closed {
		t.Errorf("the user: %v; the connection is closed: %v", err, user.closed)
	}
}

// TestNoToken has requests without a token take no place of those with one.
func TestNoToken(t *testing.T) {
	g, ended := New(arriving, peer.Proxies{}), 0
	user := g.Arrive(t.Context(), "192.0.2.1", true, kept(t))
	for range 10 * arriving.Arrivals {
		g.Arrive(t.Context(), "192.0.2.1", false, func() { ended++ }).Stranger()
	}
	if want := 10*arriving.Arrivals - arriving.AddressRequests; ended != want || g.arrivals.total != 1 {
		t.Errorf("%d requests of strangers are ended, want %d; %d tokens wait for a check", ended, want, g.arrivals.total)
	}
	if err := user.SignIn("alice"); err != nil {
		t.Error(err)
	}
}

// TestFurtherRequestsOfAUser has strangers of the same address take all its places, and a
// user go on over a connection with a sign-in.
func TestFurtherRequestsOfAUser(t *testing.T) {
	g, ended := New(arriving, peer.Proxies{}), 0
	_, _, ctx := connect(t, g, "192.0.2.1")
	if err := g.Arrive(ctx, "192.0.2.1", true, kept(t)).SignIn("alice"); err != nil {
		t.Fatal(err)
	}
	var all []*Visit
	for range arriving.AddressArrivals {
		all = append(all, g.Arrive(ctx, "192.0.2.1", true, kept(t)))
	}
	page := g.Arrive(ctx, "192.0.2.1", false, func() { t.Error("the user's page is ended") })
	defer page.Leave()
	for range 3 * arriving.AddressArrivals {
		g.Arrive(t.Context(), "192.0.2.1", true, func() { ended++ })
		g.Arrive(t.Context(), "192.0.2.1", false, func() { ended++ })
	}
	if ended == 0 {
		t.Error("no request of strangers is ended")
	}
	for _, v := range all {
		if err := v.SignIn("alice"); err != nil {
			t.Error(err)
		}
	}
}

// TestEndedAndSignedIn has a request ended at the moment at which its user is known.
func TestEndedAndSignedIn(t *testing.T) {
	g, ended := New(small, peer.Proxies{}), 0
	raw, _, ctx := connect(t, g, "192.0.2.1")
	v := g.Arrive(ctx, "192.0.2.1", true, kept(t))
	if err := v.SignIn("alice"); err != nil {
		t.Fatal(err)
	}
	if v.end(); raw.closed {
		t.Error("the user's connection is closed")
	}
	raw, _, ctx = connect(t, g, "192.0.2.1")
	v = g.Arrive(ctx, "192.0.2.1", true, func() { ended++ })
	v.end()
	v.end()
	if err := v.SignIn("alice"); syncline.CodeOf(err) != syncline.CodeThrottled || !raw.closed || ended != 1 || g.signedIn.total != 1 {
		t.Errorf("got %v; closed %v, ended %d times, %d requests are the user's", err, raw.closed, ended, g.signedIn.total)
	}
	// A connection that is displaced as its user signs in is one or the other, too.
	raw, c, ctx := connect(t, g, "192.0.2.1")
	displaced := c.(*conn).member.end
	if err := g.Arrive(ctx, "192.0.2.1", true, kept(t)).SignIn("bob"); err != nil {
		t.Fatal(err)
	}
	if displaced(); raw.closed {
		t.Error("the connection of a user is displaced")
	}
}

// TestCutConnection has a user sign in over a connection that is about to be closed. It
// takes no place among those of users.
func TestCutConnection(t *testing.T) {
	g := New(small, peer.Proxies{})
	_, _, ctx := connect(t, g, "192.0.2.1")
	c := ctx.Value(connKey{}).(*conn)
	if !c.cut() {
		t.Fatal("a stranger's connection is not cut")
	}
	if !c.signIn("alice") || c.user != "" || g.users.total != 0 {
		t.Errorf("it is the connection of %q, and %d count as users'", c.user, g.users.total)
	}
	if err := c.Close(); err != nil || g.strangers.total != 0 {
		t.Errorf("%v, and %d strangers are left", err, g.strangers.total)
	}
}
