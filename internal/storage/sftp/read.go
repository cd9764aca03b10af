package sftp

import (
	"context"
	"errors"
	"io"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// window is how many bytes of a file are asked for ahead of their reader. It is
// the window of an SSH channel in the usual clients and servers, which no
// larger one would pass.
const window = 2 << 20

// open sends a request that is answered with a handle, with another request
// behind it if there is one, and waits for the handle.
func (s *session) open(ctx context.Context, kind byte, name string, behind func() error) (string, error) {
	c, err := s.send(ctx, kind, func(p packet) packet {
		p = p.text(name)
		if kind == typeOpen {
			p = p.uint32(openRead).uint32(0) // no attributes
		}
		return p
	})
	if err != nil {
		return "", err
	}
	if behind != nil {
		if err := behind(); err != nil {
			c.abandon()
			return "", err
		}
	}
	a, err := c.wait(ctx)
	if err != nil {
		return "", err
	}
	return handleOf(a)
}

// attributes waits for the answer of a call for attributes.
func (s *session) attributes(ctx context.Context, c *call) (attributes, error) {
	a, err := c.wait(ctx)
	if err != nil {
		return attributes{}, err
	}
	return attributesOf(a)
}

// Open implements storage.Storage. It takes one round trip, and the first bytes
// another one.
func (s *Storage) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := storage.CheckName(name); err != nil {
		return nil, err
	}
	if err := storage.CheckOffset(offset); err != nil {
		return nil, err
	}
	session, err := s.connection(ctx)
	if err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, session: session, name: name, next: offset, end: offset + length}
	full := s.full(name)
	var behind func() error
	var stat *call
	if length <= 0 {
		behind = func() (err error) {
			stat, err = session.send(ctx, typeStat, func(p packet) packet { return p.text(full) })
			return err
		}
	}
	if r.handle, err = session.open(ctx, typeOpen, full, behind); err != nil {
		if stat != nil {
			stat.abandon()
		}
		return nil, translate(name, err)
	}
	if err = r.begin(stat, length); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// reader reads a range of one file.
type reader struct {
	ctx     context.Context
	session *session
	name    string
	handle  string
	next    int64 // offset of the next bytes to ask for
	end     int64
	ahead   []chunk
	size    int64  // of ahead
	got     []byte // arrived, and not yet read
	err     error
}

// chunk is a part of the file that was asked for.
type chunk struct {
	offset int64
	length int64
	call   *call
}

// begin asks for the first bytes.
func (r *reader) begin(stat *call, length int64) error {
	if stat != nil {
		found, err := r.session.attributes(r.ctx, stat)
		if err != nil {
			return translate(r.name, err)
		}
		if found.hasModes && !found.is(modeRegular) {
			return storage.NotExist(r.name, nil)
		}
		if length < 0 {
			if !found.hasSize {
				return retryable(syncline.Errorf(syncline.CodeUnavailable, "the SFTP server does not tell the size of %q", r.name))
			}
			r.end = max(found.size, r.next)
		}
	}
	return r.ask()
}

// ask fills the window.
func (r *reader) ask() error {
	for r.next < r.end && r.size < window {
		n := min(int64(r.session.chunk), r.end-r.next)
		c, err := r.request(r.next, n)
		if err != nil {
			return err
		}
		r.ahead = append(r.ahead, c)
		r.size += n
		r.next += n
	}
	return nil
}

func (r *reader) request(offset, length int64) (chunk, error) {
	c, err := r.session.send(r.ctx, typeRead, func(p packet) packet {
		return p.text(r.handle).uint64(uint64(offset)).uint32(uint32(length))
	})
	return chunk{offset, length, c}, err
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.got) == 0 {
		if r.err == nil {
			r.err = r.receive()
		}
		if r.err != nil {
			return 0, r.err
		}
	}
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n := copy(p, r.got)
	r.got = r.got[n:]
	return n, nil
}

// receive waits for the next part.
func (r *reader) receive() error {
	if len(r.ahead) == 0 {
		return io.EOF
	}
	first := r.ahead[0]
	a, err := first.call.wait(r.ctx)
	if err != nil {
		return err
	}
	if a.kind != typeData {
		return r.refusal(statusOf(a))
	}
	f := fields{rest: a.body}
	r.got = f.bytes()
	n := int64(len(r.got))
	if f.bad || n == 0 || n > first.length {
		return errWrongKind
	}
	r.size -= n
	if n < first.length { // the server sends less at once, or the file ends
		c, err := r.request(first.offset+n, first.length-n)
		if err != nil {
			return err
		}
		r.ahead[0] = c
		return nil
	}
	r.ahead = r.ahead[1:]
	return r.ask()
}

// refusal explains the refusal of a read.
func (r *reader) refusal(err error) error {
	refusal, ok := err.(*statusError) //nolint:errorlint // statusOf makes it, and nothing wraps it
	switch {
	case err == nil:
		return errWrongKind
	case ok && refusal.code == statusEOF:
		return storage.TooShort(r.name)
	}
	c, sendErr := r.session.send(r.ctx, typeFstat, func(p packet) packet { return p.text(r.handle) })
	if sendErr != nil {
		return sendErr
	}
	if found, statErr := r.session.attributes(r.ctx, c); statErr == nil && found.hasModes && !found.is(modeRegular) {
		return storage.NotExist(r.name, nil)
	}
	return translate(r.name, err)
}

// Close implements io.Closer.
func (r *reader) Close() error {
	if r.handle == "" {
		return nil
	}
	for _, c := range r.ahead {
		c.call.abandon()
	}
	r.ahead, r.got = nil, nil
	if r.err == nil {
		r.err = io.ErrClosedPipe
	}
	r.session.closeHandle(r.ctx, r.handle)
	r.handle = ""
	return nil
}
