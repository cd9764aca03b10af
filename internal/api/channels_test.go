package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/watch/notify"
)

const channelID = "5d0f0c55-0000-4000-8000-00000000c001"

// fakeChannels keeps channels in memory. It checks them as the server does, and takes
// every test message.
type fakeChannels struct {
	mu     sync.Mutex
	list   []syncline.Channel
	sealed map[syncline.ID][]byte
	log    []syncline.Delivery
	now    time.Time
	woken  int
}

func newFakeChannels() *fakeChannels {
	sealed, _ := fakeSealer{}.Seal(channelID, []byte(theSecret))
	return &fakeChannels{
		now: testTime, sealed: map[syncline.ID][]byte{channelID: sealed},
		list: []syncline.Channel{{
			ID: channelID, Name: "on call", Kind: syncline.ChannelWebhook, Enabled: true, MinimumSeverity: syncline.SeverityWarning, HasSecret: true,
			Settings: syncline.ChannelSettings{URL: "https://hooks.example/a"}, CreatedAt: testTime,
			ChannelHealth: syncline.ChannelHealth{LastSentAt: testTime, LastFailedAt: testTime, LastError: "refused"},
		}},
		log: []syncline.Delivery{{
			ID: sessionID, ChannelID: channelID, Kind: syncline.DeliveryAlarms, State: syncline.DeliveryPending, Attempts: 1,
			CreatedAt: testTime, NextAt: testTime.Add(time.Hour), Error: "refused", More: 2,
			Notices: []syncline.Notice{{Event: syncline.AlarmEnded, AlarmID: alarmID, Kind: syncline.AlarmBackupLate, Severity: syncline.SeverityInfo, Message: "late", HostName: "web1"}},
		}},
	}
}

func (f *fakeChannels) Channels(context.Context) ([]syncline.Channel, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list), nil
}

func (f *fakeChannels) at(id syncline.ID) int {
	return slices.IndexFunc(f.list, func(c syncline.Channel) bool { return c.ID == id })
}

func (f *fakeChannels) Channel(_ context.Context, id syncline.ID) (syncline.Channel, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := f.at(id); i >= 0 {
		return f.list[i], nil
	}
	return syncline.Channel{}, notFound("channel")
}

func (f *fakeChannels) ChannelSecret(_ context.Context, id syncline.ID) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sealed[id], nil
}

func (f *fakeChannels) AddChannel(_ context.Context, c syncline.Channel, sealed []byte, most int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) >= most {
		return syncline.Errorf(syncline.CodeConflict, "there are too many channels")
	}
	c.HasSecret = len(sealed) > 0
	f.list, f.sealed[c.ID] = append(f.list, c), sealed
	return nil
}

func (f *fakeChannels) UpdateChannel(_ context.Context, c syncline.Channel, sealed []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.at(c.ID)
	if i < 0 {
		return notFound("channel")
	}
	c.HasSecret = f.list[i].HasSecret
	if sealed != nil {
		c.HasSecret, f.sealed[c.ID] = len(sealed) > 0, sealed
	}
	f.list[i] = c
	return nil
}

func (f *fakeChannels) DeleteChannel(_ context.Context, id syncline.ID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.at(id)
	if i < 0 {
		return notFound("channel")
	}
	f.list = slices.Delete(f.list, i, i+1)
	return nil
}

func (f *fakeChannels) SetChannelHealth(context.Context, syncline.ID, time.Time, string) error {
	return nil
}

func (f *fakeChannels) Wake() { f.woken++ }

func (f *fakeChannels) Check(c *syncline.Channel, secret string) error {
	return (&notify.Service{Network: &notify.Network{}, Now: func() time.Time { return f.now }}).Check(c, secret)
}

func (f *fakeChannels) Test(ctx context.Context, id syncline.ID) (syncline.ChannelTest, error) {
	_, err := f.Channel(ctx, id)
	return syncline.ChannelTest{Delivery: syncline.Delivery{ID: sessionID, State: syncline.DeliveryFailed, Error: "refused"}, Subject: "Test: s", Text: "t"}, err
}

func (f *fakeChannels) Deliveries(_ context.Context, _ syncline.ID, limit, offset int) ([]syncline.Delivery, int, error) {
	from := min(offset, len(f.log))
	return f.log[from:min(from+limit, len(f.log))], len(f.log), nil
}

const emailSettings = `"email":{"host":"mail.example","port":587,"encryption":"StartTLS","userName":"u","from":"a@example","to":["b@example"]}`

