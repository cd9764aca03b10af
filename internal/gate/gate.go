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
	// displaces the oldest, but one with a token in a check only where all have one.
	AddressConnections, StrangerConnections int
	// Connections of one trusted proxy; a new one displaces the oldest.
	ProxyConnections int
	// Connections with a signed-in user, of one user and in all.
	UserConnections, SignedInConnections int

	// Requests whose token is not checked yet, of one address and in all. A new
	// one displaces the oldest of the connection with the most. Requests over a
	// connection with a signed-in user count as an address of their own.
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
	g.strangers.spare = func(c *conn) int { return 1 - min(c.checks(), 1) }
	g.arrivals.spare = (*conn).checks
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
	m, _ := crowd.joinOver(in, peer.Key(remote), func() {
		if in.proxy || in.cut() {
			_ = c.Close() // which ends everything that waits for it
		}
	})
	in.mu.Lock()
	defer in.mu.Unlock()
	in.member = m
	return in
}

// conn is a connection. It counts until it is closed.
type conn struct {
	net.Conn
	gate  *Gate
	proxy bool

	checking atomic.Int32 // requests whose token is not checked yet

	mu     sync.Mutex
	member *member
	user   string // that signed in first, "" for none
	closed bool   // or about to be
	asked  int    // present requests, before a user signs in
}

// checks is the number of requests over the connection whose token is not checked yet. A
// request counts as one where the connection is not known, or is that of many clients.
func (c *conn) checks() int {
	if c == nil || c.proxy {
		return 1
	}
	return int(c.checking.Load())
}

// owner is who requests over the connection count for before their user is known.
func (c *conn) owner(address string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.user == "" {
		return address
	}
	return "user " + c.user
}

// ask counts a request. It reports whether the connection may have so many.
func (c *conn) ask() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return c.user != "" || c.proxy || c.asked <= c.gate.limits.ConnectionRequests
}

func (c *conn) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked--
}

// cut reports whether the connection belongs to one stranger. Nobody signs in over it
// from then on, and the caller closes it.
func (c *conn) cut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.user != "" || c.proxy {
		return false
	}
	c.closed = true
	return true
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
	if c.user != "" || c.closed || c.proxy {
		return true
	}
	m, ok := c.gate.users.join(user, nil)
	if !ok {
		return false
	}
	c.member.leave()
	c.member, c.user = m, user
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
	course  atomic.Int32

	mu     sync.Mutex
	member *member
	work   *member // question or download, or nil
	user   string
	token  bool // is not checked yet
	bytes  int64
}

// The courses of a visit. The first one counts: a request that is being ended and whose
// user becomes known at the same moment is either ended or the user's.
const (
	visitOpen int32 = iota
	visitUsers
	visitEnded
)

// Arrive counts a request whose user is not known yet. ctx is the request's. token says
// that it has a token to be checked; without one it counts as a stranger's.
// end must make the request end soon, whatever it waits for; another goroutine
// calls it at most once. The caller calls Leave at the end of the request.
func (g *Gate) Arrive(ctx context.Context, address string, token bool, end func()) *Visit {
	g.stir()
	v := &Visit{gate: g, address: peer.Key(address), token: token}
	v.conn, _ = ctx.Value(connKey{}).(*conn)
	v.end = func() {
		if !v.course.CompareAndSwap(visitOpen, visitEnded) {
			return
		}
		if v.conn != nil && v.conn.cut() { // shorter, and ends all of its requests
			_ = v.conn.Conn.Close()
		}
		if end != nil {
			end()
		}
	}
	in, owner := g.unsigned, v.address
	if token {
		in = g.arrivals
	}
	if c := v.conn; c != nil {
		owner = c.owner(owner)
		if token {
			c.checking.Add(1)
		}
		if !c.ask() {
			v.end()
		}
	}
	v.member, _ = in.joinOver(v.conn, owner, v.end)
	return v
}

// checked notes that the token is checked. The caller holds mu.
func (v *Visit) checked() {
	if v.token && v.conn != nil {
		v.conn.checking.Add(-1)
	}
	v.token = false
}

// Stranger counts the request as one without a user.
func (v *Visit) Stranger() {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	defer v.checked()
	if v.member.in != v.gate.arrivals {
		return
	}
	v.member.leave()
	v.member, _ = v.gate.unsigned.join(v.member.owner, v.end)
}

var errBusy = &syncline.Error{
	Code:    syncline.CodeThrottled,
	Message: "this user has too many requests or connections open at once; wait until some have ended",
}

var errEnded = &syncline.Error{
	Code:    syncline.CodeThrottled,
	Message: "the server ended this request because too many others came at that moment; send it again",
}

// SignIn counts the request and its connection as the user's. CodeThrottled
// means that there are too many.
func (v *Visit) SignIn(user string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	defer v.checked()
	m, ok := v.gate.signedIn.join(user, nil)
	if !ok {
		return errBusy
	}
	if !v.course.CompareAndSwap(visitOpen, visitUsers) {
		m.leave()
		return errEnded
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
	v.checked()
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
