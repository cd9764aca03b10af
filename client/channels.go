package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"

	"syncline.dev/syncline"
)

const channels = "NotificationChannels"

// Channel is a receiver of notifications. The settings of its kind are not nil.
type Channel struct {
	ID   syncline.ID          `json:"id"`
	Kind syncline.ChannelKind `json:"kind"`
	ChannelSettings
	HasSecret    bool      `json:"hasSecret"`
	LastSentAt   time.Time `json:"lastSentTime"`   // the last message that was taken
	LastFailedAt time.Time `json:"lastFailedTime"` // the last one that was given up
	LastError    string    `json:"lastError"`      // why; "" when a later one was taken
	// DetachedRepositoryIDs are those of RepositoryIDs that are not attached. With all of
	// them the channel hears of no alarm.
	DetachedRepositoryIDs []syncline.ID `json:"detachedRepositoryIds"`
}

// Mute reports whether all repositories that the channel is for are detached.
func (c *Channel) Mute() bool {
	return len(c.RepositoryIDs) > 0 && len(c.DetachedRepositoryIDs) == len(c.RepositoryIDs)
}

// ChannelSettings are the settings of a channel without its secret.
type ChannelSettings struct {
	Name            string            `json:"name"`
	Enabled         bool              `json:"enabled"`
	MinimumSeverity syncline.Severity `json:"minimumSeverity,omitempty"` // "" for all
	// RepositoryIDs selects alarms; empty for those of all repositories and of the server.
	RepositoryIDs []syncline.ID         `json:"repositoryIds,omitempty"`
	Email         *EmailSettings        `json:"email,omitempty"`
	Webhook       *WebhookSettings      `json:"webhook,omitempty"`
	Alertmanager  *AlertmanagerSettings `json:"alertmanager,omitempty"`
	Chat          *ChatSettings         `json:"chat,omitempty"`
	Heartbeat     *HeartbeatSettings    `json:"heartbeat,omitempty"`
	// Subject and Body are templates of text/template; "" for the built-in ones.
	Subject string         `json:"subject,omitempty"`
	Body    string         `json:"body,omitempty"`
	Digest  *ChannelDigest `json:"digest,omitempty"`
}

// EmailSettings are the settings of a channel for e-mail. Its secret is the password.
type EmailSettings struct {
	Host       string                  `json:"host"`
	Port       int                     `json:"port"`
	Encryption syncline.MailEncryption `json:"encryption"`
	UserName   string                  `json:"userName,omitempty"` // "" for no sign-in
	From       string                  `json:"from"`
	To         []string                `json:"to"`
}

// WebhookSettings are the settings of a webhook. Its secret signs the messages.
type WebhookSettings struct {
	URL string `json:"url"`
}

// AlertmanagerSettings are the settings of an Alertmanager. Its secret is the password of
// UserName, or a bearer token.
type AlertmanagerSettings struct {
	URL      string `json:"url"`
	UserName string `json:"userName,omitempty"`
}

// ChatSettings are the settings of a chat. Its secret is the address.
type ChatSettings struct {
	Service string `json:"service,omitempty"` // given by the server
}

// HeartbeatSettings are the settings of a heartbeat. Its secret is the address.
type HeartbeatSettings struct {
	Interval string `json:"interval"` // such as 5m
}

// ChannelDigest says when a channel is told how all machines are.
type ChannelDigest struct {
	Every    syncline.DigestRhythm `json:"every"`
	Time     string                `json:"time"`               // such as 07:30
	Weekday  string                `json:"weekday,omitempty"`  // such as Monday, for a weekly one
	TimeZone string                `json:"timeZone,omitempty"` // "" for UTC
}

// channelToSend is a channel as the server reads it.
type channelToSend struct {
	Kind syncline.ChannelKind `json:"kind"`
	ChannelSettings
	Secret *string `json:"secret,omitempty"`
}

// ChannelTest is what became of a test of a channel.
type ChannelTest struct {
	Result     syncline.DeliveryState `json:"result"`
	Error      string                 `json:"error"`
	Subject    string                 `json:"subject"` // as it was sent
	Text       string                 `json:"text"`
	DeliveryID syncline.ID            `json:"deliveryId"`
}

// Delivery is one message to a channel.
type Delivery struct {
	ID        syncline.ID            `json:"id"`
	Kind      syncline.DeliveryKind  `json:"kind"`
	State     syncline.DeliveryState `json:"state"`
	Attempts  int                    `json:"attempts"`
	CreatedAt time.Time              `json:"createdTime"`
	NextAt    time.Time              `json:"nextTime"` // of the next attempt; zero for none
	EndTime   time.Time              `json:"endTime"`
	Error     string                 `json:"error"` // of the last attempt
	Alarms    []DeliveredAlarm       `json:"alarms"`
	More      int                    `json:"more"` // alarms beyond these
}

// DeliveredAlarm is what a message says of one alarm.
type DeliveredAlarm struct {
	Event          syncline.AlarmEvent `json:"event"`
	AlarmID        syncline.ID         `json:"alarmId"`
	Kind           syncline.AlarmKind  `json:"kind"`
	Severity       syncline.Severity   `json:"severity"`
	RepositoryName string              `json:"repositoryName"`
	HostName       string              `json:"hostName"`
	Message        string              `json:"message"`
}

type deliveryPageJSON struct {
	Total   int        `json:"total"`
	Results []Delivery `json:"results"`
}

// Channels returns all channels, oldest first.
func (c *Client) Channels(ctx context.Context) ([]Channel, error) {
	return get[[]Channel](ctx, c, at(channels), nil)
}

// Channel returns one channel.
func (c *Client) Channel(ctx context.Context, id syncline.ID) (Channel, error) {
	return get[Channel](ctx, c, under(channels, id), nil)
}

// AddChannel adds a channel.
func (c *Client) AddChannel(ctx context.Context, kind syncline.ChannelKind, s ChannelSettings, secret string) (Channel, error) {
	body := channelToSend{kind, s, nil}
	if secret != "" {
		body.Secret = &secret
	}
	return fetch[Channel](ctx, c, call{method: http.MethodPost, path: at(channels), body: body})
}

// UpdateChannel replaces the settings of a channel. A nil secret keeps the old one, and
// an empty one removes it.
func (c *Client) UpdateChannel(ctx context.Context, id syncline.ID, kind syncline.ChannelKind, s ChannelSettings, secret *string) (Channel, error) {
	return fetch[Channel](ctx, c, call{method: http.MethodPut, path: under(channels, id), body: channelToSend{kind, s, secret}})
}

// DeleteChannel removes a channel with its log.
func (c *Client) DeleteChannel(ctx context.Context, id syncline.ID) error {
	return c.perform(ctx, http.MethodDelete, under(channels, id), nil)
}

// TestChannel sends a made-up alarm at once. A message that is not taken is no error.
func (c *Client) TestChannel(ctx context.Context, id syncline.ID) (ChannelTest, error) {
	return fetch[ChannelTest](ctx, c, call{method: http.MethodPost, path: under(channels, id, "Test")})
}

// Deliveries returns the messages to a channel, newest first.
func (c *Client) Deliveries(ctx context.Context, channel syncline.ID) iter.Seq2[Delivery, error] {
	return offsets(func(q url.Values) ([]Delivery, error) {
		page, err := get[deliveryPageJSON](ctx, c, under(channels, channel, "Deliveries"), q)
		return page.Results, err
	})
}
