package main_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"syncline.dev/syncline/internal/resticfixture"
)

// inbox is a mail server that keeps the mails that it takes.
type inbox struct {
	smtp.Session
	mu    sync.Mutex
	mails []string
}

func (b *inbox) NewSession(*smtp.Conn) (smtp.Session, error) { return b, nil }
func (b *inbox) Mail(string, *smtp.MailOptions) error        { return nil }
func (b *inbox) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (b *inbox) Reset()                                      {}
func (b *inbox) Logout() error                               { return nil }

func (b *inbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, string(text))
	return err
}

// subjects returns those of the mails with a text.
func (b *inbox) subjects(text string) (list []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.mails {
		if !strings.Contains(m, text) {
			continue
		}
		for line := range strings.SplitSeq(m, "\r\n") {
			if s, ok := strings.CutPrefix(line, "Subject: "); ok {
				list = append(list, s)
			}
		}
	}
	return list
}

// startInbox starts a mail server and returns its port.
func startInbox(t *testing.T) (*inbox, int) {
	t.Helper()
	b := &inbox{}
	server := smtp.NewServer(b)
	server.Domain, server.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	return b, ln.Addr().(*net.TCPAddr).Port
}

// hook is a webhook's receiver that checks the signatures.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	events []string
	calls  int // of any other path
}

func startHook(t *testing.T, secret string) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		if r.URL.Path != "/hook" {
			h.calls++
			return
		}
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%s.%s", r.Header.Get("Syncline-Timestamp"), body)
		if r.Header.Get("Syncline-Signature") != "v1="+hex.EncodeToString(mac.Sum(nil)) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		var message struct {
			Alarms []struct{ Event, Kind, Severity, RepositoryName string }
		}
		_ = json.Unmarshal(body, &message)
		for _, a := range message.Alarms {
			// The fixture is long silent, which is another alarm, and the disk may be nearly full.
			if a.Kind == "BackupLate" && a.Severity == "Critical" {
				h.events = append(h.events, a.Event+" "+a.Kind+" "+a.RepositoryName)
			}
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) beats() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return []string{fmt.Sprint(h.calls)}
}

func (h *hook) heard() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events)
}

// within waits until a list is as wanted.
func within(t *testing.T, what string, got func() []string, want ...string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !slices.Equal(got(), want); {
		if time.Now().After(end) {
			t.Fatalf("%s: got %q, want %q", what, got(), want)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// lateAlarms makes all series of a repository of old backups late by a rule, and returns how many
// alarms that is.
func (n *node) lateAlarms(repo string) (count int) {
	n.t.Helper()
	var list machineList
	n.untilChecked(repo, "no machine is seen", func(checked) bool {
		n.call("GET", "/v6/Machines", nil, 200, &list)
		return len(list.Results) > 0
	})
	for _, m := range list.Results {
		count += len(m.Series)
	}
	n.call("POST", "/v6/AlarmRules", object{"name": "hourly", "maxAge": "1h", "severity": "Critical"}, 201, nil)
	n.finish(n.sync(repo).ID) // after it the server looks
	n.openAlarms("BackupLate", count)
	return count
}

// retireAll ends the watch of all machines, and so their alarms.
func (n *node) retireAll() {
	n.t.Helper()
	var list machineList
	n.call("GET", "/v6/Machines", nil, 200, &list)
	for _, m := range list.Results {
		n.call("POST", "/v6/Machines/"+m.ID+"/Retire", nil, 200, nil)
	}
}

// Late backups become alarms. One mail and one webhook tell of all of them, once, also
// when the server is killed and starts again, and once of their end.
func TestAlarmsAreToldOnce(t *testing.T) {
	t.Parallel()
	const secret = "a-secret-for-signatures"
	mails, port := startInbox(t)
	hooks := startHook(t, secret)
	data := t.TempDir()
	flags := []string{"--sync-interval", "1m", "--notification-delay", "1s"}
	n := start(t, data, flags...)
	n.add("/v6/NotificationChannels", 201, object{
		"name": "mail", "kind": "Email",
		"email": object{"host": "127.0.0.1", "port": port, "encryption": "None", "from": "syncline@example.org", "to": []string{"oncall@example.org"}},
	})
	n.add("/v6/NotificationChannels", 201, object{"name": "hook", "kind": "Webhook", "webhook": object{"url": hooks.URL + "/hook"}, "secret": secret, "minimumSeverity": "Warning"})
	n.add("/v6/NotificationChannels", 201, object{"name": "beat", "kind": "Heartbeat", "heartbeat": object{"interval": "1h"}, "secret": hooks.URL + "/beat"})
	id := n.attachFixture("main", resticfixture.Unpack(t, "v2-old"))
	n.untilChecked(id, "synchronized", func(r checked) bool { return !r.IsOutOfSync })
	within(t, "heartbeats", hooks.beats, "1")

	count := n.lateAlarms(id)
	began := slices.Repeat([]string{"Began BackupLate main"}, count)
	within(t, "the webhook", hooks.heard, began...)
	within(t, "the mails", func() []string { return []string{fmt.Sprint(len(mails.subjects("is late")))} }, "1")
	alarm := n.handleAlarms(count)
	_ = n.signal(syscall.SIGKILL)
	told := n.output.String() + n.said.String()

	n = start(t, data, flags...)
	n.finish(n.sync(id).ID) // after a start it tells nothing of a repository before it looks
	n.retireAll()
	n.openAlarms("BackupLate", 0)
	within(t, "the webhook", hooks.heard, append(began, slices.Repeat([]string{"Ended BackupLate main"}, count)...)...)
	within(t, "the mails", func() []string { return []string{fmt.Sprint(len(mails.subjects("is late")))} }, "2")
	var ended struct{ AcknowledgedBy, Note, State string }
	n.call("GET", "/v6/Alarms/"+alarm, nil, 200, &ended)
	if ended.AcknowledgedBy != "administrator" || ended.Note != "it is being moved" || ended.State != "Ended" {
		t.Errorf("got %+v", ended)
	}
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	if told += n.output.String() + n.said.String(); strings.Contains(told, secret) || strings.Contains(told, hooks.URL+"/beat") {
		t.Error("a secret is in the log or in an answer")
	}
}

// handleAlarms lists the open alarms with the command, and handles one of them.
func (n *node) handleAlarms(count int) (id string) {
	n.t.Helper()
	u := n.user(nil)
	u.must(0, "", "login", n.url, "--fingerprint", n.fingerprint())
	u.env = append(u.env, "SYNCLINE_SERVER="+n.url)
	if out := u.must(0, "", "alarms", "--kind", "BackupLate"); !strings.Contains(out, "Critical") || !strings.Contains(out, fmt.Sprintf("\n%d alarms open;", count)) {
		n.t.Errorf("alarms says %s", out)
	}
	var list []struct{ ID, Kind, State string }
	if err := json.Unmarshal([]byte(u.must(0, "", "alarms", "--json", "--kind", "BackupLate")), &list); err != nil || len(list) != count {
		n.t.Fatalf("got %v, %v", list, err)
	}
	u.must(0, "", "alarms", "ack", list[0].ID, "--note", "it is being moved")
	u.must(0, "", "alarms", "silence", list[0].ID, "--until", "2h")
	u.must(0, "", "alarms", "silence", list[0].ID[:13], "--until", "none")
	u.must(1, "--until", "alarms", "silence", list[0].ID, "--until", "soon")
	if out := u.must(0, "", "alarms", "--all"); !strings.Contains(out, "known to administrator") {
		n.t.Errorf("alarms says %s", out)
	}
	return list[0].ID
}
