package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"syncline.dev/syncline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func (w *world) wantStory(r *receiver, want ...string) {
	w.t.Helper()
	if got := r.story(); !slices.Equal(got, want) {
		w.t.Errorf("heard\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
	}
}

// One message tells of all that began together, and one of each later change.
func TestGroups(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	w.webhook(r)
	w.report(late("a", syncline.SeverityWarning))
	w.after(29 * time.Second)
	w.wantStory(r)
	w.report(late("a", syncline.SeverityWarning), late("b", syncline.SeverityInfo))
	w.after(time.Second)
	first := "Began a Warning; Began b Info; "
	w.wantStory(r, first)
	w.after(time.Hour)
	w.wantStory(r, first)
	w.report(late("a", syncline.SeverityCritical))
	w.after(time.Minute)
	w.wantStory(r, first, "Worsened a Critical; Ended b Info; ")
	// Within one message an alarm that began needs no word that it worsened.
	w.report(late("a", syncline.SeverityCritical), late("c", syncline.SeverityInfo))
	w.report(late("a", syncline.SeverityCritical), late("c", syncline.SeverityCritical))
	w.after(time.Minute)
	w.wantStory(r, first, "Worsened a Critical; Ended b Info; ", "Began c Critical; ")
}

func TestManyAlarmsInOneMessage(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.webhook(r)
	for i := range 3 {
		var list []syncline.Condition
		for j := range 50 {
			x := late(fmt.Sprint(i, j), syncline.SeverityInfo)
			x.Kind = syncline.AlarmKinds()[i]
			list = append(list, x)
		}
		w.must(w.desk.Report(t.Context(), syncline.AlarmKinds()[i], repository, list))
	}
	w.after(time.Minute)
	log := w.log(c)
	if len(log) != 1 || len(log[0].Notices) != syncline.MaxNotices || log[0].More != 50 || !strings.HasSuffix(r.story()[0], "and 50; ") {
		t.Errorf("got %d messages", len(log))
	}
}

func TestRoutes(t *testing.T) {
	w := newWorld(t)
	all, critical, other, off := newReceiver(t), newReceiver(t), newReceiver(t), newReceiver(t)
	settings := func(r *receiver) syncline.ChannelSettings { return syncline.ChannelSettings{URL: r.URL} }
	w.webhook(all)
	w.channel(syncline.Channel{Kind: syncline.ChannelWebhook, Settings: settings(critical), MinimumSeverity: syncline.SeverityCritical}, theSecret)
	w.channel(syncline.Channel{Kind: syncline.ChannelWebhook, Settings: settings(other), RepositoryIDs: []syncline.ID{w.service.NewID()}}, theSecret)
	c := w.webhook(off)
	c.Enabled = false
	w.must(w.store.UpdateChannel(t.Context(), c, nil))
	w.report(late("a", syncline.SeverityCritical), late("b", syncline.SeverityWarning))
	w.after(time.Minute)
	w.report(late("a", syncline.SeverityInfo), late("b", syncline.SeverityWarning))
	w.report()
	w.after(time.Minute)
	w.wantStory(all, "Began a Critical; Began b Warning; ", "Ended a Info; Ended b Warning; ")
	w.wantStory(critical, "Began a Critical; ", "Ended a Info; ") // it heard of the begin
	w.wantStory(other)
	w.wantStory(off)
}

