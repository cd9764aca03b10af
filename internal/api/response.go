package api

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	contentTypeJSON = "application/json; charset=utf-8"
	// defaultWriteTimeout is Config's WriteTimeout where it is not set.
	defaultWriteTimeout = 30 * time.Second
	// A buffer that grew past this is not kept for the next request.
	keepBuffer = 64 << 10
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// response holds an answer back until it is complete, so that it goes out with
// its length and a panic half-way can still become a failure. An event stream
// switches it to passing through.
type response struct {
	w       http.ResponseWriter
	timeout time.Duration // see Config.WriteTimeout
	status  int
	body    *bytes.Buffer
	stream  bool
	written int64
}

func newResponse(w http.ResponseWriter, timeout time.Duration) *response {
	body := buffers.Get().(*bytes.Buffer)
	body.Reset()
	return &response{w: w, timeout: timeout, body: body}
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

// extend gives the client its time for what is written next.
func (r *response) extend() { r.deadline(time.Now().Add(r.timeout)) }

// deadline bounds what is written next.
func (r *response) deadline(t time.Time) {
	// Recorders in tests know no deadlines; real connections do.
	_ = http.NewResponseController(r.w).SetWriteDeadline(t)
}

// startStream sends the headers; what is written from now on goes straight to
// the client.
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

// finish sends what was held back.
func (r *response) finish() {
	defer func() {
		if r.body.Cap() <= keepBuffer {
			buffers.Put(r.body)
		}
		r.body = nil
	}()
	if r.stream {
		return
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
	n, _ := r.w.Write(r.body.Bytes())
	r.written = int64(n)
}
