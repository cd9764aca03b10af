package notify

import (
	"context"

	"syncline.dev/syncline"
)

// Test sends a made-up alarm to a channel at once, also when the channel is off, and
// records what became of it. A failure to send is no error of Test.
func (s *Service) Test(ctx context.Context, channel syncline.ID) (syncline.ChannelTest, error) {
	s.init()
	c, err := s.Channels.Channel(ctx, channel)
	if err != nil {
		return syncline.ChannelTest{}, err
	}
	now := s.Now().UTC()
	t, err := s.target(ctx, now, c)
	if err != nil {
		return syncline.ChannelTest{}, err
	}
	o := syncline.ChannelTest{Delivery: syncline.Delivery{
		ID: s.NewID(), ChannelID: c.ID, Kind: syncline.DeliveryTest, Notices: sample(now, 1),
		CreatedAt: now, State: syncline.DeliverySent, Attempts: 1, EndedAt: now,
	}}
	m := Message{Delivery: o.Delivery}
	if c.Kind != syncline.ChannelHeartbeat {
		if m, err = message(&c, o.Delivery); err != nil {
			return syncline.ChannelTest{}, err
		}
		o.Subject, o.Text = m.Subject, m.Text
	}
	if failure := s.post(ctx, t, m); failure != nil {
		o.Delivery = failed(o.Delivery, now, syncline.MessageOf(failure))
	}
	ctx = context.WithoutCancel(ctx) // the message has gone
	if err := s.Events.Hand(ctx, nil, []syncline.Delivery{o.Delivery}); err != nil {
		return syncline.ChannelTest{}, err
	}
	return o, s.Queue.UpdateDelivery(ctx, o.Delivery) // which keeps how the channel did
}

// Check makes sure that a channel can be used with a secret. It sets what follows from
// the rest: the service of a chat, and the time of the next digest.
func (s *Service) Check(c *syncline.Channel, secret string) error {
	if err := s.Network.Check(c, secret); err != nil {
		return err
	}
	c.DigestFrom = NextDigest(c.Digest, s.Now())
	return nil
}
