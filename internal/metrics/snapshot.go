package metrics

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
)

const (
	// maxSeries bounds the backup series of one repository that have a metric, and
	// maxAllSeries those of all. The newest of each repository have one.
	maxSeries    = 500
	maxAllSeries = 20_000
	// maxLabel bounds a label's value, in bytes.
	maxLabel = 256
)

var (
	inSync = prometheus.NewDesc("syncline_repository_in_sync",
		"Whether the catalog shows what the last session found in the repository: 0 while it is missing, damaged or known to be behind.",
		[]string{"repository"}, nil)
	usable = prometheus.NewDesc("syncline_repository_catalog_usable",
		"Whether the catalog of the repository can answer. While it is 0, the times of its backups are unknown and left out.",
		[]string{"repository"}, nil)
	lastBackup = prometheus.NewDesc("syncline_backup_last_timestamp_seconds",
		"Time that the newest snapshot of a host and its paths claims, in seconds since 1970.",
		[]string{"repository", "host", "paths"}, nil)
	leftOut = prometheus.NewDesc("syncline_backup_series_left_out",
		"Number of series of the repository without a time of the last backup, because the repository has too many.",
		[]string{"repository"}, nil)
	lastCheck = prometheus.NewDesc("syncline_repository_last_check_timestamp_seconds",
		"Time of the last look at the repository, in seconds since 1970. It is left out before the first one.",
		[]string{"repository"}, nil)
	checkFailures = prometheus.NewDesc("syncline_repository_check_failures_total",
		"Checks of the repository that failed since the start of the program.",
		[]string{"repository"}, nil)
	sessionsTotal = prometheus.NewDesc("syncline_sync_sessions_total",
		"Synchronization sessions that ended since the start of the program, by result.",
		[]string{"repository", "result"}, nil)
	requestsTotal = prometheus.NewDesc("syncline_storage_requests_total",
		"Requests to the storage of the repository since the start of the program, by kind.",
		[]string{"repository", "kind"}, nil)
	machineStates = prometheus.NewDesc("syncline_machines",
		"Number of machines by the state of their backups: InTime, Late, Unknown, Retired.",
		[]string{"state"}, nil)
	nodeStates = prometheus.NewDesc("syncline_nodes",
		"Number of nodes by state: Online, Maintenance (online, and without new work), Offline.",
		[]string{"state"}, nil)
	openAlarms = prometheus.NewDesc("syncline_alarms",
		"Open alarms by kind and severity, whether they are acknowledged, silenced or neither.",
		[]string{"kind", "severity"}, nil)
)

// results are the results of sessions, in the API's words.
var results = map[syncline.WorkState]string{
	syncline.WorkSucceeded: "Success",
	syncline.WorkStopped:   "Stopped",
	syncline.WorkFailed:    "Failed",
}

// snapshot is the state of all repositories, and the alarms, at one scrape. It is a
// collector.
type snapshot struct {
	repositories []state
	alarms       map[alarm]int // open ones, zeros included; nil without alarms
	machines     map[syncline.MachineState]int
	nodes        map[string]int // by state, zeros included; nil without nodes
}

// alarm has the labels of the alarms that are counted together.
type alarm struct {
	kind     syncline.AlarmKind
	severity syncline.Severity
}

// alarms counts the open alarms of every kind and severity.
func (m *Metrics) alarms(ctx context.Context) (map[alarm]int, error) {
	if m.Alarms == nil {
		return nil, nil
	}
	open, err := m.Alarms.CountAlarms(ctx)
	if err != nil {
		return nil, err
	}
	counts := make(map[alarm]int)
	for _, kind := range syncline.AlarmKinds() {
		for _, severity := range syncline.Severities() {
			counts[alarm{kind, severity}] = 0
		}
	}
	for _, c := range open {
		counts[alarm{c.Kind, c.Severity}] = c.Open
	}
	return counts, nil
}

// nodes counts the nodes in each state.
func (m *Metrics) nodes(ctx context.Context) (map[string]int, error) {
	if m.Nodes == nil {
		return nil, nil
	}
	all, err := m.Nodes.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{"Online": 0, "Maintenance": 0, "Offline": 0}
	for _, n := range all {
		switch {
		case !n.Online:
			counts["Offline"]++
		case n.Maintenance:
			counts["Maintenance"]++
		default:
			counts["Online"]++
		}
	}
	return counts, nil
}

type state struct {
	name     string
	inSync   bool
	usable   bool // the catalog can answer
	backups  map[backup]time.Time
	leftOut  int
	sessions map[syncline.WorkState]int64
	requests map[string]int64
	checked  time.Time // zero before the first check
	failures int64     // of checks
}

// backup has the labels of one series.
type backup struct{ host, paths string }

