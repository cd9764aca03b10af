//go:build !windows

package pgtest

import (
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy stands between a client and a server. It counts round trips, and a test can
// make the way longer or cut it.
type Proxy struct {
	url    string // of the database, by the proxy
	server string
	trips  atomic.Int64
	delay  atomic.Int64 // nanoseconds, of one way

	mu      sync.Mutex
	closed  bool
	ways    map[net.Conn]bool
	running sync.WaitGroup
	hold    chan struct{} // closed while data passes
	atEnd   func(toServer []byte) (cut bool)
}

// NewProxy starts a proxy to the database of a URL by TCP.
func NewProxy(t testing.TB, database string) *Proxy {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends at once
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{server: u.Host, ways: make(map[net.Conn]bool), hold: make(chan struct{})}
	close(p.hold)
	u.Host = ln.Addr().String()
	p.url = u.String()
	p.running.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		p.Let(true)
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		shut(ln)
		p.Cut()
		p.running.Wait()
	})
	return p
}

// URL returns the URL of the database by the proxy.
func (p *Proxy) URL() string { return p.url }

// Trips returns how often a client has spoken and waited for an answer.
func (p *Proxy) Trips() int64 { return p.trips.Load() }

// SetDelay sets the time of one way, half a round trip.
func (p *Proxy) SetDelay(d time.Duration) { p.delay.Store(int64(d)) }

// Cut ends all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.ways {
		shut(c)
	}
}

// Let has data pass, or holds all of it, in both directions.
func (p *Proxy) Let(pass bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.hold:
		if !pass {
			p.hold = make(chan struct{})
		}
	default:
		if pass {
			close(p.hold)
		}
	}
}

// CutBehind has the proxy call fn with all that it has passed to the server, piece by
// piece. Once fn returns true, the proxy cuts that connection before it passes the
// server's answer. nil ends that.
func (p *Proxy) CutBehind(fn func(toServer []byte) (cut bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.atEnd = fn
}

// shut closes what may be closed already.
func shut(c io.Closer) { _ = c.Close() }

func (p *Proxy) way(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.ways[c] = true
	}
	return !p.closed
}

func (p *Proxy) serve(client net.Conn) {
	defer shut(client)
	server, err := net.Dial("tcp", p.server) //nolint:noctx // the end of the proxy closes it
	if err != nil {
		return
	}
	defer shut(server)
	if !p.way(client) || !p.way(server) {
		return
	}
	var answered, cut atomic.Bool
	answered.Store(true)
	var both sync.WaitGroup
	both.Go(func() {
		defer shut(client)
		p.pass(server, client, func(piece []byte) bool {
			if answered.CompareAndSwap(true, false) {
				p.trips.Add(1)
			}
			p.mu.Lock()
			fn := p.atEnd
			p.mu.Unlock()
			if fn != nil && fn(piece) {
				cut.Store(true)
			}
			return true
		})
	})
	both.Go(func() {
		defer shut(server)
		p.pass(client, server, func([]byte) bool {
			answered.Store(true)
			return !cut.Load()
		})
	})
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ways, client)
	delete(p.ways, server)
}

type piece struct {
	data []byte
	due  time.Time
}

// pass copies from one connection to another until either ends or seen says so.
func (p *Proxy) pass(to io.WriteCloser, from io.Reader, seen func([]byte) bool) {
	pieces := make(chan piece, 1024)
	var copying sync.WaitGroup
	copying.Go(func() {
		defer shut(to)
		for next := range pieces {
			if wait := time.Until(next.due); wait > 0 {
				sleep(wait)
			}
			p.mu.Lock()
			hold := p.hold
			p.mu.Unlock()
			<-hold
			if !seen(next.data) {
				shut(to)
			}
			if _, err := to.Write(next.data); err != nil {
				for range pieces { // until the other side notices
				}
				return
			}
		}
	})
	for {
		buf := make([]byte, 64<<10)
		n, err := from.Read(buf)
		if n > 0 {
			pieces <- piece{buf[:n], time.Now().Add(time.Duration(p.delay.Load()))}
		}
		if err != nil {
			break
		}
	}
	close(pieces)
	copying.Wait()
}
