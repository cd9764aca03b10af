package notify

import (
	"context"
	"time"

	"syncline.dev/syncline"
)

// pauses are the times from a failed attempt to the next one. After the last of them a
// message is given up.
var pauses = []time.Duration{2 * time.Minute, 20 * time.Minute, 3 * time.Hour}

// stale is the age at which a message is given up that was never tried, because its
// channel was off or the server was.
const stale = 24 * time.Hour

// deliver sends the messages to a channel that are due, in order, until one fails.
func (s *Service) deliver(ctx context.Context, now time.Time, c syncline.Channel) error {
	due, err := s.Queue.DueDeliveries(ctx, c.ID, now, messages)
	if err != nil || len(due) == 0 {
		return err
	}
	s.again()
	t, err := s.target(ctx, now, c)
	if err != nil {
		return err
	}
	for _, d := range due {
		sent, err := s.attempt(ctx, t, d)
		if err != nil || !sent {
			return err
		}
	}
	return nil
}

// attempt tries to send a message once.
func (s *Service) attempt(ctx context.Context, t target, d syncline.Delivery) (sent bool, err error) {
	switch {
	case d.Attempts > len(pauses): // the last attempt never came to an end
		return true, s.Queue.UpdateDelivery(ctx, failed(d, t.now, "the server ended during the last attempt, so whether the message arrived is not known"))
	case t.now.Sub(d.CreatedAt) > stale:
		return true, s.Queue.UpdateDelivery(ctx, failed(d, t.now, "the message is more than a day old"))
	}
	d.Attempts++
	d.NextAt = t.now.Add(pauses[min(d.Attempts, len(pauses))-1])
	if err := s.Queue.UpdateDelivery(ctx, d); err != nil {
		return false, err
	}
	failure := s.send(ctx, t, d)
	switch {
	case failure == nil:
		// It is recorded also while the server stops, so that it is not sent again.
		d.State, d.NextAt, d.EndedAt, d.Error = syncline.DeliverySent, time.Time{}, t.now, ""
		err = s.Queue.UpdateDelivery(context.WithoutCancel(ctx), d)
		return err == nil, err
	case ctx.Err() != nil: // the server stops; the next start goes on
		return false, ctx.Err()
	case d.Attempts > len(pauses):
		d = failed(d, t.now, syncline.MessageOf(failure))
	default:
		d.Error = syncline.MessageOf(failure)
	}
	return false, s.Queue.UpdateDelivery(ctx, d)
}

func failed(d syncline.Delivery, at time.Time, why string) syncline.Delivery {
	d.State, d.NextAt, d.EndedAt, d.Error = syncline.DeliveryFailed, time.Time{}, at, why
	return d
}

// send puts a message into words and sends it. A template of the channel's own that
// fails does not keep the alarm from its receiver.
func (s *Service) send(ctx context.Context, t target, d syncline.Delivery) error {
	m, err := message(&t.Channel, d)
	if err != nil {
		plain := t.Channel
		plain.Subject, plain.Body = "", ""
		why := syncline.MessageOf(err)
		if m, err = message(&plain, d); err != nil {
			return err
		}
		m.Text += "\nThe templates of this channel cannot be used: " + why + "\n"
	}
	return s.post(ctx, t, m)
}

func (s *Service) post(ctx context.Context, t target, m Message) error {
	if t.fault != nil {
		return t.fault
	}
	switch t.Kind {
	case syncline.ChannelEmail:
		return s.Network.sendEmail(ctx, t, m)
	case syncline.ChannelWebhook:
		return s.Network.sendWebhook(ctx, t, m)
	case syncline.ChannelAlertmanager:
		return s.Network.sendAlertmanager(ctx, t, m)
	case syncline.ChannelChat:
		return s.Network.sendChat(ctx, t, m)
	case syncline.ChannelHeartbeat:
		return s.Network.sendHeartbeat(ctx, t)
	}
	return syncline.Errorf(syncline.CodeInternal, "there is no channel of the kind %s", t.Kind)
}

// repeat tells an Alertmanager of the alarms that are open, as it expects: it takes those
// for ended that it does not hear of.
func (s *Service) repeat(ctx context.Context, now time.Time, c syncline.Channel) error {
	if !s.due(c.ID, now, alertRepeat) {
		return nil
	}
	alarms, err := s.open(ctx, now, &c)
	if err != nil || len(alarms) == 0 {
		return err
	}
	names, err := s.names(ctx)
	if err != nil {
		return err
	}
	notices := make([]syncline.Notice, len(alarms))
	for i := range alarms {
		notices[i] = noticeOf(syncline.AlarmBegan, alarms[i].StartedAt, &alarms[i], names)
	}
	t, err := s.target(ctx, now, c)
	if err != nil {
		return err
	}
	return s.record(ctx, t, s.post(ctx, t, Message{Delivery: syncline.Delivery{Kind: syncline.DeliveryAlarms, Notices: notices}}))
}

// record keeps how a call went that is no message. It writes only what is new.
func (s *Service) record(ctx context.Context, t target, failure error) error {
	text := ""
	if failure != nil {
		text = syncline.MessageOf(failure)
	}
	switch {
	case ctx.Err() != nil: // the server stops
		return ctx.Err()
	case text == t.LastError && t.Kind != syncline.ChannelHeartbeat:
		return nil
	}
	return s.Channels.SetChannelHealth(ctx, t.ID, t.now, text)
}
