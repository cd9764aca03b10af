package pgpool

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"syncline.dev/syncline"
)

const (
	// stopPatience is how long a node that stops bears the silence of its database.
	stopPatience = 4 * time.Second
	stopPause    = 500 * time.Millisecond
)

// errGivenUp is what calls get after the pool has given its database up.
var errGivenUp = &syncline.Error{Code: syncline.CodeUnavailable, Message: "the fleet's database does not answer, and the server is stopping"}

// wires are the connections of a pool to the network.
type wires struct {
	mu      sync.Mutex
	all     map[*wire]bool
	givenUp bool
}

// wire is one of them.
type wire struct {
	net.Conn
	of *wires
}

// Close implements net.Conn.
func (w *wire) Close() error {
	w.of.mu.Lock()
	delete(w.of.all, w)
	w.of.mu.Unlock()
	return w.Conn.Close()
}

// SyscallConn implements syscall.Conn, for the look whether the connection is silent.
func (w *wire) SyscallConn() (syscall.RawConn, error) {
	c, ok := w.Conn.(syscall.Conn)
	if !ok {
		return nil, syscall.EINVAL
	}
	return c.SyscallConn()
}

// dial opens a connection, unless the database is given up.
func (w *wires) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if w.isGivenUp() {
		return nil, errGivenUp
	}
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	made := &wire{conn, w}
	w.mu.Lock()
	late := w.givenUp
	if !late {
		w.all[made] = true
	}
	w.mu.Unlock()
	if late {
		_ = made.Close() // nothing was said on it
		return nil, errGivenUp
	}
	return made, nil
}

func (w *wires) isGivenUp() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.givenUp
}

// giveUp cuts all connections, so that whoever waits for the database gets an error.
func (w *wires) giveUp() {
	w.mu.Lock()
	w.givenUp = true
	all := w.all
	w.all = make(map[*wire]bool)
	w.mu.Unlock()
	for one := range all {
		_ = one.Conn.Close() // it is cut, and not ended
	}
}

// Stopping is called when the node stops, and returns when the pool is closed or given
// up. While the database answers, calls have all their time. Once it has been silent for
// some seconds, all calls fail, those under way and those to come, so that it does not
// keep the node from ending.
func (p *Pool) Stopping() {
	silent := time.AfterFunc(stopPatience, p.wires.giveUp)
	defer silent.Stop()
	again := time.NewTicker(stopPause)
	defer again.Stop()
	for !p.wires.isGivenUp() {
		select {
		case <-p.ended:
			return
		case <-again.C:
		}
		if p.answers() {
			silent.Reset(stopPatience)
		}
	}
}

// answers reports whether the database says anything, if only that it has no room.
func (p *Pool) answers() bool {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, p.conns.Config().ConnConfig)
	if err != nil {
		return state(err) != ""
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost
	return conn.Ping(ctx) == nil
}

// unhurried returns a context that outlives a parent that is canceled by stopPatience. It
// ends after length and with the deadline of its parent.
func unhurried(parent context.Context, length time.Duration) (context.Context, context.CancelFunc) {
	end := time.Now().Add(length)
	if earlier, ok := parent.Deadline(); ok && earlier.Before(end) {
		end = earlier
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(parent), end)
	unhook := context.AfterFunc(parent, func() {
		late := time.AfterFunc(stopPatience, cancel)
		context.AfterFunc(ctx, func() { late.Stop() })
	})
	return ctx, func() { unhook(); cancel() }
}
