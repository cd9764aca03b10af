package server

import (
	"context"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/freshness"
	"syncline.dev/syncline/internal/gate"
	"syncline.dev/syncline/internal/metrics"
	"syncline.dev/syncline/internal/watch/series"
)

// newSeries returns the watch of the backups' series, which the metrics tell of, too.
func (s *Server) newSeries(current *freshness.Keeper, points *explore.RestorePoints, told *metrics.Metrics, o Options) *series.Service {
	backups := &series.Service{Store: s.store, Points: points, Comparer: points, Repositories: current, Reporter: s.desk, Logger: o.Logger, Now: wall}
	told.Machines = backups
	return backups
}

// betweenRequests makes the comparisons of backups wait for pauses between the requests
// that a gate lets through, and returns the gate.
func betweenRequests(g *gate.Gate, backups *series.Service, points *explore.RestorePoints) *gate.Gate {
	backups.Quiet, points.Pause = g.Quiet, backups.Pause
	return g
}

// wall is the time on the clock of the wall alone. The monotonic clock, which time.Now
// tells as well, stands still while the machine sleeps: differences would hide the sleep.
func wall() time.Time { return time.Now().Round(0) }

// background runs services beside the server. The returned function ends them and waits.
func background(ctx context.Context, run ...func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, r := range run {
		running.Go(func() { r(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// each calls functions one after the other.
func each(all ...func(syncline.Work)) func(syncline.Work) {
	return func(w syncline.Work) {
		for _, f := range all {
			f(w)
		}
	}
}
