// Package gate bounds what clients occupy of the server at one time:
// connections, requests, and bytes. Before a sign-in it counts by address, and
// afterwards by user. So a stranger takes nothing from signed-in users. It
// knows nothing of the content of requests.
package gate

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/peer"
)

// Limits are numbers at one time.
type Limits struct {
	// Connections without a sign-in, of one address and in all. A new one
	// displaces the oldest.
	AddressConnections, StrangerConnections int
	// Connections of one trusted proxy; a new one displaces the oldest.
	ProxyConnections int
	// Connections with a signed-in user, of one user and in all.
	UserConnections, SignedInConnections int

	// Requests whose user is not known yet, of one address and in all. A new
	// one displaces the oldest.
	AddressArrivals, Arrivals int
	// Requests without a user, of one address and in all. A new one displaces
	// the oldest.
	AddressRequests, StrangerRequests int
	// Requests at once over one connection without a sign-in. One more ends the
	// connection.
	ConnectionRequests int
	// Requests of one user, and of all users.
	UserRequests, SignedInRequests int

	// Questions about whole trees, and downloads, of one user, and of all
	// users. The limit of all downloads is in another package.
	UserQuestions, Questions int
	UserDownloads            int

	// UserBytes bounds the bytes in memory of one user's bodies and answers.
	UserBytes int64
}

// Default has a server's limits. docs/design/api.md has their reasons.
var Default = Limits{
	AddressConnections: 128, StrangerConnections: 512,
	ProxyConnections: 2048,
	UserConnections:  256, SignedInConnections: 2048,
	AddressArrivals: 256, Arrivals: 1024,
	AddressRequests: 128, StrangerRequests: 512,
	ConnectionRequests: 32,
	UserRequests:       256, SignedInRequests: 2048,
	UserQuestions: 8, Questions: 64, UserDownloads: 8,
	UserBytes: 64 << 20,
}

// Gate keeps the limits. It is safe for concurrent use.
type Gate struct {
	limits  Limits
	proxies atomic.Pointer[peer.Proxies]
	stirred atomic.Int64 // when a request came or went last; see Quiet

	strangers, viaProxies, users *crowd // connections
	arrivals, unsigned, signedIn *crowd // requests
	questions, downloads         *crowd // of these
	mu                           sync.Mutex
	bytes                        map[string]int64 // by user
}

// New returns a gate. Connections of the proxies do not count as one address,
// because they carry requests of many clients.
func New(l Limits, proxies peer.Proxies) *Gate {
	g := &Gate{
		limits:     l,
		strangers:  newCrowd(l.AddressConnections, l.StrangerConnections, true),
		viaProxies: newCrowd(l.ProxyConnections, 2*l.ProxyConnections, true),
		users:      newCrowd(l.UserConnections, l.SignedInConnections, false),
		arrivals:   newCrowd(l.AddressArrivals, l.Arrivals, true),
		unsigned:   newCrowd(l.AddressRequests, l.StrangerRequests, true),
		signedIn:   newCrowd(l.UserRequests, l.SignedInRequests, false),
		questions:  newCrowd(l.UserQuestions, l.Questions, false),
		downloads:  newCrowd(l.UserDownloads, l.SignedInRequests, false),
		bytes:      make(map[string]int64),
	}
	g.SetProxies(proxies)
	return g
}

// SetProxies replaces the trusted proxies. Connections that are open keep how they
// are counted.
func (g *Gate) SetProxies(proxies peer.Proxies) { g.proxies.Store(&proxies) }

// Client returns a request's address, by peer.Proxies.
func (g *Gate) Client(remote string, forwarded []string) string {
	return g.proxies.Load().Client(remote, forwarded)
}

// Listener counts the connections that ln accepts. The server must use
// ConnContext.
func (g *Gate) Listener(ln net.Listener) net.Listener { return &listener{ln, g} }

type listener struct {
	net.Listener
	gate *Gate
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.gate.admit(c), nil
}

func (g *Gate) admit(c net.Conn) *conn {
	remote := c.RemoteAddr().String()
	in := &conn{Conn: c, gate: g}
	crowd := g.strangers
	if g.proxies.Load().Has(remote) {
		crowd, in.proxy = g.viaProxies, true
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	// Closing the connection ends everything that waits for it.
	in.member, _ = crowd.join(peer.Key(remote), func() { _ = c.Close() })
	return in
}

// conn is a connection. It counts until it is closed.
type conn struct {
	net.Conn
	gate  *Gate
	proxy bool

	mu     sync.Mutex
	member *member
	signed bool
	closed bool
	asked  int // present requests, before a user signs in
}

// ask counts a request. It reports whether the connection may have so many.
func (c *conn) ask() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return c.signed || c.proxy || c.asked <= c.gate.limits.ConnectionRequests
}

