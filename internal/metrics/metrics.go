// Package metrics tells Prometheus how backups, synchronization and the process
// are. It counts what happens in this process, and reads the rest at each scrape.
// It knows nothing of HTTP, of sessions' work and of concrete stores.
package metrics

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
	"golang.org/x/sync/singleflight"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
)

// ContentType is the type of the text that Text returns.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// scrapeTime bounds one scrape. Prometheus waits for ten seconds unless it is told
// otherwise.
const scrapeTime = 9 * time.Second

// Repositories lists the attached repositories, with their present OutOfSync.
type Repositories interface {
	Repositories(ctx context.Context) ([]syncline.Repository, error)
}

// Backups reads the series of a repository from its catalog, the newest first. An
// error says that the catalog cannot answer.
type Backups interface {
	Series(ctx context.Context, repository syncline.ID) ([]explore.Series, error)
}

// Alarms counts the open alarms, without those of which there are none.
type Alarms interface {
	CountAlarms(ctx context.Context) ([]syncline.AlarmCount, error)
}

// Checks tells the last check of each repository, as it is at a moment, with a zero time
// before the first one.
type Checks interface {
	LastChecks() func(repository syncline.ID) (last syncline.Check, next time.Time)
}

// Machines counts the machines in each state.
type Machines interface {
	CountMachines(ctx context.Context) (map[syncline.MachineState]int, error)
}

// Nodes lists the nodes of the installation.
type Nodes interface {
	Nodes(ctx context.Context) ([]syncline.Node, error)
}

// Metrics has the metrics of one process. It is safe for concurrent use.
type Metrics struct {
	// Alarms is set before the first use; nil for a process that keeps no alarms.
	Alarms Alarms
	// Checks likewise, for a process that checks no repositories.
	Checks Checks
	// Machines likewise; nil for a process that watches none.
	Machines Machines
	// Nodes likewise; nil for a process that is no node.
	Nodes Nodes
	// Database and Leases likewise; nil for a node that is alone.
	Database func() DatabaseUse
	Leases   func() LeaseUse

	repositories Repositories
	backups      Backups
	process      *prometheus.Registry // everything without a repository
	durations    prometheus.Histogram
	scrape       singleflight.Group

	mu       sync.Mutex
	sessions map[syncline.ID]map[syncline.WorkState]int64 // ended ones
	requests map[syncline.ID]*requests
	failures map[syncline.ID]int64 // of checks
}

// New returns metrics of a program with a version.
func New(repositories Repositories, backups Backups, version string) *Metrics {
	m := &Metrics{
		repositories: repositories, backups: backups,
		process:  prometheus.NewRegistry(),
		sessions: make(map[syncline.ID]map[syncline.WorkState]int64),
		requests: make(map[syncline.ID]*requests),
		failures: make(map[syncline.ID]int64),
		durations: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "syncline_sync_duration_seconds",
			Help:    "Time from the begin to the end of a synchronization session, whatever its result.",
			Buckets: []float64{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600},
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "syncline_build_info", Help: "The running program: always 1, with the versions of Syncline and of Go.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.process.MustRegister(m.durations, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// SessionEnded counts a session that has ended.
func (m *Metrics) SessionEnded(w syncline.Work) {
	if !w.StartedAt.IsZero() { // it has left the queue
		m.durations.Observe(w.EndedAt.Sub(w.StartedAt).Seconds())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ended := m.sessions[w.RepositoryID]
	if ended == nil {
		ended = make(map[syncline.WorkState]int64)
		m.sessions[w.RepositoryID] = ended
	}
	ended[w.State]++
}

// Remembered returns the repositories of which something was counted.
func (m *Metrics) Remembered() []syncline.ID {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := slices.Collect(maps.Keys(m.sessions))
	ids = slices.AppendSeq(ids, maps.Keys(m.requests))
	return slices.AppendSeq(ids, maps.Keys(m.failures))
}

// Forget drops what was counted of a repository that is removed.
func (m *Metrics) Forget(repository syncline.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, repository)
	delete(m.requests, repository)
	delete(m.failures, repository)
}

// CheckEnded counts a check that has failed.
func (m *Metrics) CheckEnded(c syncline.Check) {
	if c.Result != syncline.CheckFailed {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures[c.RepositoryID]++
}

// Text returns all metrics in Prometheus's text format. Scrapes at the same time
// share one answer, so there is never more than one at work. Callers do not change
// the text. CodeUnavailable means that the database does not answer in time.
func (m *Metrics) Text(ctx context.Context) ([]byte, error) {
	answer := m.scrape.DoChan("", func() (any, error) {
		// It goes on when the first caller has left: others may wait for it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), scrapeTime)
		defer cancel()
		return m.write(ctx)
	})
	late := time.NewTimer(scrapeTime)
	defer late.Stop()
	select {
	case a := <-answer:
		if a.Err != nil {
			return nil, a.Err
		}
		return a.Val.([]byte), nil
	case <-late.C: // a disk can hang without an end
		return nil, syncline.Errorf(syncline.CodeUnavailable, "the metrics could not be read within %s; see whether the disks of the database and of the catalogs answer", scrapeTime)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *Metrics) write(ctx context.Context) ([]byte, error) {
	s, err := m.look(ctx)
	if err != nil {
		return nil, err
	}
	repositories := prometheus.NewRegistry()
	if err := errors.Join(repositories.Register(s), repositories.Register(node{m})); err != nil {
		return nil, syncline.WrapError(syncline.CodeInternal, err, "the metrics cannot be told")
	}
	families, err := prometheus.Gatherers{m.process, repositories}.Gather()
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInternal, err, "the metrics cannot be told")
	}
	var text bytes.Buffer
	encoder := expfmt.NewEncoder(&text, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			return nil, syncline.WrapError(syncline.CodeInternal, err, "the metrics cannot be told")
		}
	}
	return text.Bytes(), nil
}
