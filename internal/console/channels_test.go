package console_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// receiver takes the messages of a webhook.
func receiver(t *testing.T) (url string, messages <-chan string) {
	t.Helper()
	got := make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/hook" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		select {
		case got <- string(body):
		default:
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hook", got
}

// TestEveryViewOfNotifications looks at the channels in every theme and width.
func TestEveryViewOfNotifications(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	url, _ := receiver(t)
	for name, body := range map[string]map[string]any{
		"The people on call, day and night": {"kind": "Email", "minimumSeverity": "Critical", "enabled": false, "email": map[string]any{
			"host": "mail.example.org", "port": 587, "encryption": "StartTLS", "from": "syncline@example.org", "to": []string{"oncall@example.org", "second-line-of-the-office@example.org"},
		}, "digest": map[string]any{"every": "Weekly", "weekday": "Monday", "time": "07:30", "timeZone": "Europe/Berlin"}},
		"Hook":  {"kind": "Webhook", "webhook": map[string]any{"url": url}, "secret": "sixteen bytes and more"},
		"Alive": {"kind": "Heartbeat", "heartbeat": map[string]any{"interval": "5m"}, "secret": "http://127.0.0.1:1/ping"},
	} {
		body["name"] = name
		var channel struct{ ID string }
		s.call("POST", "/v6/NotificationChannels", body, &channel)
		if name == "Hook" {
			s.call("POST", "/v6/NotificationChannels/"+channel.ID+"/Test", nil, nil)
		}
	}
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("No repositories yet")
	p.open("/settings/notifications")
	p.click("button", "Log of Hook")
	p.waitText("sent")
	p.click("button", "Test Alive")
	p.wait("document.querySelector('.items [role=status]') !== null")
	p.check("settings-notifications", "second-line")
	p.everyWidth("settings-notifications", "second-line")
	for _, d := range []struct{ name, button, text string }{
		{"channel-add", "Add a channel", "Mail server"},
		{"channel-edit", "Edit The people on call", "Time zone"},
	} {
		p.open("/settings/notifications")
		p.click("main button", d.button)
		p.check("dialog-"+d.name, d.text)
		p.everyWidth("dialog-"+d.name, d.text)
	}
}

// A channel is added, tested and changed, and its log says what was sent.
func TestNotifications(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	url, messages := receiver(t)
	p := newPage(t, w.url)
	p.expect("401", "400")
	p.signIn("administrator", adminPassword)
	p.waitText("machines backed up in time")
	p.open("/settings/notifications")
	p.waitText("Nobody is told of alarms")
	p.click("button", "Add a channel")
	p.choose("Kind", "Webhook")
	p.fill("Name", "On call")
	p.fill("Address", url)
	p.fill("Key", "short")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog [role=alert]') !== null")
	p.fill("Key", "sixteen bytes and more")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null")
	p.click("button", "Test On call")
	p.waitText("The test was taken by the receiver")
	if got := <-messages; !strings.Contains(got, "est") {
		t.Errorf("the test is %s", got)
	}
	w.breakDown()
	p.click("button", "Log of On call")
	p.waitText("Synchronization failed began")
	if got := <-messages; !strings.Contains(got, "SynchronizationFailed") {
		t.Errorf("the message of the alarm is %s", got)
	}
	p.click("button", "Edit On call")
	p.fill("Address", strings.Replace(url, "/hook", "/nobody", 1))
	p.fill("Key", "sixteen bytes and more")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null")
	p.click("button", "Test On call")
	p.wait("document.querySelector('.items p.why') !== null")
	p.click("button", "Turn off On call")
	p.waitText("off")
	p.click("button", "Remove On call")
	p.click("dialog button", "Remove")
	p.wait(find("main button", "Remove On call") + " === null")
	p.waitText("Nobody is told of alarms")
	var left []struct{ ID string }
	w.call("GET", "/v6/NotificationChannels", nil, &left)
	if len(left) != 0 {
		t.Errorf("there are channels left: %v", left)
	}
}
