package local

import (
	"errors"
	"io"
	"sync"

	"syncline.dev/syncline/internal/mounts"
)

// farBytes bounds a read from a file system that may hang.
const farBytes = 1 << 20

// buffers has buffers of farBytes.
var buffers = sync.Pool{New: func() any { return new([farBytes]byte) }}

// farReader reads a file on a file system that may hang. A call that its caller has left
// may still write into its buffer, so it reads into one of its own.
type farReader struct {
	*reader
	gate   *mounts.Gate
	buffer *[farBytes]byte
	err    error // final
}

// answer is the result of a read.
type answer struct {
	n   int
	err error
}

func (r *farReader) Read(p []byte) (int, error) {
	switch {
	case r.err != nil:
		return 0, r.err
	case r.left == 0:
		return 0, io.EOF
	case r.buffer == nil:
		r.buffer, _ = buffers.Get().(*[farBytes]byte)
	}
	size := min(len(p), farBytes)
	if r.left > 0 {
		size = int(min(int64(size), r.left))
	}
	file, buffer, offset := r.file, r.buffer, r.offset
	got, err := mounts.Do(r.ctx, r.gate, func(answer) { closeFile(file) }, func() (answer, error) {
		n, err := file.ReadAt(buffer[:size], offset)
		return answer{n, err}, nil
	})
	if err != nil {
		r.err = retried(err)
		if mounts.IsLeft(err) {
			r.file, r.buffer = nil, nil // the call has them
		}
		return 0, r.err
	}
	return r.took(copy(p, buffer[:got.n]), got.err)
}

// Close implements io.Closer.
func (r *farReader) Close() error {
	if r.buffer != nil {
		buffers.Put(r.buffer)
		r.buffer = nil
	}
	if file := r.file; file != nil {
		r.file = nil
		r.gate.Forget(func() { closeFile(file) })
	}
	r.err = errClosed
	return nil
}

var errClosed = errors.New("read after close")