func (c *conn) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked--
}

// alone reports whether the connection belongs to one stranger.
func (c *conn) alone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.signed && !c.proxy
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.member.leave()
	c.mu.Unlock()
	return c.Conn.Close()
}

// signIn counts the connection as the user's. It reports whether there was
// room. A connection keeps its first user.
func (c *conn) signIn(user string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.signed || c.closed || c.proxy {
		return true
	}
	m, ok := c.gate.users.join(user, nil)
	if !ok {
		return false
	}
	c.member.leave()
	c.member, c.signed = m, true
	return true
}

type connKey struct{}

// ConnContext makes the connection known to its requests.
func (g *Gate) ConnContext(ctx context.Context, c net.Conn) context.Context {
	for {
		switch in := c.(type) {
		case *conn:
			return context.WithValue(ctx, connKey{}, in)
		case interface{ NetConn() net.Conn }:
			c = in.NetConn()
		default:
			return ctx
		}
	}
}

// Visit is one request's presence. A nil Visit does not count.
type Visit struct {
	gate    *Gate
	conn    *conn // nil without a Listener
	address string
	end     func()

	mu     sync.Mutex
	member *member
	work   *member // question or download, or nil
	user   string
	bytes  int64
}

// Arrive counts a request whose user is not known yet. ctx is the request's.
// end must make the request end soon, whatever it waits for; another goroutine
// calls it at most once. The caller calls Leave at the end of the request.
func (g *Gate) Arrive(ctx context.Context, address string, end func()) *Visit {
	g.stir()
	v := &Visit{gate: g, address: peer.Key(address), end: end}
	if c, ok := ctx.Value(connKey{}).(*conn); ok {
		v.conn = c
		v.end = func() {
			if c.alone() { // shorter, and ends all of its requests
				_ = c.Conn.Close()
			}
			end()
		}
		if !c.ask() {
			v.end()
		}
	}
	v.member, _ = g.arrivals.join(v.address, v.end)
	return v
}

// Stranger counts the request as one without a user.
func (v *Visit) Stranger() {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.member.in != v.gate.arrivals {
		return
	}
	v.member.leave()
	v.member, _ = v.gate.unsigned.join(v.address, v.end)
}

var errBusy = &syncline.Error{
	Code:    syncline.CodeThrottled,
	Message: "this user has too many requests or connections open at once; wait until some have ended",
}

// SignIn counts the request and its connection as the user's. CodeThrottled
// means that there are too many.
func (v *Visit) SignIn(user string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	m, ok := v.gate.signedIn.join(user, nil)
	if !ok {
		return errBusy
	}
	v.member.leave()
	v.member, v.user = m, user
	if v.conn != nil && !v.conn.signIn(user) {
		return errBusy
	}
	return nil
}

// Question counts the user's request as a question about whole trees.
// CodeThrottled means that there are too many.
func (v *Visit) Question() error { return v.begin(v.gate.questions, "questions about whole folders") }

// Download counts the user's request as a download, as Question does.
func (v *Visit) Download() error { return v.begin(v.gate.downloads, "downloads") }

func (v *Visit) begin(in *crowd, what string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	m, ok := in.join(v.user, nil)
	if !ok {
		return syncline.Errorf(syncline.CodeThrottled, "too many %s of this user run at once, which may have %d; wait until one has ended", what, in.each)
	}
	v.work = m
	return nil
}

// Hold counts bytes that the user's request keeps in memory until it ends.
// CodeThrottled means that the user's requests hold too many. The number of
// strangers' requests bounds their bytes.
func (v *Visit) Hold(n int64) error {
	if v == nil {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.user == "" || n <= 0 {
		return nil
	}
	g := v.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bytes[v.user] > 0 && g.bytes[v.user]+n > g.limits.UserBytes {
		return syncline.Errorf(syncline.CodeThrottled,
			"this user's requests hold too much at once; read the answers that are on their way, then try again")
	}
	g.bytes[v.user] += n
	v.bytes += n
	return nil
}

// Leave ends the presence.
func (v *Visit) Leave() {
	v.gate.stir()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.member.leave()
	if v.work != nil {
		v.work.leave()
	}
	if v.conn != nil {
		v.conn.answered()
	}
	if v.bytes == 0 {
		return
	}
	g := v.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bytes[v.user] -= v.bytes; g.bytes[v.user] <= 0 {
		delete(g.bytes, v.user)
	}
	v.bytes = 0
}
