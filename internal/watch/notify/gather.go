package notify

import (
	"context"
	"errors"
	"slices"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// setBack is how far in the future an event lies at least that happened before the clock
// was set back. It is told at once: its time may be years away.
const setBack = time.Minute

// gather makes messages of the events that are due, when the first of them has waited
// for the window.
func (s *Service) gather(ctx context.Context, now time.Time, channels []syncline.Channel) error {
	pending, err := s.Events.PendingEvents(ctx, atOnce)
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		s.again()
	}
	back := func(e store.PendingEvent) bool { return e.At.After(now.Add(setBack)) }
	due := slices.DeleteFunc(pending, func(e store.PendingEvent) bool { return e.TellAt.After(now) && !back(e) })
	if !slices.ContainsFunc(due, func(e store.PendingEvent) bool { return back(e) || !now.Before(e.TellAt.Add(s.Window)) }) {
		return nil
	}
	if err := s.hand(ctx, now, channels, due); !errors.Is(err, store.ErrHanded) {
		return err
	}
	return nil // Farewell has told some of them, and the next look sees what is left
}

// Farewell tells at once what is yet to be told of a repository that is being removed: what
// is not on its way by then goes with it.
func (s *Service) Farewell(ctx context.Context, repository syncline.ID) error {
	channels, err := s.Channels.Channels(ctx)
	if err != nil {
		return err
	}
	for range handTries {
		of, err := s.Events.PendingEventsOf(ctx, repository, atOnce)
		if err != nil {
			return err
		}
		switch err := s.hand(ctx, s.Now(), channels, of); {
		case err == nil && len(of) < atOnce:
			return nil
		case err != nil && !errors.Is(err, store.ErrHanded):
			return err
		}
	}
	return syncline.Errorf(syncline.CodeUnavailable, "the ends of the repository's alarms cannot be told at present; try again")
}

// handTries bounds how often Farewell begins again because another node told something, or
// there was more than it takes at once.
const handTries = 5

// hand makes messages of events, and takes the events out.
func (s *Service) hand(ctx context.Context, now time.Time, channels []syncline.Channel, due []store.PendingEvent) error {
	if len(due) == 0 {
		return nil
	}
	names, err := s.names(ctx)
	if err != nil {
		return err
	}
	taken := make([]int64, len(due))
	for i := range due {
		taken[i] = due[i].Seq
	}
	due = once(due)
	var made []syncline.Delivery
	for i := range channels {
		c := &channels[i]
		if !c.Enabled || c.Kind == syncline.ChannelHeartbeat {
			continue
		}
		var notices []syncline.Notice
		for _, e := range due {
			if concerns(c, &e.Alarm) && heard(&e, now) {
				notices = append(notices, noticeOf(e.Event, e.At, &e.Alarm, names))
			}
		}
		if len(notices) > 0 {
			made = append(made, s.deliveries(c, notices, now)...)
		}
	}
	return s.Events.Hand(ctx, taken, made)
}

// deliveries are the messages that tell a channel of alarms: one for people, who read how
// many more there are, and for an Alertmanager as many as it takes to name each.
func (s *Service) deliveries(c *syncline.Channel, notices []syncline.Notice, now time.Time) (list []syncline.Delivery) {
	add := func(part []syncline.Notice, more int) {
		list = append(list, syncline.Delivery{
			ID: s.NewID(), ChannelID: c.ID, Kind: syncline.DeliveryAlarms, Notices: part, More: more,
			CreatedAt: now, State: syncline.DeliveryPending, NextAt: now,
		})
	}
	if c.Kind != syncline.ChannelAlertmanager {
		n := min(len(notices), syncline.MaxNotices)
		add(notices[:n], len(notices)-n)
		return list
	}
	for part := range slices.Chunk(notices, syncline.MaxNotices) {
		add(part, 0)
	}
	return list
}

// once leaves out that an alarm worsened where the same message says that it began.
func once(events []store.PendingEvent) []store.PendingEvent {
	began := make(map[syncline.ID]bool)
	return slices.DeleteFunc(slices.Clone(events), func(e store.PendingEvent) bool {
		switch e.Event {
		case syncline.AlarmBegan:
			began[e.Alarm.ID] = true
		case syncline.AlarmEnded:
			began[e.Alarm.ID] = false
		case syncline.AlarmWorsened:
			return began[e.Alarm.ID]
		}
		return false
	})
}

// concerns reports whether a channel is for an alarm. The heaviest severity that the
// alarm has had counts, so that a channel that heard of the begin hears of the end.
func concerns(c *syncline.Channel, a *syncline.Alarm) bool {
	if max(a.Peak.Rank(), a.Severity.Rank()) < c.MinimumSeverity.Rank() {
		return false
	}
	return len(c.RepositoryIDs) == 0 || slices.Contains(c.RepositoryIDs, a.RepositoryID)
}

// heard reports whether an event is told: nobody hears of a silenced alarm, and nobody
// hears that an alarm began that somebody knows of.
func heard(e *store.PendingEvent, now time.Time) bool {
	return !e.Alarm.Silenced(now) && (e.Event != syncline.AlarmBegan || e.Alarm.AcknowledgedBy == "")
}

func noticeOf(event syncline.AlarmEvent, at time.Time, a *syncline.Alarm, names map[syncline.ID]string) syncline.Notice {
	n := syncline.Notice{
		Event: event, At: at, AlarmID: a.ID, Kind: a.Kind, Severity: a.Severity, RepositoryID: a.RepositoryID,
		RepositoryName: names[a.RepositoryID], HostName: a.HostName, Paths: a.Paths, Message: a.Message, StartedAt: a.StartedAt, Link: a.Link,
	}
	if event == syncline.AlarmEnded {
		n.EndedAt = at
	}
	return n
}

// names are the repositories' names.
func (s *Service) names(ctx context.Context) (map[syncline.ID]string, error) {
	list, err := s.Known.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[syncline.ID]string, len(list))
	for _, r := range list {
		names[r.ID] = r.Name
	}
	return names, nil
}

// open returns the open alarms that a channel is for and nobody has silenced.
func (s *Service) open(ctx context.Context, now time.Time, c *syncline.Channel) ([]syncline.Alarm, error) {
	const page = 1000
	var list []syncline.Alarm
	for offset := 0; ; offset += page {
		alarms, total, err := s.Known.Alarms(ctx, syncline.AlarmFilter{State: syncline.AlarmStateOpen}, page, offset)
		if err != nil {
			return nil, err
		}
		for i := range alarms {
			if concerns(c, &alarms[i]) && !alarms[i].Silenced(now) {
				list = append(list, alarms[i])
			}
		}
		if offset+page >= total || len(alarms) == 0 || ctx.Err() != nil {
			return list, ctx.Err()
		}
	}
}
