package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"syncline.dev/syncline"
)

const (
	contentTypeJSON = "application/json; charset=utf-8"
	// defaultWriteTimeout is Config's WriteTimeout where it is not set.
	defaultWriteTimeout = 30 * time.Second
	// A larger buffer is not kept for the next request.
	keepBuffer = 64 << 10
	// uncounted is the size of an answer that is too small to be counted.
	uncounted = 8 << 10
)

// headerIncomplete names the repositories that an answer leaves out because they cannot
// be read, by ids separated by commas.
const headerIncomplete = "Syncline-Incomplete"

// maxIncomplete is how many ids the header names. Reverse proxies bound headers.
const maxIncomplete = 100

// sayIncomplete names the repositories that an answer leaves out. When they are more
// than a header should hold, a count ends the list.
func sayIncomplete(ctx context.Context, leftOut []syncline.ID) {
	h := infoFrom(ctx).header
	if len(leftOut) == 0 || h == nil {
		return
	}
	ids := convert(leftOut[:min(len(leftOut), maxIncomplete)], func(id syncline.ID) string { return string(id) })
	if more := len(leftOut) - len(ids); more > 0 {
		ids = append(ids, fmt.Sprintf("and %d more", more))
	}
	h.Set(headerIncomplete, strings.Join(ids, ", "))
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// response holds an answer back until it is complete, so that it has its length and a
// panic half-way still becomes a failure. An event stream makes it pass bytes through.
type response struct {
	w       http.ResponseWriter
	timeout time.Duration     // see Config.WriteTimeout
	hold    func(int64) error // counts the bytes held back; no check when nil
	status  int
	body    *bytes.Buffer
	stream  bool
	head    bool // nobody reads a body
	written int64

	mu    sync.Mutex // guards the connection's deadlines, which end sets too
	ended bool
	left  bool // the connection is no longer this answer's
}

func newResponse(w http.ResponseWriter, timeout time.Duration, head bool) *response {
	body := buffers.Get().(*bytes.Buffer)
	body.Reset()
	return &response{w: w, timeout: timeout, body: body, head: head}
}

func (r *response) Header() http.Header { return r.w.Header() }

// Unwrap lets http.ResponseController reach the connection.
func (r *response) Unwrap() http.ResponseWriter { return r.w }

func (r *response) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *response) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.stream {
		n, err := r.w.Write(b)
		r.written += int64(n)
		return n, err
	}
	return r.body.Write(b)
}

// extend gives the client its time for the next write.
func (r *response) extend() { r.deadline(time.Now().Add(r.timeout)) }

// deadline bounds the next write.
func (r *response) deadline(t time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended && !r.left {
		// Recorders in tests have no deadlines; real connections do.
		_ = http.NewResponseController(r.w).SetWriteDeadline(t)
	}
}

// readDeadline bounds how long the rest of the request's body may take to
// arrive, whether a handler reads it or the server skips it.
func (r *response) readDeadline(req *http.Request, t time.Time) {
	if req.Body == nil || req.ContentLength == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended && !r.left {
		_ = http.NewResponseController(r.w).SetReadDeadline(t)
	}
}

// end makes reads and writes that wait for the client fail at once. Any goroutine may
// call it.
func (r *response) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.left {
		return
	}
	r.ended = true
	past := time.Unix(1, 0)
	c := http.NewResponseController(r.w)
	_, _ = c.SetReadDeadline(past), c.SetWriteDeadline(past)
}

// leave gives the connection back to the server.
func (r *response) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = true
}

// startStream sends the headers. Later writes go straight to the client.
func (r *response) startStream() {
	r.WriteHeader(http.StatusOK)
	r.stream = true
	r.w.WriteHeader(r.status)
}

// restart forgets an answer that has not gone out and reports whether it could.
func (r *response) restart() bool {
	if r.stream {
		return false
	}
	r.status = 0
	r.body.Reset()
	return true
}

// finish sends the bytes held back. With flush it waits until the rest needs no memory
// of the server. Without flush the rest of a small answer goes out after the request
// has ended.
func (r *response) finish(flush bool) {
	defer func() {
		if r.body.Cap() <= keepBuffer {
			buffers.Put(r.body)
		}
		r.body = nil
	}()
	if r.stream {
		return
	}
	if r.hold != nil && r.body.Len() > uncounted {
		if err := r.hold(int64(r.body.Len())); err != nil {
			r.restart()
			writeFailure(r, statusOf(syncline.CodeOf(err)), syncline.MessageOf(err))
		}
	}
	r.WriteHeader(http.StatusOK)
	h := r.Header()
	if h.Get("Content-Type") == "application/json" {
		h.Set("Content-Type", contentTypeJSON)
	}
	if r.status != http.StatusNoContent && r.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(r.body.Len()))
	}
	r.extend()
	r.w.WriteHeader(r.status)
	if r.head {
		return
	}
	n, _ := r.w.Write(r.body.Bytes())
	r.written = int64(n)
	if flush {
		_ = http.NewResponseController(r.w).Flush()
	}
}

// sendShared answers with a file of which all clients read one copy. The file is not
// held back, and each part has its own time.
func sendShared(w http.ResponseWriter, r *http.Request, file http.Handler) {
	infoFrom(r.Context()).visit.Stranger()
	if out, ok := w.(*response); ok {
		w = sharedWriter{out}
	}
	file.ServeHTTP(w, r)
}

type sharedWriter struct{ out *response }

// Header implements http.ResponseWriter.
func (s sharedWriter) Header() http.Header { return s.out.Header() }

// WriteHeader implements http.ResponseWriter.
func (s sharedWriter) WriteHeader(status int) {
	s.out.WriteHeader(status)
	if status == http.StatusOK {
		s.out.extend()
		s.out.startStream()
	}
}

// Write implements http.ResponseWriter.
func (s sharedWriter) Write(b []byte) (int, error) { return sendChunks(s.out, b) }
