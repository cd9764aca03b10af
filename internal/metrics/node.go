package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// DatabaseUse is how a node uses its connections to the database of its fleet.
type DatabaseUse struct {
	Used, Idle, Most int64         // connections
	Acquires         int64         // takings of a connection
	Waited           time.Duration // for connections, by all takings together
	Calls            []CallTimes
}

// CallTimes are the times that calls of one kind took.
type CallTimes struct {
	Call  string
	Count uint64
	Sum   time.Duration
	Up    map[float64]uint64 // how many took at most so many seconds
}

// LeaseUse is what became of the leases of a node.
type LeaseUse struct{ Held, Taken, TakenOver, Lost, RenewalsFailed int64 }

var (
	connections = prometheus.NewDesc("syncline_database_connections",
		"Connections of this node to the database of its fleet: used, idle.", []string{"state"}, nil)
	connectionsMax = prometheus.NewDesc("syncline_database_connections_max",
		"Most connections that this node opens to the database of its fleet.", nil, nil)
	acquires = prometheus.NewDesc("syncline_database_acquires_total",
		"How often this node took a connection to the database, since the start of the program.", nil, nil)
	acquireWait = prometheus.NewDesc("syncline_database_acquire_wait_seconds_total",
		"Time for which requests and work of this node waited for a connection to the database, since the start of the program.", nil, nil)
	callTimes = prometheus.NewDesc("syncline_database_duration_seconds",
		"Time of the calls of this node to the database of its fleet, by kind: update, view, at_once, single, query, catalog.", []string{"call"}, nil)
	leasesHeld = prometheus.NewDesc("syncline_leases_held",
		"Sessions and restores that this node runs or has waiting.", nil, nil)
	leasesTaken = prometheus.NewDesc("syncline_leases_taken_total",
		"Sessions and restores that this node took, since the start of the program.", nil, nil)
	leasesTakenOver = prometheus.NewDesc("syncline_leases_taken_over_total",
		"Sessions and restores that this node took over from nodes that stopped, since the start of the program.", nil, nil)
	leasesLost = prometheus.NewDesc("syncline_leases_lost_total",
		"Sessions and restores that ran here when their lease ended, since the start of the program.", nil, nil)
	renewalsFailed = prometheus.NewDesc("syncline_lease_renewal_failures_total",
		"Renewals of leases that did not reach the database, since the start of the program.", nil, nil)
)

// node collects what only a node of a fleet has.
type node struct{ m *Metrics }

// Describe implements prometheus.Collector.
func (n node) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{connections, connectionsMax, acquires, acquireWait, callTimes, leasesHeld, leasesTaken, leasesTakenOver, leasesLost, renewalsFailed} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (n node) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	counter := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v)
	}
	if n.m.Database != nil {
		u := n.m.Database()
		gauge(connections, u.Used, "used")
		gauge(connections, u.Idle, "idle")
		gauge(connectionsMax, u.Most)
		counter(acquires, float64(u.Acquires))
		counter(acquireWait, u.Waited.Seconds())
		for _, c := range u.Calls {
			ch <- prometheus.MustNewConstHistogram(callTimes, c.Count, c.Sum.Seconds(), c.Up, c.Call)
		}
	}
	if n.m.Leases != nil {
		l := n.m.Leases()
		gauge(leasesHeld, l.Held)
		counter(leasesTaken, float64(l.Taken))
		counter(leasesTakenOver, float64(l.TakenOver))
		counter(leasesLost, float64(l.Lost))
		counter(renewalsFailed, float64(l.RenewalsFailed))
	}
}
