package notify

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const (
	// DefaultWindow is the time from the first of several events to the message that
	// tells all of them.
	DefaultWindow = 30 * time.Second

	// KeepDeliveries bounds the log of all channels.
	KeepDeliveries = 10_000

	// tickTime is the time between two looks for messages to send, while there may be one
	// soon, and where other nodes make them, too.
	tickTime = 5 * time.Second
	// idleTime is the time without a look, which a change of the clock cannot prolong.
	idleTime = time.Minute
	// thinTime is the time between two cuts of the log.
	thinTime = time.Minute
	// atOnce bounds the events in one look, and the messages to one channel.
	atOnce   = 10_000
	messages = 20
)

// Events are the changes of alarms that are yet to be told. The contract is that of
// store.AlarmEvents and store.Deliveries.
type Events interface {
	PendingEvents(ctx context.Context, limit int) ([]store.PendingEvent, error)
	PendingEventsOf(ctx context.Context, repository syncline.ID, limit int) ([]store.PendingEvent, error)
	Hand(ctx context.Context, events []int64, messages []syncline.Delivery) error
}

// Queue keeps the messages. The contract is that of store.Deliveries.
type Queue interface {
	DueDeliveries(ctx context.Context, channel syncline.ID, now time.Time, limit int) ([]syncline.Delivery, error)
	UpdateDelivery(ctx context.Context, d syncline.Delivery) error
	HandDigest(ctx context.Context, message syncline.Delivery, from, next time.Time) error
	ThinDeliveries(ctx context.Context, keep int) (more bool, err error)
}

// Channels reads the channels. The contract is that of store.Channels.
type Channels interface {
	Channels(ctx context.Context) ([]syncline.Channel, error)
	Channel(ctx context.Context, id syncline.ID) (syncline.Channel, error)
	ChannelSecret(ctx context.Context, id syncline.ID) ([]byte, error)
	SetChannelHealth(ctx context.Context, id syncline.ID, at time.Time, failure string) error
}

// Repositories lists the repositories, for their names.
type Repositories interface {
	Repositories(ctx context.Context) ([]syncline.Repository, error)
}

// Known reads the alarms, and the repositories.
type Known interface {
	Repositories
	Alarms(ctx context.Context, f syncline.AlarmFilter, limit, offset int) ([]syncline.Alarm, int, error)
}

// Machines counts the machines by the state of their backups.
type Machines interface {
	MachineSummary(ctx context.Context) (syncline.MachineSummary, error)
}

// Duty is what one node at a time does.
type Duty interface {
	// Held returns the context for what the node does as long as it has the duty, nil
	// where another node has it.
	Held(ctx context.Context) (context.Context, error)
	// Keep takes the duty whenever it is free, until ctx ends.
	Keep(ctx context.Context)
}

// Rounds tells of the checks of all nodes.
type Rounds interface {
	// LastGood returns the time of the last check, zero while repositories wait for theirs
	// for too long.
	LastGood(ctx context.Context, now time.Time) (time.Time, error)
}

// Service sends notifications. It is safe for concurrent use.
//
// A message goes this way:
//
//	event ──Window──▶ pending ──sent──▶ Sent
//	                   │   ▲
//	               fails   │ after a pause
//	                   ▼   │
//	                  pending ──last attempt──▶ Failed
//
// An event becomes messages in one transaction, so a crash neither loses nor doubles it.
// The attempt is in the database before anything is sent. After a crash in the middle of
// an attempt nobody knows whether the receiver took the message: it is sent again, with
// the same id. So a message arrives at least once, and once where the receiver minds
// the id.
//
// The node that has the duty sends. Each record compares the duty, so a node
// that was stopped past its duty records nothing, and begins no attempt.
type Service struct {
	Events   Events
	Queue    Queue
	Channels Channels
	Known    Known
	Machines Machines // nil where nothing watches the machines
	// Duty says whether this node sends; nil where there is no other node.
	Duty Duty
	// Rounds tells of the checks of all nodes. Nil leaves that to Beat.
	Rounds Rounds
	// Open opens a channel's sealed secret.
	Open    func(channel syncline.ID, sealed []byte) ([]byte, error)
	Network *Network
	Window  time.Duration
	Now     func() time.Time
	NewID   func() syncline.ID
	Logger  *slog.Logger
	// After is time.After when nil.
	After func(time.Duration) <-chan time.Time

	wake chan struct{}
	soon chan struct{} // the next round is not to wait for long
	once sync.Once

	mu    sync.Mutex
	busy  map[syncline.ID]bool      // channels with a sender at work
	beat  time.Time                 // of the last good checks
	calls map[syncline.ID]time.Time // the last call of a heartbeat, and post of open alarms
	ill   map[syncline.ID]string    // what is in the log of channels that fail, and of rounds
}

// target is where a message goes.
type target struct {
	syncline.Channel
	secret string
	fault  error // why the secret cannot be opened, nil if it can
	now    time.Time
}

func (s *Service) init() {
	s.once.Do(func() {
		s.wake, s.soon = make(chan struct{}, 1), make(chan struct{}, 1)
		s.busy = make(map[syncline.ID]bool)
		s.calls = make(map[syncline.ID]time.Time)
		s.ill = make(map[syncline.ID]string)
	})
}

