package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func aChannel(name string) syncline.Channel {
	return syncline.Channel{
		ID: newID(), Name: name, Kind: syncline.ChannelEmail, Enabled: true, MinimumSeverity: syncline.SeverityWarning,
		RepositoryIDs: []syncline.ID{newID(), newID()},
		Settings:      syncline.ChannelSettings{Host: "mail", Port: 587, Encryption: syncline.MailTLS, UserName: "u", From: "a@b", To: []string{"c@d"}, URL: "u", Service: "s", Interval: time.Minute},
		Subject:       "größe", Body: "{{.}}\n\x00", Digest: syncline.Digest{Every: syncline.DigestWeekly, Minute: 7, Weekday: time.Friday, TimeZone: "Europe/Berlin"},
		HasSecret: true, CreatedAt: base, ChannelHealth: syncline.ChannelHealth{DigestFrom: base.Add(time.Hour)},
	}
}

func addChannel(t *testing.T, s store.Store, name string) syncline.Channel {
	t.Helper()
	c := aChannel(name)
	check(t, s.AddChannel(t.Context(), c, []byte("sealed"), 10))
	return c
}

func wantChannel(t *testing.T, s store.Store, want syncline.Channel) {
	t.Helper()
	if got := must(s.Channel(t.Context(), want.ID))(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func testChannels(t *testing.T, s store.Store) {
	ctx := t.Context()
	first := addChannel(t, s, "first")
	wantChannel(t, s, first)
	plain := syncline.Channel{ID: newID(), Name: "plain", Kind: syncline.ChannelWebhook}
	check(t, s.AddChannel(ctx, plain, nil, 10))
	if got := must(s.Channels(ctx))(t); !reflect.DeepEqual(got, []syncline.Channel{first, plain}) {
		t.Errorf("got %+v", got)
	}
	taken := aChannel("FIRST")
	wantCode(t, s.AddChannel(ctx, taken, nil, 10), syncline.CodeConflict)
	wantCode(t, s.AddChannel(ctx, aChannel("third"), nil, 2), syncline.CodeConflict)
	wantSecret := func(id syncline.ID, want string) {
		t.Helper()
		if got := must(s.ChannelSecret(ctx, id))(t); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	wantSecret(first.ID, "sealed")
	wantSecret(plain.ID, "")

	check(t, s.SetChannelHealth(ctx, first.ID, base, ""))
	check(t, s.SetChannelHealth(ctx, first.ID, base.Add(time.Minute), "refused"))
	changed := syncline.Channel{ID: first.ID, Name: "renamed", Kind: syncline.ChannelWebhook, MinimumSeverity: syncline.SeverityInfo, CreatedAt: base.Add(1)}
	check(t, s.UpdateChannel(ctx, changed, nil))
	changed.Kind, changed.CreatedAt, changed.HasSecret = first.Kind, first.CreatedAt, true
	changed.ChannelHealth = syncline.ChannelHealth{LastSentAt: base, LastFailedAt: base.Add(time.Minute), LastError: "refused", DigestFrom: first.DigestFrom}
	wantChannel(t, s, changed)
	wantSecret(first.ID, "sealed")
	changed.DigestFrom = base.Add(5 * time.Hour)
	check(t, s.UpdateChannel(ctx, changed, []byte("newer")))
	wantSecret(first.ID, "newer")
	wantChannel(t, s, changed)
	check(t, s.UpdateChannel(ctx, changed, []byte{}))
	changed.HasSecret = false
	wantChannel(t, s, changed)
	check(t, s.SetChannelHealth(ctx, first.ID, base.Add(time.Hour), ""))
	changed.LastSentAt, changed.LastError = base.Add(time.Hour), ""
	wantChannel(t, s, changed)
	changed.Name = "PLAIN"
	wantCode(t, s.UpdateChannel(ctx, changed, nil), syncline.CodeConflict)

	check(t, s.DeleteChannel(ctx, first.ID))
	wantCode(t, s.DeleteChannel(ctx, first.ID), syncline.CodeNotFound)
	wantCode(t, s.UpdateChannel(ctx, first, nil), syncline.CodeNotFound)
	wantCode(t, s.SetChannelHealth(ctx, first.ID, base, ""), syncline.CodeNotFound)
	_, err := s.Channel(ctx, first.ID)
	wantCode(t, err, syncline.CodeNotFound)
	_, err = s.ChannelSecret(ctx, first.ID)
	wantCode(t, err, syncline.CodeNotFound)
}

func aDelivery(c syncline.Channel) syncline.Delivery {
	return syncline.Delivery{
		ID: newID(), ChannelID: c.ID, Kind: syncline.DeliveryAlarms, More: 3, CreatedAt: base, State: syncline.DeliveryPending, NextAt: base,
		Notices: []syncline.Notice{{
			Event: syncline.AlarmEnded, At: base, AlarmID: newID(), Kind: syncline.AlarmBackupLate, Severity: syncline.SeverityInfo,
			RepositoryID: newID(), RepositoryName: "r", HostName: "h", Paths: []string{"/p"}, Message: "größer", StartedAt: base, EndedAt: base, Link: "/l",
		}},
	}
}

func testDeliveries(t *testing.T, s store.Store) {
	ctx, c, other := t.Context(), addChannel(t, s, "c"), addChannel(t, s, "other")
	a := began(t, s, anAlarm("", "1"))
	began(t, s, anAlarm("", "2"))
	events := must(s.PendingEvents(ctx, 10))(t)
	first, second, gone := aDelivery(c), aDelivery(c), aDelivery(syncline.Channel{ID: newID()})
	second.NextAt = base.Add(time.Minute)
	wantCode(t, s.Hand(ctx, []int64{events[0].Seq, 1 << 40}, []syncline.Delivery{first, gone, second}), syncline.CodeConflict)
	check(t, s.Hand(ctx, []int64{events[0].Seq}, []syncline.Delivery{first, gone, second}))
	if left := must(s.PendingEvents(ctx, 10))(t); len(left) != 1 || left[0].Alarm.ID == a.ID {
		t.Errorf("got %+v", left)
	}
	// All of it is done, or nothing.
	if err := s.Hand(ctx, []int64{events[1].Seq}, []syncline.Delivery{aDelivery(c), first}); err == nil {
		t.Error("a second delivery with the same id was taken")
	}
	if left := must(s.PendingEvents(ctx, 10))(t); len(left) != 1 {
		t.Errorf("got %+v", left)
	}
	due := func(at time.Time, want ...syncline.Delivery) {
		t.Helper()
		if got := must(s.DueDeliveries(ctx, c.ID, at, 10))(t); len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	due(base.Add(-1))
	due(base, first)
	due(base.Add(time.Minute), first, second)
	if got := must(s.DueDeliveries(ctx, other.ID, base.Add(time.Hour), 10))(t); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	first.Attempts, first.NextAt, first.Error = 1, base.Add(time.Hour), "refused"
	check(t, s.UpdateDelivery(ctx, first))
	due(base.Add(time.Minute), second)
	due(base.Add(-365*24*time.Hour), first, second) // the clock was set back
	wantChannel(t, s, c)                            // an attempt is no end
	second.State, second.EndedAt, second.NextAt, second.Attempts = syncline.DeliverySent, base.Add(time.Minute), time.Time{}, 1
	check(t, s.UpdateDelivery(ctx, second))
	due(base.Add(time.Hour), first)
	first.State, first.EndedAt, first.NextAt = syncline.DeliveryFailed, base.Add(time.Hour), time.Time{}
	check(t, s.UpdateDelivery(ctx, first))
	due(base.Add(24 * time.Hour))
	c.LastSentAt, c.LastFailedAt, c.LastError = second.EndedAt, first.EndedAt, "refused"
	wantChannel(t, s, c)
	wantCode(t, s.UpdateDelivery(ctx, gone), syncline.CodeNotFound)
	page, total, err := s.Deliveries(ctx, c.ID, 1, 0)
	check(t, err)
	if total != 2 || !reflect.DeepEqual(page, []syncline.Delivery{second}) {
		t.Errorf("%d in all, got %+v", total, page)
	}
	check(t, s.DeleteChannel(ctx, c.ID))
	if page, total, err := s.Deliveries(ctx, c.ID, 10, 0); err != nil || total != 0 || len(page) != 0 {
		t.Errorf("got %+v, %d, %v", page, total, err)
	}
}

func testHandDigest(t *testing.T, s store.Store) {
	ctx, c := t.Context(), addChannel(t, s, "c")
	d := aDelivery(c)
	d.Kind, d.Notices, d.More, d.Digest = syncline.DeliveryDigest, nil, 0, &syncline.DigestReport{Machines: &syncline.MachineSummary{InTime: 67, Late: 1}, Open: 2}
	next := c.DigestFrom.Add(24 * time.Hour)
	check(t, s.HandDigest(ctx, d, c.DigestFrom.Add(1), next))
	wantChannel(t, s, c)
	check(t, s.HandDigest(ctx, d, c.DigestFrom, next))
	c.DigestFrom = next
	wantChannel(t, s, c)
	if page, total, err := s.Deliveries(ctx, c.ID, 10, 0); err != nil || total != 1 || !reflect.DeepEqual(page[0], d) {
		t.Errorf("got %+v, %d, %v", page, total, err)
	}
}

func testThinDeliveries(t *testing.T, s store.Store) {
	ctx, c := t.Context(), addChannel(t, s, "c")
	var all []syncline.Delivery
	for i := range 6 {
		d := aDelivery(c)
		d.State, d.Error = syncline.DeliverySent, fmt.Sprint(i)
		if i == 1 {
			d.State = syncline.DeliveryPending
		}
		all = append(all, d)
	}
	check(t, s.Hand(ctx, nil, all))
	for more := true; more; {
		more = must(s.ThinDeliveries(ctx, 2))(t)
	}
	page, total, err := s.Deliveries(ctx, c.ID, 10, 0)
	check(t, err)
	if want := []syncline.Delivery{all[5], all[4], all[1]}; total != 3 || !reflect.DeepEqual(page, want) {
		t.Errorf("got %+v", page)
	}
}