func TestSilencedAndAcknowledged(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	w.webhook(r)
	w.report(late("known", syncline.SeverityInfo), late("silent", syncline.SeverityInfo))
	for _, a := range must(w.store.AlarmsOf(t.Context(), syncline.AlarmBackupLate, repository, begin))(t) {
		var err error
		if a.Subject == "known" {
			_, err = w.store.AcknowledgeAlarm(t.Context(), a.ID, "mila", begin, nil)
		} else {
			_, err = w.store.SilenceAlarm(t.Context(), a.ID, begin.Add(time.Hour), nil)
		}
		w.must(err)
	}
	w.after(time.Minute)
	w.wantStory(r)
	w.report(late("known", syncline.SeverityCritical), late("silent", syncline.SeverityCritical))
	w.after(time.Minute)
	w.wantStory(r, "Worsened known Critical; ")
	w.after(time.Hour) // the silence is over
	w.report()
	w.after(time.Minute)
	w.wantStory(r, "Worsened known Critical; ", "Ended known Critical; Ended silent Critical; ")
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// The receiver can prove who sent a message, and knows one that comes twice.
func TestWebhookIsSigned(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.webhook(r)
	w.report(late("a", syncline.SeverityWarning))
	w.after(time.Minute)
	if len(r.heads) != 1 {
		t.Fatalf("%d messages came", len(r.heads))
	}
	h, body := r.heads[0], r.bodies[0]
	mac := hmac.New(sha256.New, []byte(theSecret))
	fmt.Fprintf(mac, "%d.%s", w.clock().Unix(), r.raw[0])
	if want := "v1=" + hex.EncodeToString(mac.Sum(nil)); h.Get("Syncline-Signature") != want || h.Get("Syncline-Timestamp") != fmt.Sprint(w.clock().Unix()) {
		t.Errorf("signed %q at %q, want %q", h.Get("Syncline-Signature"), h.Get("Syncline-Timestamp"), want)
	}
	log := w.log(c)
	if h.Get("Syncline-Delivery") != string(log[0].ID) || body.ID != log[0].ID || body.Version != 1 || body.Alarms[0].RepositoryName != "main" ||
		!strings.Contains(body.Text, "a is late") || body.Subject != "Syncline: Warning: BackupLate of a in main" {
		t.Errorf("got %+v", body)
	}
	if log[0].State != syncline.DeliverySent || log[0].Attempts != 1 || !w.health(c).LastSentAt.Equal(w.clock()) {
		t.Errorf("got %+v", log[0])
	}
}

// A message is tried four times over hours, then given up, and the channel says so. The
// next one begins anew.
func TestRetries(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	r.set(http.StatusInternalServerError)
	c := w.webhook(r)
	w.report(late("a", syncline.SeverityWarning))
	asked := func(want int) {
		t.Helper()
		if r.asked != want {
			t.Errorf("the receiver was asked %d times, not %d", r.asked, want)
		}
	}
	w.after(time.Minute)
	asked(1)
	w.after(2*time.Minute - 1)
	asked(1)
	w.after(1)
	asked(2)
	w.after(20 * time.Minute)
	asked(3)
	if d := w.log(c)[0]; d.State != syncline.DeliveryPending || !strings.Contains(d.Error, "500") || w.health(c).LastError != "" {
		t.Errorf("got %+v", d)
	}
	w.after(3 * time.Hour)
	asked(4)
	if d := w.log(c)[0]; d.State != syncline.DeliveryFailed || d.Attempts != 4 || !strings.Contains(w.health(c).LastError, "500") {
		t.Errorf("got %+v", d)
	}
	w.after(24 * time.Hour)
	asked(4)
	r.set(http.StatusOK)
	w.report()
	w.after(time.Minute)
	w.wantStory(r, "Ended a Warning; ")
	if h := w.health(c); h.LastError != "" || !h.LastSentAt.Equal(w.clock()) || h.LastFailedAt.IsZero() {
		t.Errorf("got %+v", h)
	}
}

// A crash in the middle of an attempt loses nothing: the message comes again, as itself.
func TestCrash(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.webhook(r)
	w.report(late("a", syncline.SeverityWarning))
	w.must(w.store.Close())
	w.open() // before anything was told
	w.after(time.Minute)
	w.wantStory(r, "Began a Warning; ")
	w.must(w.store.Close())
	w.open()
	w.after(24 * time.Hour)
	w.wantStory(r, "Began a Warning; ") // once

	w.report()
	stopping, stop := context.WithCancel(t.Context())
	r.mu.Lock()
	r.hold = make(chan struct{})
	r.mu.Unlock()
	w.now = w.now.Add(time.Minute)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.service.Tick(stopping, w.clock())
	}()
	r.wait(2) // it has arrived, and is not answered yet
	stop()
	<-ended
	r.mu.Lock()
	r.hold = nil
	r.mu.Unlock()
	w.must(w.store.Close())
	w.open()
	w.after(2 * time.Minute)
	w.wantStory(r, "Began a Warning; ", "Ended a Warning; ", "Ended a Warning; ")
	if r.bodies[1].ID != r.bodies[2].ID || string(r.raw[1]) != string(r.raw[2]) {
		t.Error("the second attempt is another message")
	}
	if d := w.log(c)[0]; d.State != syncline.DeliverySent || d.Attempts != 2 {
		t.Errorf("got %+v", d)
	}
}

