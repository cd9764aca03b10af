package notify

import (
	"context"
	"time"

	"syncline.dev/syncline"
)

// Beat says that a round of checks has just gone well. The channels of the kind
// Heartbeat are then called, each as often as it says at most. When nothing beats,
// nothing is called.
func (s *Service) Beat(context.Context) {
	s.mu.Lock()
	s.beat = s.wall()
	s.mu.Unlock()
	s.Wake()
}

// heartbeat calls a heartbeat's address when there was a beat after the last call.
func (s *Service) heartbeat(ctx context.Context, now time.Time, c syncline.Channel) error {
	beat, last, err := s.beats(ctx, now, c)
	if err != nil {
		return err
	}
	if last.After(now) { // the clock was set back
		last = time.Time{}
	}
	if beat.IsZero() || !beat.After(last) || now.Sub(last) < c.Settings.Interval || !s.due(c.ID, now, c.Settings.Interval) {
		return nil
	}
	t, err := s.target(ctx, now, c)
	if err != nil {
		return err
	}
	return s.record(ctx, t, s.post(ctx, t, Message{}))
}

// beats returns the times of the last beat and of the last call. Where other nodes call,
// too, the channel's record has the last call.
func (s *Service) beats(ctx context.Context, now time.Time, c syncline.Channel) (beat, last time.Time, err error) {
	if s.Rounds == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.beat, s.calls[c.ID], nil
	}
	last = c.LastSentAt
	if c.LastFailedAt.After(last) {
		last = c.LastFailedAt
	}
	beat, err = s.Rounds.LastGood(ctx, now)
	return beat, last, err
}

func (n *Network) sendHeartbeat(ctx context.Context, t target) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	if err := n.call(ctx, t.secret); err != nil {
		return syncline.Errorf(syncline.CodeOf(err), "%s", redact(syncline.MessageOf(err), t.secret))
	}
	return nil
}

// maxAhead is longer than the time to any digest. One that is planned for later was
// planned before the clock was set back.
const maxAhead = 9 * 24 * time.Hour

// digests makes the digests that are due. A turn that was missed is made up once.
func (s *Service) digests(ctx context.Context, now time.Time, channels []syncline.Channel) error {
	for i := range channels {
		c := &channels[i]
		ahead := c.DigestFrom.Sub(now)
		if !c.Enabled || c.Digest.Every == "" || c.DigestFrom.IsZero() || ahead > 0 && ahead < maxAhead {
			continue
		}
		report, err := s.report(ctx, now, c)
		if err != nil {
			return err
		}
		d := syncline.Delivery{
			ID: s.NewID(), ChannelID: c.ID, Kind: syncline.DeliveryDigest, Digest: &report,
			CreatedAt: now, State: syncline.DeliveryPending, NextAt: now,
		}
		if err := s.Queue.HandDigest(ctx, d, c.DigestFrom, NextDigest(c.Digest, now)); err != nil {
			return err
		}
	}
	return nil
}

// report counts for a digest. Machines that cannot be counted are told as unknown.
func (s *Service) report(ctx context.Context, now time.Time, c *syncline.Channel) (r syncline.DigestReport, err error) {
	open, err := s.open(ctx, now, c)
	if err != nil {
		return r, err
	}
	r.Open = len(open)
	if s.Machines == nil {
		return r, nil
	}
	m, err := s.Machines.MachineSummary(ctx)
	if err != nil {
		s.Logger.Error("the machines cannot be counted for a digest", "error", err)
		return r, nil
	}
	r.Machines = &m
	return r, nil
}

// NextDigest returns the first time after now at which a digest is due; zero for never.
func NextDigest(d syncline.Digest, now time.Time) time.Time {
	if d.Every == "" {
		return time.Time{}
	}
	zone, err := time.LoadLocation(d.TimeZone) // "" is UTC
	if err != nil {
		zone = time.UTC
	}
	local := now.In(zone)
	// Days are counted, not hours: a day with a change of the clock is longer or shorter.
	for day := range 9 {
		at := time.Date(local.Year(), local.Month(), local.Day()+day, d.Minute/60, d.Minute%60, 0, 0, zone)
		if at.After(now) && (d.Every == syncline.DigestDaily || at.Weekday() == d.Weekday) {
			return at.UTC()
		}
	}
	return time.Time{}
}
