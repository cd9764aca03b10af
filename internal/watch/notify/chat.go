package notify

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/discord"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/googlechat"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/mattermost"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/rocketchat"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/slack"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/teams"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/telegram"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/gotify"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/ntfy"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/pushover"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/clip"
)

// chatServices are the services that Syncline writes to. Those whose host the user
// names are called through Syncline's own client; the others have one host that is
// theirs.
var chatServices = []string{
	"discord", "googlechat", "gotify", "mattermost", "ntfy", "pushover", "rocketchat", "slack", "teams", "telegram",
}

// maxChat bounds a message in bytes; the services take 2,000 or more.
const maxChat = 1900

// chatService returns the service of an address, ready to send.
func chatService(address string, client *http.Client) (name string, _ types.Service, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", nil, syncline.Errorf(syncline.CodeInvalid, "the address of a chat must be a URL such as slack://…, as shoutrrr has them")
	}
	name = strings.ToLower(u.Scheme)
	if !slices.Contains(chatServices, name) {
		return "", nil, syncline.Errorf(syncline.CodeInvalid, "the address of a chat must begin with the name of a service and ://; the services are %s", strings.Join(chatServices, ", "))
	}
	if name == "googlechat" && u.Host != "chat.googleapis.com" {
		return "", nil, syncline.Errorf(syncline.CodeInvalid, "the host of Google Chat is chat.googleapis.com")
	}
	service := newChatService(name, client)
	if err := service.Initialize(u, log.New(io.Discard, "", 0)); err != nil {
		return "", nil, syncline.Errorf(syncline.CodeInvalid, "the address of the chat is not one of %s's: %s", name, redact(err.Error(), address))
	}
	if bot, ok := service.(*telegram.Service); ok {
		service = &telegramBot{bot, client}
	}
	return name, service, useClient(service, client)
}

func newChatService(name string, client *http.Client) types.Service {
	switch name {
	case "discord":
		return &discord.Service{}
	case "googlechat":
		return &googlechat.Service{}
	case "gotify":
		return &gotify.Service{}
	case "mattermost":
		return &mattermost.Service{}
	case "ntfy":
		return &ntfy.Service{}
	case "pushover":
		return &pushover.Service{}
	case "rocketchat":
		return &rocketchat.Service{Client: client}
	case "slack":
		return &slack.Service{}
	case "teams":
		return &teams.Service{}
	}
	return &telegram.Service{}
}

// useClient makes a service call through a client. It refuses the settings of an address
// that the client does not honour.
func useClient(service types.Service, client *http.Client) error {
	unsafe := syncline.Errorf(syncline.CodeInvalid, "an address that turns the check of certificates off is not taken; name the server's certificate with serve --cacert")
	switch s := service.(type) {
	case *discord.Service:
		s.HTTPClient = client
	case *pushover.Service:
		s.Client = client
	case *ntfy.Service:
		if s.Config.DisableTLSVerification {
			return unsafe
		}
		s.SetHTTPClient(client)
	case *gotify.Service:
		if s.Config.InsecureSkipVerify {
			return unsafe
		}
		*s.GetHTTPClient() = *client
	case *telegramBot:
		if s.Config.Title != "" {
			return syncline.Errorf(syncline.CodeInvalid, "title in the address of a Telegram chat is not taken; the subject of a message says what it is about")
		}
	case *mattermost.Service:
		*s.GetHTTPClient() = *client
	}
	return nil
}

// sendChat sends a message to a chat. The library takes no context, so an attempt that
// takes too long is left behind; no other one begins before it has ended.
func (n *Network) sendChat(ctx context.Context, t target, m Message) error {
	client, err := n.client()
	if err != nil {
		return err
	}
	_, service, err := chatService(t.secret, client)
	if err != nil {
		return err
	}
	text := clip.Text(m.Subject+"\n\n"+m.Text, maxChat)
	failure, err := n.tryChat(ctx, t.ID, func() error {
		defer client.CloseIdleConnections()
		return service.Send(text, &types.Params{})
	})
	if failure != nil {
		err = unreachable(&redacted{failure, redact(failure.Error(), t.secret)})
		return syncline.Errorf(syncline.CodeUnavailable, "%s", redact(syncline.MessageOf(err), t.secret))
	}
	return err
}

// tryChat makes an attempt and returns its error, and an error of its own where there is
// no answer. The attempt has ended before its answer is told: the next message may follow
// at once.
func (n *Network) tryChat(ctx context.Context, chat syncline.ID, attempt func() error) (failure, err error) {
	if !n.begin(chat) {
		return nil, syncline.Errorf(syncline.CodeUnavailable, "the chat has not answered the message before this one")
	}
	answered := make(chan error, 1)
	go func() {
		failure := attempt()
		n.end(chat)
		answered <- failure
	}()
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	select {
	case failure = <-answered:
		return failure, nil
	case <-ctx.Done():
		return nil, syncline.Errorf(syncline.CodeUnavailable, "the chat did not answer within %s", sendTime)
	}
}

// redacted is an error whose text tells no secret, also when it is cut.
type redacted struct {
	error
	text string
}

func (r *redacted) Error() string { return r.text }
func (r *redacted) Unwrap() error { return r.error }

// redact takes the parts of an address out of a text.
func redact(text, address string) string {
	text = strings.ReplaceAll(text, address, "…")
	parts := strings.FieldsFunc(address, func(r rune) bool { return strings.ContainsRune(":/?&=@#;,", r) })
	for _, part := range parts[min(1, len(parts)):] { // after the service's name
		forms := []string{part}
		if plain, err := url.QueryUnescape(part); err == nil {
			forms = append(forms, plain)
		}
		for _, form := range forms {
			if len(form) >= 4 {
				text = strings.ReplaceAll(text, form, "…")
			}
		}
	}
	return clean(text, 300)
}
