package sftp

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"syncline.dev/syncline/internal/storage"
)

// Conn is a connection to a server's SFTP subsystem.
type Conn interface {
	io.ReadWriter
	// Ready is called once, when the server has answered.
	Ready()
	// Close ends the connection, with reads and writes that wait. It returns
	// when nothing of it is left.
	Close() error
	// Explain returns the error of a connection that ended with err. It is
	// called before Close.
	Explain(err error) error
}

// Chunks are the bytes of one read. Every server has to allow the smaller one.
const (
	smallChunk = 32 << 10
	largeChunk = 128 << 10
	// maxWaiting bounds the requests without an answer.
	maxWaiting = 1 << 16
)

// session is one connection with its requests. Any number of requests wait for
// their answers at once. A session ends with its first fault.
//
//	calls --out--> write --> conn --> read --> calls by id
type session struct {
	conn  Conn
	chunk int         // bytes of one read
	out   chan []byte // packets to send
	ended chan struct{}
	gone  chan struct{} // is closed when conn is closed and both loops have ended
	heard atomic.Int64  // reads that brought bytes

	mu      sync.Mutex
	err     error // why it ended
	next    uint32
	waiting map[uint32]*call
}

// call is a request that waits for its answer.
type call struct {
	s         *session
	id        uint32
	answered  chan answer // has room for one
	abandoned bool        // nobody waits; s.mu guards it
}

type answer struct {
	kind byte
	body []byte // after the id
}

// greet speaks the first words with the server. Until then the session has no
// other requests. The end of ctx ends it.
func greet(ctx context.Context, conn Conn) (*session, error) {
	s := &session{
		conn: conn, chunk: smallChunk, out: make(chan []byte, 16),
		ended: make(chan struct{}), gone: make(chan struct{}), waiting: map[uint32]*call{},
	}
	r := bufio.NewReaderSize(&heardReader{conn, &s.heard}, 64<<10)
	greeted := make(chan error, 1)
	go func() { greeted <- s.hello(r) }()
	var err error
	select {
	case err = <-greeted:
		if err != nil {
			err = conn.Explain(err)
		}
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	conn.Ready()
	var loops sync.WaitGroup
	loops.Go(func() { s.fail(s.read(r), conn.Explain) })
	loops.Go(func() {
		if err := s.write(); err != nil {
			s.fail(err, conn.Explain)
		}
	})
	go func() {
		<-s.ended
		_ = conn.Close()
		loops.Wait()
		close(s.gone)
	}()
	return s, nil
}

func (s *session) hello(r io.Reader) error {
	// A server that ended at once may have said something all the same.
	_, wrote := s.conn.Write(newPacket(typeInit).uint32(protocolVersion).done())
	kind, body, err := readPacket(r)
	if err != nil {
		return errors.Join(err, wrote)
	}
	if kind != typeVersion {
		return errMalformed
	}
	found, err := extensions(body)
	if err != nil {
		return err
	}
	if found["limits@openssh.com"] != "" {
		s.chunk = largeChunk // OpenSSH allows 255 KiB
	}
	return nil
}

// heardReader counts the reads that bring bytes.
type heardReader struct {
	io.Reader
	heard *atomic.Int64
}

func (r *heardReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.heard.Add(1)
	}
	return n, err
}

// read hands the answers to their calls, until the connection ends.
func (s *session) read(r io.Reader) error {
	for {
		kind, body, err := readPacket(r)
		if err != nil {
			return err
		}
		f := fields{rest: body}
		id := f.uint32()
		if f.bad || !s.deliver(id, answer{kind, f.rest}) {
			return errMalformed
		}
	}
}

// deliver hands an answer to its call. It reports false where there is none.
func (s *session) deliver(id uint32, a answer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.waiting[id]
	if c == nil {
		return false
	}
	delete(s.waiting, id)
	if c.abandoned {
		s.drop(a)
	} else {
		c.answered <- a
	}
	return true
}

