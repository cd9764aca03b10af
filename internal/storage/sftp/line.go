package sftp

import (
	"context"
	"errors"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// line has one connection at a time, and makes it again after a fault.
type line struct {
	c     Config
	users int             // open storages; lines.mu guards it
	prior <-chan struct{} // closed when the line before with the same name has ended; nil for none
	gone  chan struct{}   // closed when this one has ended

	mu        sync.Mutex
	session   *session // nil, or the last one
	dialing   *dialing // nil, or the one under way
	connected bool     // a connection has succeeded
	failed    error    // of the first connection, where it is made once
	closed    bool
	work      sync.WaitGroup // of connecting, and of sessions that end
}

// dialing is an attempt to connect, for all calls that wait for it.
type dialing struct {
	cancel  context.CancelFunc
	waiting int // calls; line.mu guards it
	done    chan struct{}
	session *session
	err     error
}

// lines are those that storages share, by Config.Shared. One that ends stays until it has
// ended, or until another one with its name waits for that.
var lines = struct {
	mu     sync.Mutex
	shared map[string]*line
}{shared: map[string]*line{}}

func lineOf(c Config) *line {
	made := &line{c: c, users: 1, gone: make(chan struct{})}
	if c.Shared == "" {
		return made
	}
	lines.mu.Lock()
	defer lines.mu.Unlock()
	if l := lines.shared[c.Shared]; l != nil {
		if l.users > 0 {
			l.users++
			return l
		}
		made.prior = l.gone
	}
	lines.shared[c.Shared] = made
	return made
}

// release gives the line back. The last one ends it.
func (l *line) release() {
	lines.mu.Lock()
	l.users--
	last := l.users == 0
	lines.mu.Unlock()
	if !last {
		return
	}
	l.end()
	close(l.gone)
	lines.mu.Lock()
	defer lines.mu.Unlock()
	if lines.shared[l.c.Shared] == l {
		delete(lines.shared, l.c.Shared)
	}
}

// end ends the connection. It returns when nothing of it is left.
func (l *line) end() {
	l.mu.Lock()
	l.closed = true
	if l.dialing != nil {
		l.dialing.cancel()
	}
	last := l.session
	l.mu.Unlock()
	if last != nil {
		last.end()
	}
	l.work.Wait()
}

// connection returns the session, and connects where there is none. An attempt that ended
// because nobody waited for it counts for nobody.
func (l *line) connection(ctx context.Context) (*session, error) {
	for {
		session, err := l.join(ctx)
		if !errors.Is(err, context.Canceled) || ctx.Err() != nil {
			return session, err
		}
	}
}

// join waits for the attempt to connect that is under way, or begins one.
func (l *line) join(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, errClosed
	}
	if l.failed != nil {
		defer l.mu.Unlock()
		return nil, l.failed
	}
	if l.session != nil && l.session.alive() {
		defer l.mu.Unlock()
		return l.session, nil
	}
	d := l.dialing
	if d == nil {
		d = l.dial()
	}
	d.waiting++
	l.mu.Unlock()
	storage.NoteWaiting(ctx)
	select {
	case <-d.done:
		storage.NoteProgress(ctx)
		return d.session, d.err
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		if d.waiting--; d.waiting == 0 {
			d.cancel()
		}
		return nil, ctx.Err()
	}
}

// dial begins to connect, when nothing of a connection before is left. l.mu is held.
func (l *line) dial() *dialing {
	ctx, cancel := context.WithTimeout(context.Background(), l.c.Patience)
	d := &dialing{cancel: cancel, done: make(chan struct{})}
	l.dialing = d
	last := l.session
	l.work.Go(func() {
		defer cancel()
		if l.prior != nil {
			<-l.prior
		}
		if last != nil {
			<-last.gone
		}
		session, err := l.connect(ctx)
		l.mu.Lock()
		d.session, d.err = session, err
		l.dialing = nil
		if err == nil {
			l.session, l.connected = session, true
		} else if l.c.Once && !l.connected && !errors.Is(err, context.Canceled) {
			l.failed = err
		}
		closed := l.closed
		l.mu.Unlock()
		close(d.done)
		if closed && session != nil {
			session.end()
		}
	})
	return d
}

func (l *line) connect(ctx context.Context) (*session, error) {
	var made *session
	conn, err := l.c.Connect(ctx)
	if err == nil {
		made, err = greet(ctx, conn)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = retryable(syncline.WrapError(syncline.CodeUnavailable, err,
			"the SFTP server did not answer within %s; check the host and the port, and whether a firewall keeps this machine out", l.c.Patience))
	}
	var request *storage.RequestError
	if errors.As(err, &request) && l.c.Once && !l.connected {
		err = request.Err
	}
	return made, err
}
