package gate

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/peer"
)

func TestCrowdDisplacesTheOldest(t *testing.T) {
	var gone []string
	join := func(c *crowd, owner, name string) *member {
		m, ok := c.join(owner, func() { gone = append(gone, name) })
		if !ok {
			t.Fatalf("%s was refused", name)
		}
		return m
	}
	c := newCrowd(2, 4, true)
	join(c, "a", "a1")
	left := join(c, "a", "a2")
	left.leave()
	left.leave() // twice has no effect
	join(c, "a", "a3")
	join(c, "b", "b1")
	join(c, "c", "c1") // now the crowd is full
	if gone != nil {
		t.Fatalf("%v went while there was room", gone)
	}
	join(c, "a", "a4") // as many as one owner may have
	join(c, "d", "d1") // more than the crowd may have: a has most
	if want := []string{"a1", "a3"}; !slices.Equal(gone, want) {
		t.Errorf("%v went, want %v", gone, want)
	}
	if c.total != 4 || len(c.owners) != 4 {
		t.Errorf("%d members of %d owners are left", c.total, len(c.owners))
	}
}

func TestCrowdRefuses(t *testing.T) {
	c := newCrowd(1, 2, false)
	first, _ := c.join("a", nil)
	if _, ok := c.join("a", nil); ok {
		t.Error("a second one got in")
	}
	c.join("b", nil)
	if _, ok := c.join("c", nil); ok {
		t.Error("a third one got in")
	}
	first.leave()
	if _, ok := c.join("c", nil); !ok {
		t.Error("nobody gets in after one has left")
	}
}

// small has limits that a test can reach.
var small = Limits{
	AddressConnections: 2, StrangerConnections: 4, ProxyConnections: 2,
	UserConnections: 2, SignedInConnections: 4,
	AddressArrivals: 8, Arrivals: 16, AddressRequests: 2, StrangerRequests: 4,
	ConnectionRequests: 3, UserRequests: 2, SignedInRequests: 4, UserBytes: 100,
}

// fakeConn is a connection from an address.
type fakeConn struct {
	net.Conn
	from   string
	closed bool
}

func (c *fakeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.from), 4711))
}

func (c *fakeConn) Close() error { c.closed = true; return nil }

type fakeListener struct {
	net.Listener
	next *fakeConn
}

func (l *fakeListener) Accept() (net.Conn, error) {
	if l.next == nil {
		return nil, errors.New("closed")
	}
	return l.next, nil
}