// A channel of each kind is taken, given back without its secret, and can be sent back as
// it was given.
func TestChannelsRoundTrip(t *testing.T) {
	for kind, rest := range map[string]string{
		"Email":        emailSettings + `,"secret":"` + theSecret + `","digest":{"every":"Weekly","time":"07:30","weekday":"Monday","timeZone":"Europe/Berlin"}`,
		"Webhook":      `"webhook":{"url":"https://hooks.example/b"},"secret":"` + theSecret + `","subject":"{{len .Alarms}} alarms","body":"{{range .Alarms}}{{.Message}}{{end}}"`,
		"Alertmanager": `"alertmanager":{"url":"http://am.example:9093","userName":"u"},"secret":"` + theSecret + `","minimumSeverity":"Critical","repositoryIds":["` + repoID + `"]`,
		"Chat":         `"secret":"ntfy://user:a+secret+odd+word@ntfy.example/topic","enabled":false`,
		"Heartbeat":    `"heartbeat":{"interval":"5m"},"secret":"https://hc.example/` + theSecret + `"`,
	} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t).populate()
			a := w.do(request{method: "POST", path: "/v6/NotificationChannels", body: fmt.Sprintf(`{"name":"second","kind":%q,%s}`, kind, rest)})
			if a.status != 201 || strings.Contains(a.body, "odd") || !strings.Contains(a.body, `"hasSecret":true`) {
				t.Fatalf("got %d %s", a.status, a.body)
			}
			made := a
			made.status = 200
			c := decode[v6.NotificationChannel](t, made)
			got := w.get(c.Links.Self.Href)
			if got.body != a.body {
				t.Errorf("got %s, want %s", got.body, a.body)
			}
			before := w.channels.sealed[c.ID]
			again := w.do(request{method: "PUT", path: c.Links.Self.Href, body: a.body})
			if again.status != 200 || again.body != a.body || string(w.channels.sealed[c.ID]) != string(before) {
				t.Errorf("got %d %s, want %s", again.status, again.body, a.body)
			}
			if w.channels.woken != 2 {
				t.Errorf("the sender of messages was woken %d times, want once for each change", w.channels.woken)
			}
			if a := w.do(request{method: "DELETE", path: c.Links.Self.Href}); a.status != 204 {
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
}

func TestChannelsAreRefused(t *testing.T) {
	w := newWorld(t).populate()
	webhook := `"kind":"Webhook","webhook":{"url":"https://hooks.example/b"},"secret":"0123456789abcdef"`
	for body, want := range map[string]string{
		`{"name":"a","kind":"Pager"}`:                                                                                          "kind",
		`{"name":" ","kind":"Chat"}`:                                                                                           "name",
		`{"name":"a","kind":"Webhook","webhook":{"url":"https://h/b"}}`:                                                        "secret is required",
		`{"name":"a","kind":"Webhook","secret":"0123456789abcdef"}`:                                                            "webhook is required",
		`{"name":"a","kind":"Chat","secret":"smtp://a/b"}`:                                                                     "the services are",
		`{"name":"a","kind":"Chat","secret":"generic://a/b"}`:                                                                  "the services are",
		`{"name":"a","kind":"Chat","secret":"googlechat://127.0.0.1/a"}`:                                                       "chat.googleapis.com",
		`{"name":"a","kind":"Chat","secret":"ntfy://h/t?disabletlsverification=yes"}`:                                          "certificates",
		`{"name":"a","kind":"Email",` + strings.Replace(emailSettings, "StartTLS", "None", 1) + `,"secret":"x"}`:               "email.userName",
		`{"name":"a","kind":"Email",` + strings.Replace(emailSettings, "b@example", "b", 1) + `,"secret":"x"}`:                 "email.to.0",
		`{"name":"a","kind":"Email",` + strings.Replace(emailSettings, "b@example", "b@e\\r\\nBcc: c@e", 1) + `,"secret":"x"}`: "email.to.0",
		`{"name":"a","kind":"Email",` + emailSettings + `}`:                                                                    "secret is required",
		`{"name":"a","kind":"Heartbeat","heartbeat":{"interval":"30s"},"secret":"https://h/"}`:                                 "interval",
		`{"name":"a",` + webhook + `,"email":null,"chat":{}}`:                                                                  "chat has no use",
		`{"name":"a",` + webhook + `,"subject":"{{.Nothing}}"}`:                                                                "subject",
		`{"name":"a",` + webhook + `,"body":"{{range 1000000000}}{{end}}"}`:                                                    "body is refused",
		`{"name":"a",` + webhook + `,"repositoryIds":["` + unknownID + `"]}`:                                                   "repositoryIds.0",
		`{"name":"a",` + webhook + `,"digest":{"every":"Daily","time":"07:00","weekday":"Monday"}}`:                            "weekday",
		`{"name":"a",` + webhook + `,"digest":{"every":"Weekly","time":"07:00"}}`:                                              "weekday",
		`{"name":"a",` + webhook + `,"digest":{"every":"Daily","time":"25:00"}}`:                                               "time",
		`{"name":"a",` + webhook + `,"digest":{"every":"Daily","time":"07:00","timeZone":"Nowhere"}}`:                          "timeZone",
		`{"name":"a","kind":"Webhook","webhook":{"url":"https://u:p@h/b"},"secret":"0123456789abcdef"}`:                        "user name",
		`{"name":"a","kind":"Webhook","webhook":{"url":"file:///etc/passwd"},"secret":"0123456789abcdef"}`:                     "webhook.url",
	} {
		wantFailure(t, w.do(request{method: "POST", path: "/v6/NotificationChannels", body: body}), 400, want)
	}
	if n := len(w.channels.list); n != 1 {
		t.Errorf("%d channels are there", n)
	}
}

