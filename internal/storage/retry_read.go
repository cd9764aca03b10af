package storage

import (
	"context"
	"errors"
	"io"

	"syncline.dev/syncline"
)

// enough is the number of bytes that count as progress. With a smaller number,
// a storage that sends one byte a request would be tried for ever.
const enough = 64 << 10

// retryReader reads a range. It opens the rest again where the reading broke
// off.
type retryReader struct {
	retry  *Retry
	ctx    context.Context
	name   string
	offset int64 // of the next byte
	left   int64 // bytes that are left; negative: to the end
	tries  tries

	body    io.ReadCloser   // nil between attempts
	attempt context.Context // of body
	dog     *watchdog       // of body
	got     int64           // bytes since the last reset of tries
	opened  int             // attempts in all
	err     error           // final
}

// open opens the rest, in as many tries as it takes.
func (r *retryReader) open() error {
	for {
		r.attempt, r.dog = r.retry.attempt(r.ctx, r.opened > 0)
		r.opened++
		body, err := r.retry.storage.Open(r.attempt, r.name, r.offset, r.left)
		r.dog.stop()
		if err == nil {
			r.retry.spoke.Store(true)
			r.body = body
			return nil
		}
		err = r.retry.explain(r.attempt, err)
		r.dog.end()
		if err := r.tries.wait(r.ctx, err, r.offset); err != nil {
			return err
		}
	}
}

// Read implements io.Reader.
func (r *retryReader) Read(p []byte) (int, error) {
	if r.err == nil && len(p) > 0 && r.left == 0 {
		return 0, io.EOF
	}
	for r.err == nil {
		if r.body == nil {
			if r.err = r.open(); r.err != nil {
				break
			}
		}
		n, err := r.readOnce(p)
		if err == nil {
			return n, nil
		}
		if errors.Is(err, io.EOF) {
			return n, r.end()
		}
		r.drop()
		r.err = r.tries.wait(r.ctx, err, r.offset)
		if n > 0 {
			return n, nil
		}
	}
	return 0, r.err
}

// readOnce reads from the open body and counts.
func (r *retryReader) readOnce(p []byte) (int, error) {
	r.dog.start()
	n, err := r.body.Read(p)
	r.dog.stop()
	if r.left >= 0 && int64(n) > r.left {
		return 0, syncline.Errorf(syncline.CodeInternal, "the storage gave more of %q than was asked for", r.name)
	}
	r.offset += int64(n)
	if r.left > 0 {
		r.left -= int64(n)
	}
	if r.got += int64(n); r.got >= enough {
		r.got = 0
		r.tries.reset()
	}
	if err == io.EOF && r.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err == io.EOF {
		return n, err
	}
	return n, r.retry.explain(r.attempt, err)
}

func (r *retryReader) end() error {
	r.left = 0
	return io.EOF
}

// drop closes the body that failed.
func (r *retryReader) drop() {
	_ = r.body.Close()
	r.dog.end()
	r.body = nil
}

// Close implements io.Closer.
func (r *retryReader) Close() error {
	if r.err == nil {
		r.err = syncline.Errorf(syncline.CodeInternal, "read of %q after its close", r.name)
	}
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.dog.end()
	r.body = nil
	return err
}
