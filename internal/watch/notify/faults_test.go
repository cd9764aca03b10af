package notify

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// stopping ends a context with the write that follows a successful attempt.
type stopping struct {
	Queue
	stop context.CancelFunc
}

func (s stopping) UpdateDelivery(ctx context.Context, d syncline.Delivery) error {
	if d.State == syncline.DeliverySent {
		s.stop()
	}
	return s.Queue.UpdateDelivery(ctx, d)
}

// A message that has arrived while the server stops is not sent again.
func TestStopAfterSending(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.webhook(r)
	w.report(late("a", syncline.SeverityWarning))
	ctx, stop := context.WithCancel(t.Context())
	w.service.Queue = stopping{w.store, stop}
	w.now = w.now.Add(time.Minute)
	_ = w.service.Tick(ctx, w.clock())
	if ctx.Err() == nil {
		t.Fatal("the message was not sent")
	}
	w.must(w.store.Close())
	w.open()
	w.after(time.Hour)
	w.wantStory(r, "Began a Warning; ")
	if d := w.log(c)[0]; d.State != syncline.DeliverySent {
		t.Errorf("%+v", d)
	}
}

// A clock that was set back by a year holds up no event, no attempt, no digest and no
// heartbeat.
func TestClockSetBack(t *testing.T) {
	w, r, beats := newWorld(t), newReceiver(t), newReceiver(t)
	c := w.webhook(r)
	w.channel(syncline.Channel{Kind: syncline.ChannelHeartbeat, Settings: syncline.ChannelSettings{Interval: 5 * time.Minute}}, beats.URL)
	w.service.Beat(t.Context())
	r.set(http.StatusInternalServerError)
	w.report(late("a", syncline.SeverityWarning))
	w.after(time.Minute) // fails, and waits
	w.report(late("a", syncline.SeverityWarning), late("b", syncline.SeverityWarning))
	r.set(http.StatusOK)
	const year = 365 * 24 * time.Hour
	w.after(-year)
	w.wantStory(r, "Began a Warning; ", "Began b Warning; ")
	w.service.Beat(t.Context())
	w.after(time.Second)
	if beats.asked != 2 {
		t.Errorf("the heartbeat was called %d times", beats.asked)
	}
	c.Digest = syncline.Digest{Every: syncline.DigestDaily}
	c.DigestFrom = w.clock().Add(year)
	w.must(w.store.UpdateChannel(t.Context(), c, nil))
	w.after(time.Second)
	w.after(time.Second)
	if n := len(r.bodies); n != 3 || r.bodies[2].Kind != syncline.DeliveryDigest {
		t.Errorf("%d messages came", n)
	}
}

// A secret that cannot be opened is a fault of its channel: its messages are given up
// after the usual attempts, and the channel says why.
func TestSecretThatCannotBeOpened(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.webhook(r)
	w.service.Open = func(syncline.ID, []byte) ([]byte, error) {
		return nil, syncline.Errorf(syncline.CodeInternal, "the key is another one")
	}
	w.report(late("a", syncline.SeverityWarning))
	for range 5 {
		w.after(4 * time.Hour)
	}
	d := w.log(c)[0]
	if d.State != syncline.DeliveryFailed || d.Attempts != 4 || d.Error != "the key is another one" || w.health(c).LastError != d.Error {
		t.Errorf("%+v, %+v", d, w.health(c))
	}
}

// full is a database on a full disk.
type full struct {
	Events
	Queue
}

var errFull = errors.New("the disk is full")

func (full) Hand(context.Context, []int64, []syncline.Delivery) error { return errFull }
func (full) UpdateDelivery(context.Context, syncline.Delivery) error  { return errFull }
func (full) ThinDeliveries(context.Context, int) (bool, error)        { return false, errFull }
func (f full) PendingEvents(ctx context.Context, limit int) ([]store.PendingEvent, error) {
	return f.Events.PendingEvents(ctx, limit)
}

// On a full disk an Alertmanager goes on to hear of the open alarms, or it would take
// them for ended. A heartbeat is silent, because nobody hears of a new alarm.
func TestFullDisk(t *testing.T) {
	w, r, beats := newWorld(t), newReceiver(t), newReceiver(t)
	w.channel(syncline.Channel{Kind: syncline.ChannelAlertmanager, Settings: syncline.ChannelSettings{URL: r.URL}}, "")
	w.channel(syncline.Channel{Kind: syncline.ChannelHeartbeat, Settings: syncline.ChannelSettings{Interval: time.Minute}}, beats.URL)
	w.report(late("a", syncline.SeverityWarning))
	w.after(time.Minute)
	w.report(late("a", syncline.SeverityWarning), late("b", syncline.SeverityWarning))
	before := r.asked
	f := full{w.store, w.store}
	w.service.Events, w.service.Queue = f, f
	w.now = w.now.Add(2 * time.Minute)
	w.service.Beat(t.Context())
	if err := w.service.Tick(t.Context(), w.clock()); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
	if r.asked != before+1 || beats.asked != 0 {
		t.Errorf("the Alertmanager was asked %d times more, the heartbeat %d times", r.asked-before, beats.asked)
	}
	w.service.Events, w.service.Queue = w.store, w.store
	w.after(time.Minute)
	if beats.asked != 1 {
		t.Errorf("the heartbeat was called %d times with room on the disk", beats.asked)
	}
}