// A channel for a repository that is detached can be sent back as it was given.
func TestChannelOfDetachedRepository(t *testing.T) {
	w := newWorld(t).populate()
	c := &w.channels.list[0]
	c.RepositoryIDs = []syncline.ID{unknownID}
	href := "/v6/NotificationChannels/" + string(c.ID)
	given := w.get(href)
	if a := w.do(request{method: "PUT", path: href, body: given.body}); a.status != 200 || a.body != given.body || !strings.Contains(a.body, unknownID) {
		t.Errorf("got %d %s, want %s", a.status, a.body, given.body)
	}
	// Which of them are detached is told, in the list too.
	for ids, want := range map[string]string{
		`"` + repoID + `"`:                     `"hasSecret"`,
		`"` + unknownID + `"`:                  `"detachedRepositoryIds":["` + unknownID + `"]`,
		`"` + repoID + `","` + unknownID + `"`: `"detachedRepositoryIds":["` + unknownID + `"]`,
	} {
		c.RepositoryIDs = nil
		for id := range strings.SplitSeq(ids, ",") {
			c.RepositoryIDs = append(c.RepositoryIDs, syncline.ID(strings.Trim(id, `"`)))
		}
		for _, path := range []string{href, "/v6/NotificationChannels"} {
			if a := w.get(path); !strings.Contains(a.body, want) || strings.Contains(a.body, "detached") != strings.Contains(ids, unknownID) {
				t.Errorf("%s: %s, want %s", ids, a.body, want)
			}
		}
	}
}

// The old secret never goes to a new receiver.
func TestChannelSecretStaysWithItsReceiver(t *testing.T) {
	w := newWorld(t).populate()
	path := "/v6/NotificationChannels/" + channelID
	put := func(body string) answer { return w.do(request{method: "PUT", path: path, body: body}) }
	wantFailure(t, put(`{"name":"n","kind":"Webhook","webhook":{"url":"https://evil.example/"}}`), 400, "secret is required again")
	wantFailure(t, put(`{"name":"n","kind":"Chat"}`), 400, "kind cannot change")
	wantFailure(t, put(`{"name":"n","kind":"Webhook","webhook":{"url":"https://hooks.example/a"},"secret":""}`), 400, "secret is required")
	if a := put(`{"name":"n","kind":"Webhook","webhook":{"url":"https://hooks.example/a"},"enabled":false}`); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := put(`{"name":"n","kind":"Webhook","webhook":{"url":"https://other.example/"},"secret":"another secret of mine"}`); a.status != 200 || strings.Contains(a.body, "another") {
		t.Errorf("got %d %s", a.status, a.body)
	}
	plain, err := fakeSealer{}.Open(channelID, w.channels.sealed[channelID])
	if err != nil || string(plain) != "another secret of mine" {
		t.Errorf("got %q, %v", plain, err)
	}
}

func TestChannelTestAndLog(t *testing.T) {
	w := newWorld(t).populate()
	path := "/v6/NotificationChannels/" + channelID
	got := decode[v6.NotificationTest](t, w.do(request{method: "POST", path: path + "/Test"}))
	if got.Result != "Failed" || deref(got.Error) != "refused" || deref(got.Subject) != "Test: s" || got.DeliveryID != sessionID {
		t.Errorf("got %+v", got)
	}
	page := decode[v6.NotificationDeliveryPage](t, w.get(path+"/Deliveries"))
	if page.Total != 1 || len(page.Results) != 1 || page.Results[0].State != "Pending" || page.Results[0].NextTime == nil || deref(page.Results[0].More) != 2 || page.Results[0].Alarms[0].Event != "Ended" {
		t.Errorf("got %+v", page)
	}
	c := decode[v6.NotificationChannel](t, w.get(path))
	if deref(c.LastError) != "refused" || c.LastSentTime == nil || c.LastFailedTime == nil {
		t.Errorf("got %+v", c)
	}
	for range maxChannels {
		w.channels.list = append(w.channels.list, syncline.Channel{ID: unknownID})
	}
	wantFailure(t, w.do(request{method: "POST", path: "/v6/NotificationChannels", body: goodBodies["AddNotificationChannel"]}), 409, "too many")
}
