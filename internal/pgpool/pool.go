// Package pgpool is a node's connections to the PostgreSQL of its fleet: how they are
// opened, which of them are still alive, what is tried a second time, and what errors
// say. It knows nothing of the tables.
//
// No connection has a state outside of a transaction that anybody relies on, neither
// settings nor prepared statements (the catalogs do without those that a connection does
// not know). So a pooler like pgbouncer may stand between the node and the database, also
// in transaction mode.
package pgpool

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"syncline.dev/syncline"
)

const (
	// Size is how many connections a node has at most, unless its URL has
	// pool_max_conns.
	Size = 16

	// limit bounds a call, with the wait for a connection. A network that swallows
	// everything holds up no call for longer.
	limit = 30 * time.Second

	connectTime = 10 * time.Second
	// quiet is how long a connection may have been idle before it is asked whether it is
	// alive. The operating system is asked before every use.
	quiet    = 30 * time.Second
	pingTime = 5 * time.Second
)

// Pool is the connections of a node. It is safe for concurrent use.
type Pool struct {
	conns   *pgxpool.Pool
	wires   *wires
	times   Times
	closing chan struct{} // closed when the pool closes
	ended   chan struct{} // closed when all its connections are
	closed  sync.Once
}

// Open reads a URL with all that libpq's variables, password file and service file add to
// it. It opens no connection. No error and no log has any part of the URL but the name of
// a parameter.
func Open(url string) (*Pool, error) { return OpenWith(url, Limits{Default: Size}) }

// Limits bound the connections of a node.
type Limits struct {
	Default     int // where the URL has no pool_max_conns
	Least, Most int // of pool_max_conns; 0 for no bound
}

// OpenWith is Open with other limits.
func OpenWith(url string, l Limits) (*Pool, error) {
	config, limited, err := parse(url)
	if err != nil {
		return nil, err
	}
	if !limited {
		config.MaxConns = int32(l.Default) //nolint:gosec // it is small
	} else if n := int(config.MaxConns); l.Most > 0 && (n < l.Least || n > l.Most) {
		return nil, refused("pool_max_conns in the URL of the database takes %d to %d", l.Least, l.Most)
	}
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ConnConfig.StatementCacheCapacity, config.ConnConfig.DescriptionCacheCapacity = 0, 0
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTime
	}
	lines := &wires{all: make(map[*wire]bool)}
	config.ConnConfig.DialFunc = lines.dial
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "syncline"
	}
	config.PingTimeout = pingTime
	config.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool {
		return p.IdleDuration > quiet || !silent(p.Conn.PgConn().Conn())
	}
	conns, err := pgxpool.NewWithConfig(context.Background(), config) // opens its first connection when it is needed
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInternal, err, "the connections to the database cannot be prepared")
	}
	return &Pool{conns: conns, wires: lines, closing: make(chan struct{}), ended: make(chan struct{})}, nil
}

// dial notices within half a minute that the other end of a connection is gone.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control:         giveUp,
	}
	return d.DialContext(ctx, network, address)
}

// Conns returns the connections, for what the methods of Pool do not cover.
func (p *Pool) Conns() *pgxpool.Pool { return p.conns }

// Close waits for the calls under way and closes the connections. Later calls fail with
// CodeUnavailable.
func (p *Pool) Close() {
	p.closed.Do(func() {
		close(p.closing)
		p.conns.Close()
		close(p.ended)
	})
}

// Closed returns the error of a pool that is closed or given up, or nil.
func (p *Pool) Closed() error {
	select {
	case <-p.closing:
		return errClosed
	default:
	}
	if p.wires.isGivenUp() {
		return errGivenUp
	}
	return nil
}

// acquire takes a connection out of the pool.
func (p *Pool) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	if err := p.Closed(); err != nil {
		return nil, err
	}
	return p.conns.Acquire(ctx)
}

// release gives a connection back. After an error that shows that the server cannot
// serve, it and all that are idle are closed, so that the next call looks for one that
// can.
func (p *Pool) release(conn *pgxpool.Conn, err error) {
	if isOutOfService(err) {
		_ = conn.Conn().Close(closedAlready) // there is nothing left to say to it
		p.conns.Reset()
	}
	conn.Release()
}

// closedAlready lets Close send nothing.
var closedAlready = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// isOutOfService reports whether the server is a standby, or goes away.
func isOutOfService(err error) bool {
	switch state(err) {
	case "25006", "57P01", "57P02", "57P03":
		return true
	}
	return false
}

// state returns the SQLSTATE of an error, "" for none.
func state(err error) string {
	var e *pgconn.PgError
	if asError(err, &e) {
		return e.Code
	}
	return ""
}