// connect accepts a connection and returns it with the context of its requests.
func connect(t *testing.T, g *Gate, from string) (*fakeConn, net.Conn, context.Context) {
	t.Helper()
	raw := &fakeConn{from: from}
	c, err := g.Listener(&fakeListener{next: raw}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	return raw, c, g.ConnContext(t.Context(), tls.Server(c, &tls.Config{}))
}

func TestConnections(t *testing.T) {
	proxies, err := peer.ParseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	g := New(small, proxies)
	user, conn, ctx := connect(t, g, "192.0.2.1")
	visit := g.Arrive(ctx, "192.0.2.1", true, func() { t.Error("the user's request is ended") })
	if err := visit.SignIn("alice"); err != nil {
		t.Fatal(err)
	}
	first, _, _ := connect(t, g, "192.0.2.1")
	connect(t, g, "192.0.2.1")
	if first.closed {
		t.Error("the user's connection counts as a stranger's")
	}
	if connect(t, g, "192.0.2.1"); !first.closed {
		t.Error("an address has more connections than it may")
	}
	for _, from := range []string{"192.0.2.2", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2"} {
		connect(t, g, from)
	}
	if user.closed || g.strangers.total != small.StrangerConnections {
		t.Errorf("strangers have %d connections; the user's is closed: %v", g.strangers.total, user.closed)
	}
	for range 2 * small.StrangerConnections {
		connect(t, g, "10.1.1.1")
	}
	if g.strangers.total != small.StrangerConnections || g.viaProxies.total != small.ProxyConnections {
		t.Errorf("%d connections of strangers, %d of proxies", g.strangers.total, g.viaProxies.total)
	}
	visit.Leave()
	if _ = conn.Close(); g.users.total != 0 || !user.closed {
		t.Errorf("%d connections of users are left", g.users.total)
	}
	if l := g.Listener(&fakeListener{}); l != nil {
		if _, err := l.Accept(); err == nil {
			t.Error("a listener's failure is lost")
		}
	}
}

func TestConnectionWithTooManyRequests(t *testing.T) {
	g := New(small, peer.Proxies{})
	raw, _, ctx := connect(t, g, "192.0.2.1")
	for range small.ConnectionRequests {
		defer g.Arrive(ctx, "192.0.2.1", true, func() {}).Leave()
	}
	if raw.closed {
		t.Fatal("the connection is ended too early")
	}
	ended := false
	defer g.Arrive(ctx, "192.0.2.1", true, func() { ended = true }).Leave()
	if !raw.closed || !ended {
		t.Errorf("one request too many: connection closed %v, request ended %v", raw.closed, ended)
	}
	raw, _, ctx = connect(t, g, "192.0.2.1")
	for i := range 2 * small.ConnectionRequests {
		v := g.Arrive(ctx, "192.0.2.1", true, func() {})
		if i == 0 {
			if err := v.SignIn("alice"); err != nil {
				t.Fatal(err)
			}
		}
		defer v.Leave()
	}
	if raw.closed {
		t.Error("a user's connection is ended")
	}
}

func TestRequests(t *testing.T) {
	g := New(small, peer.Proxies{})
	ended := make(map[string]bool)
	stranger := func(address, name string) {
		g.Arrive(t.Context(), address, true, func() { ended[name] = true }).Stranger()
	}
	user := g.Arrive(t.Context(), "192.0.2.1", true, func() { t.Error("the user's request is ended") })
	if err := user.SignIn("alice"); err != nil {
		t.Fatal(err)
	}
	user.Stranger() // already counts as the user's
	for _, name := range []string{"first", "second", "third"} {
		stranger("192.0.2.1", name)
	}
	if !ended["first"] || ended["second"] || ended["third"] {
		t.Errorf("ended: %v", ended)
	}
	second := g.Arrive(t.Context(), "192.0.2.9", true, nil)
	third := g.Arrive(t.Context(), "192.0.2.9", true, nil)
	if err := second.SignIn("alice"); err != nil {
		t.Error(err)
	}
	if err := third.SignIn("alice"); syncline.CodeOf(err) != syncline.CodeThrottled {
		t.Errorf("one request too many: %v", err)
	}
	third.Stranger()
	third.Leave()
	second.Leave()
	user.Leave()
	if g.arrivals.total != 0 || g.signedIn.total != 0 || g.unsigned.total != 2 {
		t.Errorf("left: %d arrivals, %d of users, %d of strangers", g.arrivals.total, g.signedIn.total, g.unsigned.total)
	}
}

func TestBytes(t *testing.T) {
	g := New(small, peer.Proxies{})
	visit := func(user string) *Visit {
		v := g.Arrive(t.Context(), "192.0.2.1", true, nil)
		if err := v.SignIn(user); err != nil {
			t.Fatal(err)
		}
		return v
	}
	a, b, other := visit("alice"), visit("alice"), visit("bob")
	if err := a.Hold(150); err != nil {
		t.Errorf("a single large answer: %v", err)
	}
	if err := b.Hold(1); syncline.CodeOf(err) != syncline.CodeThrottled {
		t.Errorf("beside it: %v", err)
	}
	if err := other.Hold(100); err != nil {
		t.Errorf("another user: %v", err)
	}
	a.Leave()
	if err := b.Hold(100); err != nil {
		t.Errorf("after it: %v", err)
	}
	b.Leave()
	other.Leave()
	if len(g.bytes) != 0 {
		t.Errorf("bytes are left: %v", g.bytes)
	}
	var none *Visit
	none.Stranger()
	if err := none.Hold(1); err != nil {
		t.Error(err)
	}
}
