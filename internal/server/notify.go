package server

import (
	"context"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/watch/notify"
	"syncline.dev/syncline/internal/watch/schedule"
	"syncline.dev/syncline/internal/watch/series"
)

// newNotifier returns the service that tells people of alarms. The desk wakes it.
func (s *Server) newNotifier(machines *series.Service, o Options) *notify.Service {
	n := &notify.Service{
		Events: s.store, Queue: s.store, Channels: s.store, Known: s.store, Machines: counted{machines},
		Open: sealer{s.box}.Open, Network: notify.NewNetwork(o.authorities, o.DenyPrivate),
		Window: o.NotificationDelay, Now: wall, NewID: newID, Logger: o.Logger,
	}
	s.desk.Changed = n.Wake
	return n
}

// counted counts machines.
type counted struct{ *series.Service }

// MachineSummary implements notify.Machines.
func (c counted) MachineSummary(ctx context.Context) (syncline.MachineSummary, error) {
	m, err := c.Machines(ctx, series.MachinesQuery{Limit: 1})
	if err != nil {
		return syncline.MachineSummary{}, err
	}
	return syncline.MachineSummary{InTime: m.InTime, Late: m.Late, Unknown: m.Unknown, Retired: m.Retired}, nil
}

// overdue is how long after its time a check may still be on its way.
const overdue = 5 * time.Minute

// beats returns what is to be called after each check. It beats while the schedule keeps
// its times: when no repository waits for its check for too long. A check that fails is
// an alarm, and no reason not to beat.
func beats(checks *schedule.Service, repositories notify.Repositories, n *notify.Service) func(context.Context) {
	return func(ctx context.Context) {
		list, err := repositories.Repositories(ctx)
		if err != nil {
			return // the database does not answer: nothing is well
		}
		for _, r := range list {
			if _, next := checks.LastCheck(r.ID); !next.IsZero() && time.Since(next) > overdue {
				return
			}
		}
		n.Beat(ctx)
	}
}

func (s *Settings) checkNotificationDelay() error {
	if s.NotificationDelay < 0 || s.NotificationDelay > time.Hour {
		return invalid("%s is out of range; it takes 0s to 1h", s.NotificationDelay)
	}
	return nil
}