// A receiver that hangs holds up no other one.
func TestHangingReceiver(t *testing.T) {
	w, hanging, good := newWorld(t), newReceiver(t), newReceiver(t)
	hanging.hold = make(chan struct{})
	w.webhook(hanging)
	w.webhook(good)
	w.report(late("a", syncline.SeverityWarning))
	w.now = w.now.Add(time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.service.Run(ctx)
	}()
	for range 2 {
		good.wait(1)
		hanging.wait(1)
		w.report(late("a", syncline.SeverityWarning), late("b", syncline.SeverityWarning))
		w.mu.Lock()
		w.now = w.now.Add(time.Minute)
		w.mu.Unlock()
		w.service.Wake()
	}
	good.wait(2)
	if n := len(hanging.story()); n != 1 {
		t.Errorf("a receiver that does not answer was sent %d messages", n)
	}
	cancel()
	<-ended
	close(hanging.hold)
}

// brokenQueue says nothing of what is due.
type brokenQueue struct{ Queue }

func (brokenQueue) DueDeliveries(context.Context, syncline.ID, time.Time, int) ([]syncline.Delivery, error) {
	return nil, errors.New("broken")
}

// taken is a duty of this node.
type taken struct{}

func (taken) Held(ctx context.Context) (context.Context, error) { return ctx, nil }
func (taken) Keep(ctx context.Context)                          { <-ctx.Done() }

// Without something to send, a service that is alone looks once a minute, and when it is
// woken.
func TestRounds(t *testing.T) {
	for what, tt := range map[string]struct {
		prepare func(w *world)
		want    time.Duration
	}{
		"nothing to send":     {func(w *world) { w.webhook(newReceiver(t)) }, idleTime},
		"an event that waits": {func(w *world) { w.report(late("a", syncline.SeverityWarning)) }, tickTime},
		"a heartbeat": {func(w *world) {
			w.channel(syncline.Channel{Kind: syncline.ChannelHeartbeat, Settings: syncline.ChannelSettings{Interval: time.Minute}}, newReceiver(t).URL)
		}, tickTime},
		"a queue that fails": {func(w *world) {
			w.webhook(newReceiver(t))
			w.service.Queue = brokenQueue{w.store}
		}, tickTime},
		"beside other nodes":   {func(w *world) { w.service.Duty = taken{} }, tickTime},
		"the database is gone": {func(w *world) { w.store.Close() }, tickTime},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			tt.prepare(w)
			waits := make(chan time.Duration, 100)
			w.service.After = func(d time.Duration) <-chan time.Time {
				waits <- d
				return nil
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				w.service.Run(ctx)
			}()
			for range 2 {
				got := <-waits
				if got == idleTime && tt.want == tickTime {
					got = <-waits // something has said meanwhile that there is more
				}
				if got != tt.want {
					t.Errorf("waits for %v, want %v", got, tt.want)
				}
				w.service.Wake()
			}
			cancel()
			<-ended
		})
	}
}

func TestRefusedReceivers(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.webhook(r)
	r.set(http.StatusFound)
	o := must(w.service.Test(t.Context(), c.ID))(t)
	if o.Delivery.State != syncline.DeliveryFailed || !strings.Contains(o.Delivery.Error, "redirect") || r.asked != 1 {
		t.Errorf("a redirect: %+v", o.Delivery)
	}
	r.set(http.StatusOK)
	w.service.Network = NewNetwork(nil, true)
	if o = must(w.service.Test(t.Context(), c.ID))(t); o.Delivery.State != syncline.DeliveryFailed || !strings.Contains(o.Delivery.Error, "this very machine") || r.asked != 1 {
		t.Errorf("a private address: %+v", o.Delivery)
	}
	w.service.Network = NewNetwork(nil, false)
	if o = must(w.service.Test(t.Context(), c.ID))(t); o.Delivery.State != syncline.DeliverySent || !strings.HasPrefix(o.Subject, "Test: ") || r.bodies[0].Kind != syncline.DeliveryTest {
		t.Errorf("got %+v", o)
	}
	if log := w.log(c); len(log) != 3 || w.health(c).LastError != "" {
		t.Errorf("got %+v", log)
	}
}