// drop closes the handle in an answer that nobody waits for.
func (s *session) drop(a answer) {
	if handle, err := handleOf(a); err == nil {
		s.closeHandle(context.Background(), handle)
	}
}

// write sends packets, until the session ends.
func (s *session) write() error {
	for {
		select {
		case p := <-s.out:
			if _, err := s.conn.Write(p); err != nil {
				return err
			}
		case <-s.ended:
			return nil
		}
	}
}

// fail ends the session. The first cause counts. explain makes the session's
// error from it.
func (s *session) fail(cause error, explain func(error) error) {
	s.mu.Lock()
	first := s.err == nil
	if first {
		s.err = cause
	}
	s.mu.Unlock()
	if !first {
		return
	}
	err := explain(cause)
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	close(s.ended)
}

func same(err error) error { return err }

// alive reports whether the session has not ended.
func (s *session) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == nil
}

// end ends the session and returns when nothing of it is left.
func (s *session) end() {
	s.fail(errClosed, same)
	<-s.gone
}

// failure returns why the session ended.
func (s *session) failure() error {
	<-s.ended
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// send sends a request. The function adds the fields after the id.
func (s *session) send(ctx context.Context, kind byte, add func(packet) packet) (*call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &call{s: s, answered: make(chan answer, 1)}
	s.mu.Lock()
	if len(s.waiting) >= maxWaiting {
		s.mu.Unlock()
		s.fail(errUnanswered, same)
		return nil, s.failure()
	}
	for s.waiting[s.next] != nil {
		s.next++
	}
	c.id = s.next
	s.next++
	s.waiting[c.id] = c
	s.mu.Unlock()
	storage.NoteRequest(ctx)
	select {
	case s.out <- add(newPacket(kind).uint32(c.id)).done():
		return c, nil
	case <-s.ended:
		return nil, s.failure()
	case <-ctx.Done():
		s.mu.Lock()
		delete(s.waiting, c.id)
		s.mu.Unlock()
		s.stalled(ctx)
		return nil, ctx.Err()
	}
}

// A call that waits looks each beat whether the server sends anything. Beyond
// maxBeats other answers do not count for it.
const (
	beat     = 100 * time.Millisecond
	maxBeats = 6000
)

// wait returns the answer of a call.
func (c *call) wait(ctx context.Context) (answer, error) {
	select {
	case a := <-c.answered:
		storage.NoteProgress(ctx)
		return a, nil
	default:
	}
	heard := c.s.heard.Load()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for beats := 0; ; {
		select {
		case a := <-c.answered:
			storage.NoteProgress(ctx)
			return a, nil
		case <-c.s.ended:
			select {
			case a := <-c.answered:
				return a, nil
			default:
				return answer{}, c.s.failure()
			}
		case <-ctx.Done():
			c.abandon()
			c.s.stalled(ctx)
			return answer{}, ctx.Err()
		case <-tick.C:
			if now := c.s.heard.Load(); now != heard && beats < maxBeats {
				heard = now
				beats++
				storage.NoteProgress(ctx)
			}
		}
	}
}

// stalled ends the session if the call was ended because nothing came. The next
// try has a connection of its own.
func (s *session) stalled(ctx context.Context) {
	if storage.Stalled(ctx) {
		s.fail(errSilent, same)
	}
}

// abandon leaves a call whose answer is of no use. A handle in it is closed.
func (c *call) abandon() {
	c.s.mu.Lock()
	c.abandoned = true
	c.s.mu.Unlock()
	select {
	case a := <-c.answered:
		c.s.drop(a)
	default:
	}
}

// closeHandle closes a handle. It waits for nothing.
func (s *session) closeHandle(ctx context.Context, handle string) {
	go func() {
		c, err := s.send(context.WithoutCancel(ctx), typeClose, func(p packet) packet { return p.text(handle) })
		if err == nil {
			c.abandon()
		}
	}()
}
