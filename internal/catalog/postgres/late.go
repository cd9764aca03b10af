package postgres

import (
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A view leaves a transaction that somebody has to end. For a page of a folder its end is
// as much work for the database as the page, and takes a core from the next page. So a
// view that has ended keeps its connection for a moment. The next view of this node ends
// the transaction in the request with which it begins its own one, and sees a new state.
const (
	lateTime = 5 * time.Millisecond
	// lateViews end one after the other on a connection. Then it goes back, because its
	// pool replaces none that is in use, those who wait for one get it from the pool only,
	// and a pooler that pauses waits for the end of its transaction.
	lateViews = 100
	nextView  = `ROLLBACK AND CHAIN` // ends the view, and begins another one like it
)

// late are the connections whose transactions have still to be ended.
type late struct {
	l     *link // of the directory
	most  int
	wait  time.Duration
	views int

	mu     sync.Mutex
	kept   []*lateEnd // the newest one is the last
	closed bool
}

type lateEnd struct {
	conn  *pgxpool.Conn
	timer *time.Timer
}

// newLate leaves most of the pool's connections to others.
func newLate(l *link) *late {
	return &late{l: l, most: int(max(1, l.pool.Config().MaxConns/4)), wait: lateTime, views: lateViews}
}

const keptKey = "syncline catalog kept"

// keep reports whether it has taken a connection, which nobody else uses.
func (a *late) keep(conn *pgxpool.Conn) bool {
	pg := conn.Conn().PgConn()
	if a == nil || pg.IsClosed() || pg.TxStatus() != 'T' {
		return false
	}
	views, _ := pg.CustomData()[keptKey].(int)
	if views >= a.views {
		delete(pg.CustomData(), keptKey)
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || len(a.kept) >= a.most {
		return false
	}
	pg.CustomData()[keptKey] = views + 1
	e := &lateEnd{conn: conn}
	e.timer = time.AfterFunc(a.wait, func() { a.end(e) })
	a.kept = append(a.kept, e)
	return true
}

// take returns a connection whose view has ended, for statements that begin another one;
// nil for none.
func (a *late) take(statements []statement) *pgxpool.Conn {
	if a == nil || len(statements) == 0 || statements[0].sql != beginView {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.kept) == 0 {
		return nil
	}
	e := a.kept[len(a.kept)-1]
	a.kept = a.kept[:len(a.kept)-1]
	e.timer.Stop()
	return e.conn
}

// end ends the transaction of a connection that nobody has taken.
func (a *late) end(e *lateEnd) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.kept, e); i >= 0 {
		a.kept = slices.Delete(a.kept, i, i+1)
		a.l.rollback(e.conn)
	}
}

// close ends all transactions, and takes no more.
func (a *late) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, e := range a.kept {
		e.timer.Stop()
		a.l.rollback(e.conn)
	}
	a.kept = nil
}