func TestDigest(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.channel(syncline.Channel{
		Kind: syncline.ChannelWebhook, Settings: syncline.ChannelSettings{URL: r.URL},
		Digest: syncline.Digest{Every: syncline.DigestDaily, Minute: 7 * 60, TimeZone: "Europe/Berlin"},
	}, theSecret)
	w.service.Machines = summary{m: syncline.MachineSummary{InTime: 68, Retired: 2}}
	w.after(17*time.Hour + 29*time.Minute) // 6:59 in Berlin
	if len(r.bodies) != 0 {
		t.Fatal("the digest is early")
	}
	w.after(time.Minute)
	w.after(time.Minute)
	if len(r.bodies) != 1 || r.bodies[0].Subject != "Syncline: all 68 machines in time" || r.bodies[0].Digest.Machines.Retired != 2 {
		t.Fatalf("got %+v", r.bodies)
	}
	w.report(late("a", syncline.SeverityInfo))
	w.after(time.Minute)
	w.service.Machines = summary{m: syncline.MachineSummary{InTime: 67, Late: 1}}
	w.after(5 * 24 * time.Hour) // five turns are missed, and made up once
	w.after(time.Minute)
	if len(r.bodies) != 3 || r.bodies[2].Subject != "Syncline: 67 of 68 machines in time, 1 alarm open" {
		t.Fatalf("got %+v", r.bodies)
	}
	w.service.Machines = summary{err: errors.New("no")}
	w.after(24 * time.Hour)
	if len(r.bodies) != 4 || !strings.Contains(r.bodies[3].Subject, "not known") || r.bodies[3].Digest.Machines != nil {
		t.Errorf("got %+v", r.bodies[3])
	}
	if from := w.health(c).DigestFrom; !from.After(w.clock()) {
		t.Errorf("the next one is due at %s", from)
	}
}

// A digest comes at its time by the clock on the wall, whatever the clock does.
func TestNextDigest(t *testing.T) {
	daily := syncline.Digest{Every: syncline.DigestDaily, Minute: 2*60 + 30, TimeZone: "Europe/Berlin"}
	weekly := syncline.Digest{Every: syncline.DigestWeekly, Minute: 0, Weekday: time.Monday}
	for _, c := range []struct {
		d         syncline.Digest
		now, want string
	}{
		{daily, "2026-03-28T01:29:59Z", "2026-03-28T01:30:00Z"},
		{daily, "2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z"}, // 2:30 does not exist; 3:30 takes its place
		{daily, "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"},
		{daily, "2026-10-24T00:30:00Z", "2026-10-25T01:30:00Z"}, // the second of two
		{daily, "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
		{weekly, "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"}, // a Monday
		{weekly, "2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z"},
		{syncline.Digest{}, "2026-11-22T23:59:59Z", "0001-01-01T00:00:00Z"},
	} {
		now := must(time.Parse(time.RFC3339, c.now))(t)
		if got := NextDigest(c.d, now).Format(time.RFC3339); got != c.want {
			t.Errorf("%+v after %s: %s, want %s", c.d, c.now, got, c.want)
		}
	}
}

// A heartbeat is called after good checks only, and its address is kept secret.
func TestHeartbeat(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.channel(syncline.Channel{Kind: syncline.ChannelHeartbeat, Settings: syncline.ChannelSettings{Interval: 5 * time.Minute}}, r.URL+"/ping/very-secret")
	asked := func(want int) {
		t.Helper()
		if r.asked != want {
			t.Errorf("it was called %d times, not %d", r.asked, want)
		}
	}
	w.after(time.Hour)
	asked(0)
	w.service.Beat(t.Context())
	w.after(time.Second)
	asked(1)
	w.after(time.Hour) // nothing was checked
	asked(1)
	for range 10 {
		w.service.Beat(t.Context())
		w.after(time.Minute)
	}
	asked(3)
	if h := w.health(c); h.LastSentAt.IsZero() || h.LastError != "" {
		t.Errorf("got %+v", h)
	}
	r.Close()
	w.service.Beat(t.Context())
	w.after(time.Hour)
	if h := w.health(c); h.LastError == "" || strings.Contains(h.LastError, "very-secret") {
		t.Errorf("got %+v", h)
	}
}
