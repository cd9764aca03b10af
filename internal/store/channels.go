package store

import (
	"context"
	"time"

	"syncline.dev/syncline"
)

// Channels keeps the channels of notifications, with secrets sealed by the caller.
// Names compare without regard to letter case.
type Channels interface {
	// Channels returns all of them, oldest first.
	Channels(ctx context.Context) ([]syncline.Channel, error)
	Channel(ctx context.Context, id syncline.ID) (syncline.Channel, error)
	// ChannelSecret returns what AddChannel or UpdateChannel was given last, nil for
	// none.
	ChannelSecret(ctx context.Context, id syncline.ID) ([]byte, error)
	// AddChannel fails with CodeConflict when the name is taken, or when there are most
	// channels already. A nil secret is none.
	AddChannel(ctx context.Context, c syncline.Channel, sealed []byte, most int) error
	// UpdateChannel replaces everything but id, kind, CreatedAt and what the channel did
	// so far. A nil secret keeps the old one, an empty one removes it. DigestFrom is
	// replaced unless it is zero.
	UpdateChannel(ctx context.Context, c syncline.Channel, sealed []byte) error
	// DeleteChannel deletes the channel with its deliveries.
	DeleteChannel(ctx context.Context, id syncline.ID) error
	// SetChannelHealth records how a call of the channel went that has no delivery: an
	// empty text is a success.
	SetChannelHealth(ctx context.Context, id syncline.ID, at time.Time, failure string) error
}

// MaxWait is longer than the pause between two attempts to send a message.
const MaxWait = 4 * time.Hour

// ErrHanded says that an event was handed over already, or that its repository is gone.
var ErrHanded = syncline.Errorf(syncline.CodeConflict, "some of the events were handed over already; look at them again")

// Deliveries keeps the messages on their way, and those that were sent or given up.
// They go with their channel.
type Deliveries interface {
	// Hand takes events out of those that are yet to be told, and adds the messages
	// that tell them, all or nothing. ErrHanded says that an event is not there any
	// more, because it was handed over already, or its repository is gone. Unknown
	// channels are left out: a message to a channel that is gone concerns nobody.
	Hand(ctx context.Context, events []int64, messages []syncline.Delivery) error
	// HandDigest adds a message and sets the time from which on the channel's next
	// digest is due. It does nothing when that time is another than from.
	HandDigest(ctx context.Context, message syncline.Delivery, from, next time.Time) error
	// DueDeliveries returns the pending messages of a channel whose next attempt is due,
	// oldest first. An attempt that is more than MaxWait away is due, too: it was planned
	// before the clock was set back.
	DueDeliveries(ctx context.Context, channel syncline.ID, now time.Time, limit int) ([]syncline.Delivery, error)
	// UpdateDelivery replaces State, Attempts, NextAt, EndedAt and Error, and records
	// in the channel that a message was sent or given up.
	UpdateDelivery(ctx context.Context, d syncline.Delivery) error
	// Deliveries returns a page of a channel's messages, newest first, and the number of
	// all.
	Deliveries(ctx context.Context, channel syncline.ID, limit, offset int) ([]syncline.Delivery, int, error)
	// ThinDeliveries removes the oldest messages that are not pending beyond a number to
	// keep. One call removes a bounded number; more says that there may be others.
	ThinDeliveries(ctx context.Context, keep int) (more bool, err error)
}
