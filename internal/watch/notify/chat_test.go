package notify

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// listener is an HTTP server that keeps the requests.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	paths  []string
	bodies []string
	auth   []string
	status int
}

func newListener(t *testing.T) *listener {
	t.Helper()
	h := &listener{status: http.StatusOK}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.paths, h.bodies, h.auth = append(h.paths, r.URL.Path), append(h.bodies, string(body)), append(h.auth, r.Header.Get("Authorization"))
		w.WriteHeader(h.status)
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(h.Close)
	return h
}

func TestChat(t *testing.T) {
	for service, address := range map[string]string{
		"ntfy":       "ntfy://HOST/topic-of-ours?scheme=http",
		"mattermost": "mattermost://HOST/a-token-of-ours?disabletls=yes",
		"gotify":     "gotify://HOST/AAAAAAAAAAAAAAA?disabletls=yes",
	} {
		t.Run(service, func(t *testing.T) {
			h, w := newListener(t), newWorld(t)
			secret := strings.Replace(address, "HOST", strings.TrimPrefix(h.URL, "http://"), 1)
			c := w.channel(syncline.Channel{Kind: syncline.ChannelChat}, secret)
			if c.Settings.Service != service {
				t.Errorf("the service is %q", c.Settings.Service)
			}
			w.report(late("a", syncline.SeverityWarning))
			w.after(time.Minute)
			if len(h.bodies) != 1 || !strings.Contains(h.bodies[0], "a is late") {
				t.Fatalf("got %q, %+v", h.bodies, w.log(c))
			}
			h.status = http.StatusFound
			if o := must(w.service.Test(t.Context(), c.ID))(t); o.Delivery.State != syncline.DeliveryFailed {
				t.Errorf("got %+v", o.Delivery)
			}
			// Neither a refusal nor a failure tells the address.
			h.Close()
			o := must(w.service.Test(t.Context(), c.ID))(t)
			if o.Delivery.State != syncline.DeliveryFailed || strings.Contains(o.Delivery.Error, "ours") || strings.Contains(o.Delivery.Error, "AAAAAAAA") {
				t.Errorf("got %+v", o.Delivery)
			}
			w.service.Network = NewNetwork(nil, true)
			if o := must(w.service.Test(t.Context(), c.ID))(t); !strings.Contains(o.Delivery.Error, "this very machine") {
				t.Errorf("a private address: %+v", o.Delivery)
			}
		})
	}
}

// TestMessagesInARow sends each message as soon as the one before is answered.
func TestMessagesInARow(t *testing.T) {
	n, answer := NewNetwork(nil, false), errors.New("the answer")
	for i := range 20_000 {
		if failure, err := n.tryChat(t.Context(), "a", func() error { return answer }); err != nil || !errors.Is(failure, answer) {
			t.Fatalf("message %d: got %v, %v", i, failure, err)
		}
	}
}

// Each service that is offered takes an address of its own.
func TestChatServices(t *testing.T) {
	client := must(NewNetwork(nil, false).client())(t)
	addresses := map[string]string{
		"discord":    "discord://token@123456789",
		"googlechat": "googlechat://chat.googleapis.com/v1/spaces/FOO/messages?key=bar&token=baz",
		"gotify":     "gotify://host/AAAAAAAAAAAAAAA",
		"mattermost": "mattermost://host/token",
		"ntfy":       "ntfy://host/topic",
		"pushover":   "pushover://:token@user",
		"rocketchat": "rocketchat://host/tokenA/tokenB",
		"slack":      "slack://hook:AAAAAAAAA-BBBBBBBBB-123456789123456789123456@webhook",
		"teams":      "teams://11111111-4444-4444-8444-cccccccccccc@22222222-4444-4444-8444-cccccccccccc/33333333012222222222333333333344/44444444-4444-4444-8444-cccccccccccc/V2ESyij_gAljSoUQHvZoZYzlpAoAXExyOl26dlf1xHEx05?host=test.webhook.office.com",
		"telegram":   "telegram://110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaww@telegram?chats=1",
	}
	for _, name := range chatServices {
		if got, _, err := chatService(addresses[name], client); err != nil || got != name {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	for _, bad := range []string{"", "smtp://u:p@host", "generic://host", "logger://", "script:///bin/sh", "ifttt://key/?events=e", "http://host", "slack://x", "%"} {
		if _, _, err := chatService(bad, client); syncline.CodeOf(err) != syncline.CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAlertmanager(t *testing.T) {
	h, w := newListener(t), newWorld(t)
	w.channel(syncline.Channel{Kind: syncline.ChannelAlertmanager, Settings: syncline.ChannelSettings{URL: h.URL + "/sub/", UserName: "u"}}, "p")
	last := func() (list []alert) {
		t.Helper()
		if err := json.Unmarshal([]byte(h.bodies[len(h.bodies)-1]), &list); err != nil {
			t.Fatal(err)
		}
		return list
	}
	w.after(time.Hour)
	if len(h.bodies) != 0 {
		t.Fatal("it was told of nothing")
	}
	w.report(late("a", syncline.SeverityCritical))
	w.after(time.Minute)
	began := last()
	if h.paths[0] != "/sub/api/v2/alerts" || h.auth[0] != "Basic dTpw" || len(began) != 1 || !began[0].EndsAt.Equal(w.clock().Add(alertLife)) ||
		began[0].Labels["alertname"] != "SynclineBackupLate" || began[0].Labels["severity"] != "critical" || began[0].Labels["host"] != "a" || began[0].Annotations["summary"] != "a is late" {
		t.Errorf("got %s %+v", h.paths[0], began)
	}
	n := len(h.bodies)
	for range 10 { // it is told again while the alarm is open
		w.after(time.Minute)
	}
	if len(h.bodies) < n+9 || !last()[0].EndsAt.Equal(w.clock().Add(alertLife)) {
		t.Errorf("it was told %d times in ten minutes", len(h.bodies)-n)
	}
	w.report()
	ended := w.clock()
	w.after(time.Minute)
	n = len(h.bodies)
	if got := last(); len(got) != 1 || !got[0].EndsAt.Equal(ended) || !got[0].StartsAt.Equal(began[0].StartsAt) {
		t.Errorf("got %+v", got)
	}
	w.after(time.Hour)
	if len(h.bodies) != n {
		t.Error("it is told of an alarm that has ended")
	}
}
