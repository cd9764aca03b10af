package server

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/api"
	"syncline.dev/syncline/internal/metrics"
	"syncline.dev/syncline/internal/store"
)

// listenForMetrics opens the address for monitoring, nil for none.
func (o *Options) listenForMetrics(ctx context.Context) (net.Listener, error) {
	if o.MetricsListen == "" {
		return nil, nil
	}
	return listen(ctx, "--metrics-listen", o.MetricsListen)
}

// listen opens the address of a flag, which its errors name.
func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	ln, err := api.Listen(ctx, address)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeOf(err), err, "%s: %s", flag, syncline.MessageOf(err))
	}
	return ln, nil
}

// answer serves the API, and monitoring at its own address where watched is not nil,
// until ctx ends or one of the two fails.
func answer(ctx context.Context, main *api.Server, ln net.Listener, watch api.Monitor, watched net.Listener, live *live) error {
	servers, ctx := errgroup.WithContext(ctx)
	servers.Go(func() error { return main.Serve(ctx, ln) })
	servers.Go(func() error { return live.run(ctx) })
	if watched != nil {
		limits := live.gate(api.MonitoringLimits())
		handler := api.NewMonitoring(watch, limits, live.logger)
		servers.Go(func() error {
			return (&api.Server{Handler: handler, Plain: true, Gate: limits, Logger: live.logger}).Serve(ctx, watched)
		})
	}
	return servers.Wait()
}

const (
	// readyTime bounds one look whether the server is ready.
	readyTime = 5 * time.Second
	// readyFor is how long the outcome of a look is told.
	readyFor = time.Second
)

// monitor tells monitoring how the server is.
type monitor struct {
	*metrics.Metrics
	instance store.Instance
	database database
	logger   *slog.Logger

	looks singleflight.Group

	mu    sync.Mutex
	at    time.Time // of the last look, zero for none
	found error
}

var _ api.Monitor = (*monitor)(nil)

// newMonitor returns the monitor of a server whose database and catalogs are open.
func (s *Server) newMonitor(m *metrics.Metrics, logger *slog.Logger) *monitor {
	return &monitor{Metrics: m, instance: s.store, database: s.database, logger: logger}
}

// Warnings implements api.Monitor.
func (m *monitor) Warnings() []string { return m.database.warnings() }

// Text implements api.Monitor.
func (m *monitor) Text(ctx context.Context) ([]byte, string, error) {
	text, err := m.Metrics.Text(ctx)
	return text, metrics.ContentType, err
}

// Ready implements api.Monitor. It looks once a second at most.
func (m *monitor) Ready(ctx context.Context) error {
	m.mu.Lock()
	age, found := time.Since(m.at), m.found
	m.mu.Unlock()
	if age < readyFor {
		return found
	}
	look := m.looks.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTime)
		defer cancel()
		return nil, m.record(m.look(ctx))
	})
	late := time.NewTimer(readyTime)
	defer late.Stop()
	select {
	case l := <-look:
		return l.Err
	case <-late.C: // a disk can hang without an end
		return syncline.Errorf(syncline.CodeUnavailable, "%s did not answer within %s", m.database.answerer(), readyTime)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// record keeps the outcome of a look, and logs a change.
func (m *monitor) record(found error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case found != nil && m.found == nil:
		m.logger.Error("the server is not ready", "error", found)
	case found == nil && m.found != nil:
		m.logger.Info("the server is ready again")
	}
	m.at, m.found = time.Now(), found
	return found
}

// look fails when the database cannot be used.
func (m *monitor) look(ctx context.Context) error {
	if _, err := m.instance.InstallationID(ctx); err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the database cannot be read")
	}
	return m.database.look(ctx)
}
