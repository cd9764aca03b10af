package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/gate"
)

// Monitor tells monitoring how the server is.
type Monitor interface {
	// Ready fails, with CodeUnavailable, while the server cannot answer questions.
	// Any number of callers at once costs one look.
	Ready(ctx context.Context) error
	// Warnings returns what is wrong with a server that is ready, and what to do, a
	// sentence each.
	Warnings() []string
	// Text returns the metrics in Prometheus's text format. Callers at the same time
	// share the text.
	Text(ctx context.Context) (text []byte, contentType string, err error)
}

// The paths for monitoring. They are outside of the API and of its document.
const (
	pathAlive   = "/healthz"
	pathReady   = "/readyz"
	pathMetrics = "/metrics"
)

// metricsUser stands in the log, and among the users of the gate, for requests with
// the token for metrics.
const metricsUser = "(metrics token)"

// monitorPath returns the path for monitoring that a request asks for, "" for none.
// Letter case and one slash at the end change nothing, as everywhere.
func monitorPath(u *url.URL) string {
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	for _, p := range []string{pathAlive, pathReady, pathMetrics} {
		if equalFoldASCII(path, p) {
			return p
		}
	}
	return ""
}

// serveMonitor answers a request of monitoring and reports whether it was one.
func (a *api) serveMonitor(w *response, r *http.Request, info *requestInfo) bool {
	path := monitorPath(r.URL)
	if a.Monitor == nil || path == "" {
		return false
	}
	m := &monitoring{a.Monitor, a.front}
	m.serve(w, r, path, func() error {
		if a.isMetricsToken(r.Header) {
			info.identity.UserName = metricsUser
			return info.visit.SignIn(metricsUser)
		}
		info.readCookies(r, a.cookies)
		return a.identify(r, info, maySee)
	})
	return true
}

// isMetricsToken reports whether a request carries the token for metrics. The time that
// it takes says nothing about the token.
func (a *api) isMetricsToken(h http.Header) bool {
	if a.MetricsToken == nil {
		return false
	}
	token := a.MetricsToken()
	if token.IsEmpty() {
		return false
	}
	sent, err := bearerToken(h)
	if err != nil {
		return false
	}
	given, want := sha256.Sum256([]byte(sent)), sha256.Sum256([]byte(token.Reveal()))
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1
}

// monitoring answers the paths for monitoring.
type monitoring struct {
	monitor Monitor
	*front
}

// NewMonitoring returns the handler of an address that serves monitoring alone, with
// the metrics for everybody who reaches it.
func NewMonitoring(monitor Monitor, limits *gate.Gate, log *slog.Logger) http.Handler {
	m := &monitoring{monitor: monitor}
	m.front = newFront(limits, log, func(w *response, r *http.Request, _ *requestInfo) {
		path := monitorPath(r.URL)
		if path == "" {
			writeFailure(w, http.StatusNotFound, "there is nothing under this path; this address has "+pathMetrics+", "+pathAlive+" and "+pathReady)
			return
		}
		m.serve(w, r, path, func() error { return nil })
	})
	return m
}

// MonitoringLimits are those of an address for monitoring. A few programs use it.
func MonitoringLimits() gate.Limits {
	l := gate.Default
	l.AddressConnections, l.StrangerConnections = 16, 64
	l.AddressArrivals, l.Arrivals = 16, 64
	l.AddressRequests, l.StrangerRequests = 16, 64
	return l
}

// serve answers a request. Only the metrics ask who it is.
func (m *monitoring) serve(w *response, r *http.Request, path string, identify func() error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		methodNotAllowed(w, "GET, HEAD")
		return
	}
	info := infoFrom(r.Context())
	var err error
	if path == pathMetrics {
		err = identify()
	}
	if err == nil {
		info.visit.Stranger() // no effect for a user
		err = noQuery(r)
	}
	if err != nil {
		m.fail(w, r, err)
		return
	}
	switch path {
	case pathAlive:
		sayPlain(w, http.StatusOK, "alive")
	case pathReady:
		if err := m.monitor.Ready(r.Context()); err != nil {
			sayPlain(w, http.StatusServiceUnavailable, "not ready: "+syncline.MessageOf(err))
			return
		}
		sayPlain(w, http.StatusOK, strings.Join(append([]string{"ready"}, m.monitor.Warnings()...), "\nwarning: "))
	case pathMetrics:
		m.sendMetrics(w, r, info)
	}
}

// sendMetrics answers with the text that all scrapes of the moment share.
func (m *monitoring) sendMetrics(w *response, r *http.Request, info *requestInfo) {
	text, contentType, err := m.monitor.Text(r.Context())
	if err == nil {
		err = info.visit.Hold(int64(len(text)))
	}
	if err != nil {
		m.fail(w, r, err)
		return
	}
	sendShared(w, r, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(http.StatusOK)
		if r.Method != http.MethodHead {
			_, _ = w.Write(text) // an error is the client's connection
		}
	}))
}

// noQuery refuses a query, which could look like a filter that is honoured.
func noQuery(r *http.Request) error {
	var names []string
	for name, values := range r.URL.Query() {
		if !strings.HasPrefix(name, "_") && strings.Join(values, "") != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return invalid("there is no query parameter %s here; leave it out", strconv.Quote(slices.Min(names)))
}

// sayPlain answers with plain text, for programs that look at the status.
func sayPlain(w *response, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
