package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store/sqlite"
	"syncline.dev/syncline/internal/watch/alarm"
)

const (
	repository = syncline.ID("c6d1fc1b-1aef-411f-9a7f-de35e546c615")
	theSecret  = "a secret of the webhook"
)

var begin = time.Date(2026, 11, 23, 12, 30, 0, 0, time.UTC)

// world is the desk and the service on a database, with a clock that the test moves.
type world struct {
	t       *testing.T
	path    string
	store   *sqlite.Store
	desk    *alarm.Desk
	service *Service
	mu      sync.Mutex
	now     time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, path: filepath.Join(t.TempDir(), "db"), now: begin}
	w.open()
	w.must(w.store.AddRepository(t.Context(), syncline.Repository{ID: repository, Name: "main"}))
	return w
}

// open opens the database as a start of the server does.
func (w *world) open() {
	w.t.Helper()
	s, err := sqlite.Open(w.t.Context(), w.path)
	w.must(err)
	w.t.Cleanup(func() { s.Close() })
	w.store = s
	newID := func() syncline.ID { return syncline.ID(uuid.NewString()) }
	w.service = &Service{
		Events: s, Queue: s, Channels: s, Known: s, Network: NewNetwork(nil, false), Window: DefaultWindow, Now: w.clock, NewID: newID,
		Open:   func(_ syncline.ID, sealed []byte) ([]byte, error) { return sealed, nil },
		Logger: slog.New(slog.DiscardHandler),
	}
	w.desk = &alarm.Desk{Store: s, Now: w.clock, NewID: newID}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// after moves the clock and runs one round.
func (w *world) after(d time.Duration) {
	w.t.Helper()
	w.mu.Lock()
	w.now = w.now.Add(d)
	w.mu.Unlock()
	w.must(w.service.Tick(w.t.Context(), w.clock()))
}

func (w *world) report(now ...syncline.Condition) {
	w.t.Helper()
	w.must(w.desk.Report(w.t.Context(), syncline.AlarmBackupLate, repository, now))
}

func late(host string, severity syncline.Severity) syncline.Condition {
	return syncline.Condition{
		Kind: syncline.AlarmBackupLate, Severity: severity, RepositoryID: repository, Subject: host, HostName: host,
		Paths: []string{"/srv"}, Message: host + " is late",
	}
}

// channel adds a channel.
func (w *world) channel(c syncline.Channel, secret string) syncline.Channel {
	w.t.Helper()
	c.ID, c.Name, c.Enabled = w.service.NewID(), fmt.Sprint(time.Now().UnixNano()), true
	w.must(w.service.Check(&c, secret))
	w.must(w.store.AddChannel(w.t.Context(), c, []byte(secret), 100))
	return c
}

// webhook adds a channel to a receiver.
func (w *world) webhook(r *receiver) syncline.Channel {
	w.t.Helper()
	return w.channel(syncline.Channel{Kind: syncline.ChannelWebhook, Settings: syncline.ChannelSettings{URL: r.URL}}, theSecret)
}

func (w *world) log(c syncline.Channel) []syncline.Delivery {
	w.t.Helper()
	list, _, err := w.store.Deliveries(w.t.Context(), c.ID, 1000, 0)
	w.must(err)
	return list
}

func (w *world) health(c syncline.Channel) syncline.Channel {
	w.t.Helper()
	c, err := w.store.Channel(w.t.Context(), c.ID)
	w.must(err)
	return c
}

// receiver is a webhook's receiver. It keeps what it took.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int           // of its answers
	hold   chan struct{} // answers wait for it, unless it is nil
	bodies []webhookBody
	heads  []http.Header
	raw    [][]byte
	asked  int
	took   chan struct{} // takes a value for each message
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusNoContent, took: make(chan struct{}, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		raw, _ := io.ReadAll(req.Body)
		var body webhookBody
		_ = json.Unmarshal(raw, &body)
		r.mu.Lock()
		r.asked++
		status, hold := r.status, r.hold
		if status/100 == 2 {
			r.bodies, r.heads, r.raw = append(r.bodies, body), append(r.heads, req.Header), append(r.raw, raw)
		}
		r.mu.Unlock()
		r.took <- struct{}{}
		if hold != nil {
			select {
			case <-hold:
			case <-req.Context().Done():
			}
		}
		if status/100 == 3 {
			rw.Header().Set("Location", "/elsewhere")
		}
		rw.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

// wait returns when so many messages have come.
func (r *receiver) wait(n int) {
	for len(r.story()) < n {
		<-r.took
	}
}

func (r *receiver) set(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// story is what the receiver heard: one line a message, each alarm with its event.
func (r *receiver) story() (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.bodies {
		line := ""
		for _, n := range b.Alarms {
			line += string(n.Event) + " " + n.HostName + " " + string(n.Severity) + "; "
		}
		if b.More > 0 {
			line += fmt.Sprintf("and %d; ", b.More)
		}
		lines = append(lines, line)
	}
	return lines
}

// summary is a source of counts.
type summary struct {
	m   syncline.MachineSummary
	err error
}

func (s summary) MachineSummary(context.Context) (syncline.MachineSummary, error) { return s.m, s.err }