// Wake says that there may be something to send, or that channels have changed.
func (s *Service) Wake() {
	s.init()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run sends what is due until ctx ends. A receiver that hangs holds up no other channel.
func (s *Service) Run(ctx context.Context) {
	s.init()
	var senders sync.WaitGroup
	defer senders.Wait()
	if s.Duty != nil {
		senders.Go(func() { s.Duty.Keep(ctx) })
	}
	for {
		err := s.round(ctx, s.wall(), senders.Go)
		if ctx.Err() == nil && !s.lost(err) && s.worse("", err) {
			s.Logger.Error("cannot send notifications; tried again", "error", err)
		}
		if !s.wait(ctx, err) {
			return
		}
	}
}

// wait waits for the time of the next round after one that has ended with an error or nil.
// It reports whether ctx goes on.
func (s *Service) wait(ctx context.Context, err error) bool {
	pause, soon := idleTime, s.soon
	if err != nil || s.Duty != nil {
		pause, soon = tickTime, nil
	}
	for next := s.after(pause); ; {
		select {
		case <-soon:
			next, soon = s.after(tickTime), nil
		case <-next:
			return true
		case <-s.wake:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// again lets the next round come soon: there may be more to do.
func (s *Service) again() {
	select {
	case s.soon <- struct{}{}:
	default:
	}
}

func (s *Service) after(d time.Duration) <-chan time.Time {
	if s.After != nil {
		return s.After(d)
	}
	return time.After(d)
}

// wall is the time on the clock of the wall. The other clock in a time of Go stands still
// while the machine sleeps.
func (s *Service) wall() time.Time { return s.Now().Round(0) }

// lost reports whether an error says that another node sends by now, and logs that.
func (s *Service) lost(err error) bool {
	if s.Duty == nil || syncline.CodeOf(err) != syncline.CodeConflict {
		return false
	}
	s.Logger.Info("another node sends the notifications by now, and nothing of this one is recorded", "error", err)
	return true
}

// worse reports whether a failure of a channel, or of the rounds, is to be logged: it is
// not while it stays the same.
func (s *Service) worse(channel syncline.ID, failure error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if failure == nil {
		delete(s.ill, channel)
		return false
	}
	same := s.ill[channel] == failure.Error()
	s.ill[channel] = failure.Error()
	return !same
}

// Tick sends what is due at a time, and returns when all of it was tried.
func (s *Service) Tick(ctx context.Context, now time.Time) error {
	s.init()
	var senders sync.WaitGroup
	defer senders.Wait()
	return s.round(ctx, now, senders.Go)
}

// round makes messages of the events that are due, and starts a sender for each channel
// that has none at work. Where the events cannot be taken, as on a full disk, the senders
// do what they can. Heartbeats are silent then: nobody would hear of an alarm.
func (s *Service) round(ctx context.Context, now time.Time, start func(func())) error {
	if s.Duty != nil {
		held, err := s.Duty.Held(ctx)
		if held == nil || err != nil {
			return err
		}
		ctx = held
	}
	channels, err := s.Channels.Channels(ctx)
	if err != nil {
		return err
	}
	failure := errors.Join(s.gather(ctx, now, channels), s.digests(ctx, now, channels))
	if s.due("", now, thinTime) {
		s.forget(channels)
		_, err := s.Queue.ThinDeliveries(ctx, KeepDeliveries)
		failure = errors.Join(failure, err)
	}
	for _, c := range channels {
		if !c.Enabled || failure != nil && c.Kind == syncline.ChannelHeartbeat {
			continue
		}
		if !s.begin(c.ID) {
			s.again() // it has a sender, which may not know of all messages
			continue
		}
		start(func() {
			defer s.end(c.ID)
			err := s.serve(ctx, now, c)
			if err != nil {
				s.again() // it may have read nothing of what is due
			}
			if !s.lost(err) && ctx.Err() == nil && s.worse(c.ID, err) {
				s.Logger.Error("cannot send notifications; tried again", "channel", c.Name, "error", err)
			}
		})
	}
	return failure
}

// forget drops what is known of channels that are removed.
func (s *Service) forget(channels []syncline.Channel) {
	there := map[syncline.ID]bool{"": true}
	for i := range channels {
		there[channels[i].ID] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := func(id syncline.ID) bool { return !there[id] }
	maps.DeleteFunc(s.calls, func(id syncline.ID, _ time.Time) bool { return gone(id) })
	maps.DeleteFunc(s.ill, func(id syncline.ID, _ string) bool { return gone(id) })
}

func (s *Service) begin(channel syncline.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[channel] {
		return false
	}
	s.busy[channel] = true
	return true
}

func (s *Service) end(channel syncline.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, channel)
}

// serve does what one channel needs. Those that are called at times of their own need
// further rounds.
func (s *Service) serve(ctx context.Context, now time.Time, c syncline.Channel) error {
	if c.Kind == syncline.ChannelHeartbeat || c.Kind == syncline.ChannelAlertmanager {
		s.again()
	}
	if c.Kind == syncline.ChannelHeartbeat {
		return s.heartbeat(ctx, now, c)
	}
	err := s.deliver(ctx, now, c)
	if c.Kind == syncline.ChannelAlertmanager && ctx.Err() == nil {
		err = errors.Join(err, s.repeat(ctx, now, c))
	}
	return err
}

// due reports whether a channel was called longer ago than a time, and takes it as
// called now.
func (s *Service) due(channel syncline.ID, now time.Time, every time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.calls[channel]; ok && now.Sub(last) < every && !now.Before(last) { // or the clock was set back
		return false
	}
	s.calls[channel] = now
	return true
}

// target opens the secret of a channel. One that cannot be opened is a fault of the
// channel, which its log tells.
func (s *Service) target(ctx context.Context, now time.Time, c syncline.Channel) (target, error) {
	t := target{Channel: c, now: now}
	if !c.HasSecret {
		return t, nil
	}
	sealed, err := s.Channels.ChannelSecret(ctx, c.ID)
	if err != nil {
		return t, err
	}
	plain, err := s.Open(c.ID, sealed)
	t.secret, t.fault = string(plain), err
	return t, nil
}
