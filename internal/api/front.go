package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/gate"
)

// front is what every request passes before and after its answer, at any address that
// the server listens on: limits, headers, deadlines and the log.
type front struct {
	gate            *gate.Gate
	log             *slog.Logger
	now             func() time.Time
	writeTimeout    time.Duration
	strictTransport bool
	tracer          Tracer // nil for none
	answer          func(w *response, r *http.Request, info *requestInfo)

	lines    *rate.Limiter // of the log about requests without a user
	unlogged atomic.Int64
}

func newFront(limits *gate.Gate, log *slog.Logger, answer func(*response, *http.Request, *requestInfo)) *front {
	return &front{
		gate: limits, log: log, answer: answer, now: time.Now, writeTimeout: defaultWriteTimeout,
		lines: rate.NewLimiter(strangerLinesRate, strangerLines),
	}
}

// ServeHTTP answers one request, whatever happens on the way.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := f.now()
	info := &requestInfo{header: w.Header()}
	info.remote = f.gate.Client(r.RemoteAddr, r.Header.Values("X-Forwarded-For"))
	res := newResponse(w, f.writeTimeout, r.Method == http.MethodHead)
	defer res.leave()
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), infoKey{}, info))
	defer cancel()
	if f.tracer != nil {
		var end func(string, int)
		ctx, end = f.tracer.Request(ctx, r.Method)
		defer func() { end(info.route, res.status) }()
	}
	r = r.WithContext(ctx)
	info.visit = f.gate.Arrive(ctx, info.remote, hasToken(r.Header), func() { cancel(); res.end() })
	defer info.visit.Leave()
	res.hold = info.visit.Hold
	f.setHeaders(w.Header())
	res.readDeadline(r, time.Now().Add(readTimeout))
	func() {
		defer f.recover(res, r)
		f.answer(res, r, info)
	}()
	info.visit.Stranger() // no effect for a user; another client may be slow to take the answer
	res.finish(info.identity.UserName == "" && r.ProtoMajor > 1)
	f.logRequest(r, res, info, start)
}

// hasToken reports whether a request seems to have a token, or the metrics' own.
func hasToken(h http.Header) bool { return h["Authorization"] != nil || h["Cookie"] != nil }

// recover turns a panic into a failure. A panic that aborts the connection on purpose
// passes through.
func (f *front) recover(res *response, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // compared as net/http does
		panic(v)
	}
	f.log.LogAttrs(r.Context(), slog.LevelError, "request panicked",
		slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
	if !res.restart() {
		panic(http.ErrAbortHandler) // a stream that breaks off must not look complete
	}
	err := errors.New("panic")
	tell(res, r, http.StatusInternalServerError, syncline.MessageOf(err), err)
}

// These bound the log about requests without a user, at once and per second, so that
// such requests neither fill the disk nor hold up the log's writer.
const (
	strangerLines     = 100
	strangerLinesRate = 10
)

func (f *front) logRequest(r *http.Request, res *response, info *requestInfo, start time.Time) {
	level := slog.LevelDebug
	switch {
	case res.status >= 500:
		level = slog.LevelWarn
	case res.status >= 400:
		level = slog.LevelInfo
	}
	ctx := r.Context()
	if !f.log.Enabled(ctx, level) {
		return
	}
	if info.identity.UserName == "" {
		if !f.lines.Allow() {
			f.unlogged.Add(1)
			return
		}
		if n := f.unlogged.Swap(0); n > 0 {
			f.log.LogAttrs(ctx, slog.LevelWarn, "requests without a user were not logged, there were too many", slog.Int64("count", n))
		}
	}
	f.log.LogAttrs(ctx, level, "request",
		slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", res.status), slog.Int64("bytes", res.written),
		slog.Duration("took", f.now().Sub(start)),
		slog.String("user", info.identity.UserName), slog.String("remote", info.remote))
}

func (f *front) setHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if f.strictTransport {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
