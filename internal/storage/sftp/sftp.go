// Package sftp reads a repository through the SFTP subsystem of an SSH server.
// It has the part of the protocol that reading needs, with many requests on
// the way at once. A Connect function makes the connection: Program runs the
// user's ssh program, and SSH is a client of its own for servers.
package sftp

import (
	"context"
	"errors"
	"path"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// Config says where a repository lies.
type Config struct {
	// Path is the repository's folder. A relative one begins in the folder in
	// which the server puts the user.
	Path string
	// Connect makes a connection. The session begins it with the first request
	// and again after a fault.
	Connect func(ctx context.Context) (Conn, error)
	// Patience bounds the time of Connect, with all questions to the user;
	// DefaultPatience for 0.
	Patience time.Duration
	// Once says that a first connection that fails is not tried again, so that
	// its program does not ask its user twice.
	Once bool
}

// DefaultPatience is the time for a connection.
const DefaultPatience = 30 * time.Second

// Storage is a folder of an SFTP server; it implements storage.Storage. It has
// one connection at a time, which all calls share.
type Storage struct {
	c Config

	mu        sync.Mutex
	session   *session // nil, or the last one
	dialing   *dialing // nil, or the one under way
	connected bool     // a connection has succeeded
	failed    error    // of the first connection, where it is made once
	closed    bool
	work      sync.WaitGroup // of connecting, and of sessions that end
}

var _ storage.Storage = (*Storage)(nil)

// dialing is an attempt to connect, for all calls that wait for it.
type dialing struct {
	cancel  context.CancelFunc
	waiting int // calls; Storage.mu guards it
	done    chan struct{}
	session *session
	err     error
}

// Open returns the storage. It connects with the first request.
func Open(c Config) *Storage {
	if c.Patience <= 0 {
		c.Patience = DefaultPatience
	}
	return &Storage{c: c}
}

// Close ends the connection. It returns when nothing of it is left.
func (s *Storage) Close() error {
	s.mu.Lock()
	s.closed = true
	if s.dialing != nil {
		s.dialing.cancel()
	}
	last := s.session
	s.mu.Unlock()
	if last != nil {
		last.end()
	}
	s.work.Wait()
	return nil
}

// connection returns the session, and connects where there is none. An attempt that ended
// because nobody waited for it counts for nobody.
func (s *Storage) connection(ctx context.Context) (*session, error) {
	for {
		session, err := s.join(ctx)
		if !errors.Is(err, context.Canceled) || ctx.Err() != nil {
			return session, err
		}
	}
}

// join waits for the attempt to connect that is under way, or begins one.
func (s *Storage) join(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errClosed
	}
	if s.failed != nil {
		defer s.mu.Unlock()
		return nil, s.failed
	}
	if s.session != nil && s.session.alive() {
		defer s.mu.Unlock()
		return s.session, nil
	}
	d := s.dialing
	if d == nil {
		d = s.dial()
	}
	d.waiting++
	s.mu.Unlock()
	storage.NoteWaiting(ctx)
	select {
	case <-d.done:
		storage.NoteProgress(ctx)
		return d.session, d.err
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		if d.waiting--; d.waiting == 0 {
			d.cancel()
		}
		return nil, ctx.Err()
	}
}

// dial begins to connect. s.mu is held.
func (s *Storage) dial() *dialing {
	ctx, cancel := context.WithTimeout(context.Background(), s.c.Patience)
	d := &dialing{cancel: cancel, done: make(chan struct{})}
	s.dialing = d
	last := s.session
	s.work.Go(func() {
		defer cancel()
		if last != nil {
			<-last.gone
		}
		session, err := s.connect(ctx)
		s.mu.Lock()
		d.session, d.err = session, err
		s.dialing = nil
		if err == nil {
			s.session, s.connected = session, true
		} else if s.c.Once && !s.connected && !errors.Is(err, context.Canceled) {
			s.failed = err
		}
		closed := s.closed
		s.mu.Unlock()
		close(d.done)
		if closed && session != nil {
			session.end()
		}
	})
	return d
}

func (s *Storage) connect(ctx context.Context) (*session, error) {
	var made *session
	conn, err := s.c.Connect(ctx)
	if err == nil {
		made, err = greet(ctx, conn)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = retryable(syncline.WrapError(syncline.CodeUnavailable, err,
			"the SFTP server did not answer within %s; check the host and the port, and whether a firewall keeps this machine out", s.c.Patience))
	}
	var request *storage.RequestError
	if errors.As(err, &request) && s.c.Once && !s.connected {
		err = request.Err
	}
	return made, err
}

// full returns the path of a file on the server.
func (s *Storage) full(name string) string {
	if full := path.Join(s.c.Path, name); full != "" {
		return full
	}
	return "."
}
