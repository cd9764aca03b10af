package notify

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/nicholas-fedor/shoutrrr/pkg/types"
	"syncline.dev/syncline"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A message counts as sent when Telegram has said so, and only then.
func TestTelegram(t *testing.T) {
	const address = "telegram://110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaww@telegram?chats=-100:7,@ours&parsemode=HTML"
	status, body := http.StatusOK, `{"ok":true}`
	var failure error
	var sent []string
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		text, _ := io.ReadAll(r.Body)
		sent = append(sent, r.URL.Path+" "+string(text))
		return &http.Response{StatusCode: status, Status: strconv.Itoa(status), Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, failure
	})}
	_, bot, err := chatService(address, client)
	if err != nil {
		t.Fatal(err)
	}
	if err := bot.Send("a is late", &types.Params{}); err != nil || len(sent) != 2 {
		t.Fatalf("got %q, %v", sent, err)
	}
	for _, want := range []string{"/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaww/sendMessage", `"text": "a is late"`, `"chat_id": "-100"`, `"message_thread_id": 7`, `"parse_mode": "HTML"`} {
		if !strings.Contains(sent[0], want) {
			t.Errorf("%s lacks %s", sent[0], want)
		}
	}
	for _, x := range []struct {
		status     int
		body, want string
		failure    error
	}{
		{200, "", "cannot be reached", io.ErrUnexpectedEOF},
		{502, "<html>bad gateway</html>", "502", nil},
		{200, "<html>sign in to this network</html>", "invalid character", nil},
		{403, `{"ok":false,"description":"bot was blocked"}`, "bot was blocked", nil},
		{200, `{"ok":false,"description":"no such chat"}`, "no such chat", nil},
		{200, `{}`, "did not take", nil},
	} {
		status, body, failure = x.status, x.body, x.failure
		err := bot.Send("a is late", &types.Params{})
		if err == nil || !strings.Contains(err.Error()+syncline.MessageOf(unreachable(err)), x.want) {
			t.Errorf("%d %q: got %v", x.status, x.body, err)
		}
	}
	for _, bad := range []string{address + "&title=x", "telegram://dummy@dummy.com"} {
		_, bot, err := chatService(bad, client)
		if err == nil {
			err = bot.Send("a is late", &types.Params{})
		}
		if err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// A failure tells no secret, also not a part that is left when its text is cut.
func TestFailuresTellNoSecret(t *testing.T) {
	const password = "a-password-of-ours"
	w := newWorld(t)
	echo := newListener(t)
	echo.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, password, _ := r.BasicAuth()
		_, _ = io.WriteString(w, strings.Repeat("x", 190)+r.Header.Get("Authorization")+password)
	})
	for _, user := range []string{"", "u"} {
		c := w.channel(syncline.Channel{Kind: syncline.ChannelAlertmanager, Name: "to " + user, Settings: syncline.ChannelSettings{URL: echo.URL, UserName: user}}, password)
		o := must(w.service.Test(t.Context(), c.ID))(t)
		if o.Delivery.State != syncline.DeliveryFailed || strings.Contains(o.Delivery.Error, "a-pass") || strings.Contains(o.Delivery.Error, "dTph") {
			t.Errorf("got %+v", o.Delivery)
		}
	}
	for n := range 60 {
		text := strings.Repeat("x", 260+n) + password
		if got := redact(text, "ntfy://:"+password+"@host"); strings.Contains(got, "a-pass") {
			t.Fatalf("got %s", got)
		}
	}
}
