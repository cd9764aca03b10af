package server

import (
	"context"
	"log/slog"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/api"
	"syncline.dev/syncline/internal/duty"
	"syncline.dev/syncline/internal/fleet"
	"syncline.dev/syncline/internal/metrics"
	"syncline.dev/syncline/internal/place/shares"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/watch/notify"
	"syncline.dev/syncline/internal/watch/schedule"
	"syncline.dev/syncline/internal/watch/series"
)

// leaseTime is how long a node has work that falls silent.
const leaseTime = 15 * time.Second

// The duties of a fleet. One node at a time has each.
const (
	dutyWatch   = "watch"   // of the series of backups
	dutyNotify  = "notify"  // messages
	dutyTidy    = "tidy"    // old alarms
	dutyOldWork = "oldwork" // old sessions and restores
	dutyAttach  = "attach"  // of repositories
)

// sharing is what a node shares with the other nodes of its fleet; nil for a node that
// is alone.
type sharing struct {
	store  store.Store
	nodes  *fleet.Service
	shares *shares.Service // the node's parts of accounts' limits
	old    *duty.Holder
	log    *slog.Logger
}

// newSharing returns nil for a node that is alone.
func (s *Server) newSharing(nodes *fleet.Service, log *slog.Logger) *sharing {
	if nodes.Alone {
		return nil
	}
	f := &sharing{store: s.store, nodes: nodes, shares: shares.New(s.store, string(nodes.SelfID()), log), log: log}
	f.old = f.holder(dutyOldWork)
	s.source.places.Shares, s.source.beside = f.shares, true
	return f
}

// holder returns what keeps a duty for this node.
func (f *sharing) holder(name string) *duty.Holder {
	return &duty.Holder{Store: f.store, Name: name, Node: f.nodes.SelfID(), Length: duty.Length, Every: duty.Every, Logger: f.log}
}

// runs has this node take work by leases.
func (f *sharing) runs(r *run.Service) {
	if f == nil {
		return
	}
	r.Lease, r.Wakes = leaseTime, f.store
	r.Duty = func(ctx context.Context, _ string) bool {
		held, err := f.old.Held(ctx)
		if err != nil && ctx.Err() == nil {
			f.log.Warn("cannot ask which node removes old work", "error", err)
		}
		return held != nil && err == nil
	}
	r.NodeName = f.name
}

// name is how people know a node: its machine, or its id where it is not known.
func (f *sharing) name(node string) string {
	all, err := f.nodes.Nodes(context.Background()) // mostly from memory
	if err != nil {
		return node
	}
	for i := range all {
		if string(all[i].ID) == node {
			return all[i].HostName
		}
	}
	return node
}

// watch has one node at a time watch, check a repository, and tell people.
func (s *Server) watch(f *sharing, checks *schedule.Service, backups *series.Service, notifier *notify.Service) {
	if f == nil {
		return
	}
	checks.Fleet = checking{&duty.Checks{Store: s.store, Self: f.nodes.SelfID(), Logger: f.log}, f.nodes}
	for i := range checks.Disks {
		checks.Disks[i].What += " of the node " + f.nodes.Self.HostName
	}
	checks.DisksLow = func(ctx context.Context, low []syncline.Condition) error {
		return s.desk.ReportPart(ctx, syncline.AlarmStorageLow, string(f.nodes.SelfID()), low)
	}
	backups.Fleet = watching{f.holder(dutyWatch), s.store}
	notifier.Duty, notifier.Rounds = f.holder(dutyNotify), checks
	s.desk.Duty, s.desk.Alone = f.holder(dutyTidy), false
	s.desk.Parts = func(ctx context.Context) ([]string, error) {
		all, err := f.nodes.Nodes(ctx)
		parts := make([]string, len(all))
		for i := range all {
			parts[i] = string(all[i].ID)
		}
		return parts, err
	}
}

// attaching lets one request at a time attach or move a repository; nil for a node that
// is alone.
func (f *sharing) attaching() api.Lock {
	if f == nil {
		return nil
	}
	return &duty.Lock{Store: f.store, Name: dutyAttach, Doing: "is attached or moved", Node: f.nodes.SelfID(), Logger: f.log}
}

// begin runs what only a fleet needs, until stop is called.
func (f *sharing) begin(ctx context.Context) (stop func()) {
	if f == nil {
		return func() {}
	}
	return background(ctx, f.shares.Run)
}

// checking is schedule.Fleet.
type checking struct {
	*duty.Checks
	nodes *fleet.Service
}

// Nodes implements schedule.Fleet. A node in maintenance mode takes no work.
func (c checking) Nodes(ctx context.Context) (living, able []syncline.ID, err error) {
	list, err := c.nodes.Living(ctx)
	for i := range list {
		living = append(living, list[i].ID)
		if !list[i].Maintenance {
			able = append(able, list[i].ID)
		}
	}
	return living, able, err
}

// watching is series.Fleet.
type watching struct {
	*duty.Holder
	store.Store
}

// Keep implements series.Fleet. The watch ends after the checks, so all duties go then.
func (w watching) Keep(ctx context.Context) {
	w.Holder.Keep(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), duty.Every)
	defer cancel()
	if err := w.DropDuties(ctx, string(w.Node)); err != nil {
		w.Logger.Warn("cannot let the duties of this node go; the others take them when their time is over", "error", err)
	}
}

// leases returns what tells of this node's leases, nil for a node that is alone.
func leases(runs *run.Service, nodes *fleet.Service) func() metrics.LeaseUse {
	if nodes.Alone {
		return nil
	}
	return func() metrics.LeaseUse {
		c := runs.Leases()
		return metrics.LeaseUse{Held: c.Held, Taken: c.Taken, TakenOver: c.TakenOver, Lost: c.Lost, RenewalsFailed: c.RenewalsFailed}
	}
}