// look reads the state of all repositories, and forgets those that are gone. Counts and
// alarms follow from the state of a repository, so they are read before it: an answer with
// a session that has succeeded, or with an alarm, shows the repository as it is since then.
func (m *Metrics) look(ctx context.Context) (*snapshot, error) {
	ended, failed := m.counted()
	alarms, err := m.alarms(ctx)
	if err != nil {
		return nil, err
	}
	var machines map[syncline.MachineState]int
	if m.Machines != nil {
		if machines, err = m.Machines.CountMachines(ctx); err != nil {
			return nil, err
		}
	}
	nodes, err := m.nodes(ctx)
	if err != nil {
		return nil, err
	}
	checked := func(syncline.ID) (last syncline.Check, next time.Time) { return last, next }
	if m.Checks != nil {
		checked = m.Checks.LastChecks()
	}
	list, series, err := m.catalogs(ctx)
	if err != nil {
		return nil, err
	}
	limit := maxSeries
	if len(list) > 0 {
		limit = min(limit, max(1, maxAllSeries/len(list)))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(list)
	s := &snapshot{repositories: make([]state, len(list)), alarms: alarms, machines: machines, nodes: nodes}
	for i, r := range list {
		found, ok := series[r.ID]
		last, _ := checked(r.ID)
		s.repositories[i] = state{
			name: label(r.Name), inSync: ok && !r.OutOfSync, usable: ok,
			backups: newest(found, limit), leftOut: max(0, len(found)-limit),
			sessions: make(map[syncline.WorkState]int64), requests: m.requests[r.ID].total(),
			checked: last.At, failures: failed[r.ID],
		}
		for state := range results {
			s.repositories[i].sessions[state] = ended[r.ID][state]
		}
	}
	return s, nil
}

// counted returns how many sessions have ended, and how many checks have failed.
func (m *Metrics) counted() (ended map[syncline.ID]map[syncline.WorkState]int64, failed map[syncline.ID]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ended = make(map[syncline.ID]map[syncline.WorkState]int64, len(m.sessions))
	for id, counts := range m.sessions {
		ended[id] = maps.Clone(counts)
	}
	return ended, maps.Clone(m.failures)
}

// catalogs returns the repositories, and the series of those whose catalogs can answer.
func (m *Metrics) catalogs(ctx context.Context) (list []syncline.Repository, series map[syncline.ID][]explore.Series, err error) {
	if list, err = m.repositories.Repositories(ctx); err != nil {
		return nil, nil, err
	}
	series = make(map[syncline.ID][]explore.Series, len(list))
	for _, r := range list {
		found, err := m.backups.Series(ctx, r.ID)
		if ctx.Err() != nil {
			return nil, nil, syncline.WrapError(syncline.CodeUnavailable, ctx.Err(), "the metrics could not be read within %s", scrapeTime)
		}
		if err == nil {
			series[r.ID] = found
		}
	}
	// A catalog that was just read may have shown that it is not the right one.
	list, err = m.repositories.Repositories(ctx)
	return list, series, err
}

// forget drops the counts of repositories that are not in the list, and have no open
// storage. The caller holds the lock.
func (m *Metrics) forget(list []syncline.Repository) {
	attached := func(id syncline.ID) bool {
		return slices.ContainsFunc(list, func(r syncline.Repository) bool { return r.ID == id })
	}
	for id := range m.sessions {
		if !attached(id) {
			delete(m.sessions, id)
		}
	}
	for id := range m.failures {
		if !attached(id) {
			delete(m.failures, id)
		}
	}
	for id, r := range m.requests {
		if len(r.open) == 0 && !attached(id) {
			delete(m.requests, id)
		}
	}
}

// newest returns the last backups of at most limit series.
func newest(series []explore.Series, limit int) map[backup]time.Time {
	backups := make(map[backup]time.Time)
	for _, s := range series[:min(limit, len(series))] {
		key := backup{label(s.Host), label(pathsLabel(s.Paths))}
		if last, ok := backups[key]; !ok || s.Latest.After(last) {
			backups[key] = s.Latest
		}
	}
	return backups
}

// pathsLabel writes paths as one value: with commas between them, or as a list of
// quoted texts when a path has a comma itself.
func pathsLabel(paths []string) string {
	if slices.ContainsFunc(paths, func(p string) bool { return strings.Contains(p, ",") }) {
		return fmt.Sprintf("%q", paths)
	}
	return strings.Join(paths, ",")
}

// label returns a text as the value of a label. A long one ends with a digest, which
// keeps it apart from others with the same begin.
func label(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= maxLabel {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	end := fmt.Sprintf("…%x", sum[:8])
	cut := maxLabel - len(end)
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + end
}

// Describe implements prometheus.Collector.
func (s *snapshot) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{inSync, usable, lastBackup, leftOut, lastCheck, checkFailures, sessionsTotal, requestsTotal, openAlarms, machineStates, nodeStates} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *snapshot) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	for state, n := range s.machines {
		gauge(machineStates, float64(n), string(state))
	}
	for state, n := range s.nodes {
		gauge(nodeStates, float64(n), state)
	}
	for a, n := range s.alarms {
		gauge(openAlarms, float64(n), string(a.kind), string(a.severity))
	}
	for i := range s.repositories {
		r := &s.repositories[i]
		gauge(inSync, number(r.inSync), r.name)
		gauge(usable, number(r.usable), r.name)
		if r.usable {
			gauge(leftOut, float64(r.leftOut), r.name)
		}
		for b, at := range r.backups {
			gauge(lastBackup, float64(at.UnixMilli())/1000, r.name, b.host, b.paths)
		}
		if !r.checked.IsZero() {
			gauge(lastCheck, float64(r.checked.UnixMilli())/1000, r.name)
		}
		counter(checkFailures, r.failures, r.name)
		for state, n := range r.sessions {
			counter(sessionsTotal, n, r.name, results[state])
		}
		for kind, n := range r.requests {
			counter(requestsTotal, n, r.name, label(kind))
		}
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
