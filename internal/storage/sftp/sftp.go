// Package sftp reads a repository through the SFTP subsystem of an SSH server.
// It has the part of the protocol that reading needs, with many requests on
// the way at once. A Connect function makes the connection: Program runs the
// user's ssh program, and SSH is a client of its own for servers.
package sftp

import (
	"context"
	"path"
	"sync"
	"sync/atomic"
	"time"

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
	// Shared, where it is not empty, names the way of Connect. All open storages with one
	// name have one connection.
	Shared string
	// Once says that a first connection that fails is not tried again, so that
	// its program does not ask its user twice.
	Once bool
}

// DefaultPatience is the time for a connection.
const DefaultPatience = 30 * time.Second

// Storage is a folder of an SFTP server; it implements storage.Storage. All calls share one
// connection, also those of other storages with the same Config.Shared.
type Storage struct {
	path   string
	line   *line
	closed atomic.Bool
	leave  func() // gives the line back, once
}

var _ storage.Storage = (*Storage)(nil)

// Open returns the storage. It connects with the first request.
func Open(c Config) *Storage {
	if c.Patience <= 0 {
		c.Patience = DefaultPatience
	}
	l := lineOf(c)
	return &Storage{path: c.Path, line: l, leave: sync.OnceFunc(l.release)}
}

// Close ends the connection, unless another storage shares it. It returns when nothing of
// the storage is left, except for calls that have not returned.
func (s *Storage) Close() error {
	s.closed.Store(true)
	s.leave()
	return nil
}

// connection returns the session, and connects where there is none.
func (s *Storage) connection(ctx context.Context) (*session, error) {
	if s.closed.Load() {
		return nil, errClosed
	}
	return s.line.connection(ctx)
}

// full returns the path of a file on the server.
func (s *Storage) full(name string) string {
	if full := path.Join(s.path, name); full != "" {
		return full
	}
	return "."
}
