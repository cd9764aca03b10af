package api

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/store"
)

// maxChannels bounds the channels.
const maxChannels = 100

// Notifier checks and tries channels.
type Notifier interface {
	// Check fails with CodeInvalid for a channel that cannot be used with a secret. It
	// sets what follows from the rest.
	Check(c *syncline.Channel, secret string) error
	// Test sends a message at once. A failure to send is no error.
	Test(ctx context.Context, channel syncline.ID) (syncline.ChannelTest, error)
	// Wake says that a channel has changed, so that a message that waits for it goes out.
	Wake()
}

// deliveryLog reads the log of a channel. The contract is that of store.Deliveries.
type deliveryLog interface {
	Deliveries(ctx context.Context, channel syncline.ID, limit, offset int) ([]syncline.Delivery, int, error)
}

// channels answers for the channels of notifications.
type channels struct {
	store        store.Channels
	log          deliveryLog
	notifier     Notifier
	repositories Repositories
	sealer       Sealer
	made         *stamp
}

// ListNotificationChannels answers GET /v6/NotificationChannels.
func (h *channels) ListNotificationChannels(ctx context.Context, _ v6.ListNotificationChannelsRequestObject) (v6.ListNotificationChannelsResponseObject, error) {
	list, err := h.store.Channels(ctx)
	if err != nil {
		return nil, err
	}
	attached, err := h.repositories.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	return v6.ListNotificationChannels200JSONResponse(convert(list, func(c syncline.Channel) v6.NotificationChannel { return channelJSON(c, attached) })), nil
}

// GetNotificationChannel answers GET /v6/NotificationChannels/{channelId}.
func (h *channels) GetNotificationChannel(ctx context.Context, req v6.GetNotificationChannelRequestObject) (v6.GetNotificationChannelResponseObject, error) {
	c, err := h.store.Channel(ctx, req.ChannelID)
	if err != nil {
		return nil, err
	}
	attached, err := h.repositories.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	return v6.GetNotificationChannel200JSONResponse(channelJSON(c, attached)), nil
}

// AddNotificationChannel answers POST /v6/NotificationChannels.
func (h *channels) AddNotificationChannel(ctx context.Context, req v6.AddNotificationChannelRequestObject) (v6.AddNotificationChannelResponseObject, error) {
	if saysID(req.Body.ID) {
		return nil, invalid("id cannot be chosen; leave it out")
	}
	c := syncline.Channel{ID: h.made.newID(), Kind: req.Body.Kind, CreatedAt: h.made.now().UTC()}
	attached, err := h.read(ctx, &c, nil, req.Body)
	if err != nil {
		return nil, err
	}
	secret := deref(req.Body.Secret)
	if err := h.notifier.Check(&c, secret); err != nil {
		return nil, err
	}
	sealed, err := h.seal(c.ID, secret)
	if err != nil {
		return nil, err
	}
	if err := h.store.AddChannel(ctx, c, sealed, maxChannels); err != nil {
		return nil, err
	}
	h.notifier.Wake()
	c.HasSecret = secret != ""
	return v6.AddNotificationChannel201JSONResponse(channelJSON(c, attached)), nil
}

// seal seals a secret; an empty one is an empty text.
func (h *channels) seal(id syncline.ID, secret string) ([]byte, error) {
	if secret == "" {
		return []byte{}, nil
	}
	return h.sealer.Seal(id, []byte(secret))
}

// UpdateNotificationChannel answers PUT /v6/NotificationChannels/{channelId}.
func (h *channels) UpdateNotificationChannel(ctx context.Context, req v6.UpdateNotificationChannelRequestObject) (v6.UpdateNotificationChannelResponseObject, error) {
	old, err := h.store.Channel(ctx, req.ChannelID)
	if err != nil {
		return nil, err
	}
	switch {
	case saysID(req.Body.ID) && !strings.EqualFold(string(*req.Body.ID), string(old.ID)):
		return nil, invalid("id cannot be chosen or changed; leave it out")
	case req.Body.Kind != old.Kind:
		return nil, invalid("kind cannot change; add another channel instead")
	}
	c := syncline.Channel{ID: old.ID, Kind: old.Kind, CreatedAt: old.CreatedAt, ChannelHealth: old.ChannelHealth}
	attached, err := h.read(ctx, &c, old.RepositoryIDs, req.Body)
	if err != nil {
		return nil, err
	}
	secret, sealed, err := h.newSecret(ctx, &old, &c, req.Body.Secret)
	if err != nil {
		return nil, err
	}
	if err := h.notifier.Check(&c, secret); err != nil {
		return nil, err
	}
	if c.Digest == old.Digest {
		c.DigestFrom = time.Time{} // which keeps the old one
	}
	if err := h.store.UpdateChannel(ctx, c, sealed); err != nil {
		return nil, err
	}
	h.notifier.Wake()
	c.HasSecret = secret != ""
	return v6.UpdateNotificationChannel200JSONResponse(channelJSON(c, attached)), nil
}

// newSecret returns the secret that a changed channel has, and its sealed form, which is
// nil for the old one. The old secret goes to the old receiver only.
func (h *channels) newSecret(ctx context.Context, old, c *syncline.Channel, sent *string) (secret string, sealed []byte, err error) {
	if sent != nil {
		sealed, err = h.seal(c.ID, *sent)
		return *sent, sealed, err
	}
	if !old.HasSecret {
		return "", nil, nil
	}
	before, after := old.Settings, c.Settings
	before.From, before.To, before.Interval, before.Service = after.From, after.To, after.Interval, after.Service
	if !reflect.DeepEqual(before, after) {
		return "", nil, invalid("secret is required again, because the receiver or its user name changes")
	}
	kept, err := h.store.ChannelSecret(ctx, c.ID)
	if err != nil {
		return "", nil, err
	}
	plain, err := h.sealer.Open(c.ID, kept)
	if err != nil { // not the request's fault
		return "", nil, syncline.WrapError(syncline.CodeInternal, err, "%s", syncline.MessageOf(err))
	}
	return string(plain), nil, nil
}

// read takes a request's fields into a channel, and returns the attached repositories. A
// channel keeps the repositories that it had, also those that are detached.
func (h *channels) read(ctx context.Context, c *syncline.Channel, had []syncline.ID, b *v6.NotificationChannelFromClient) (attached []syncline.Repository, err error) {
	c.Name, c.Enabled, c.MinimumSeverity = strings.TrimSpace(b.Name), b.Enabled == nil || *b.Enabled, deref(b.MinimumSeverity)
	c.Subject, c.Body = deref(b.Subject), deref(b.Body)
	if c.MinimumSeverity == "" {
		c.MinimumSeverity = syncline.SeverityInfo
	}
	if c.Name == "" || hasControl(c.Name) {
		return nil, invalid("name must not be empty or hold control characters")
	}
	if attached, err = h.repositories.Repositories(ctx); err != nil {
		return nil, err
	}
	for i, id := range deref(b.RepositoryIDs) {
		id = syncline.ID(strings.ToLower(string(id)))
		if !slices.Contains(had, id) && !slices.ContainsFunc(attached, func(r syncline.Repository) bool { return r.ID == id }) {
			return nil, invalid("repositoryIds.%d names no repository; GET /v6/BackupRepositories lists them", i)
		}
		c.RepositoryIDs = append(c.RepositoryIDs, id)
	}
	if err := readSettings(c, b); err != nil {
		return nil, err
	}
	return attached, readDigest(c, b.Digest)
}

// readSettings takes the settings of the channel's kind, and refuses those of others.
func readSettings(c *syncline.Channel, b *v6.NotificationChannelFromClient) error {
	for _, s := range []struct {
		kind  syncline.ChannelKind
		name  string
		given bool
	}{
		{syncline.ChannelEmail, "email", b.Email != nil},
		{syncline.ChannelWebhook, "webhook", b.Webhook != nil},
		{syncline.ChannelAlertmanager, "alertmanager", b.Alertmanager != nil},
		{syncline.ChannelChat, "chat", b.Chat != nil},
		{syncline.ChannelHeartbeat, "heartbeat", b.Heartbeat != nil},
	} {
		switch {
		case s.given && s.kind != c.Kind:
			return invalid("%s has no use in a channel of the kind %s; leave it out", s.name, c.Kind)
		case !s.given && s.kind == c.Kind && c.Kind != syncline.ChannelChat:
			return invalid("%s is required in a channel of the kind %s", s.name, c.Kind)
		}
	}
	switch c.Kind {
	case syncline.ChannelEmail:
		c.Settings = syncline.ChannelSettings{
			Host: b.Email.Host, Port: b.Email.Port, Encryption: b.Email.Encryption, UserName: deref(b.Email.UserName), From: b.Email.From, To: b.Email.To,
		}
	case syncline.ChannelWebhook:
		c.Settings.URL = b.Webhook.URL
	case syncline.ChannelAlertmanager:
		c.Settings.URL, c.Settings.UserName = b.Alertmanager.URL, deref(b.Alertmanager.UserName)
	case syncline.ChannelHeartbeat:
		interval, err := time.ParseDuration(b.Heartbeat.Interval)
		if err != nil {
			return invalid("heartbeat.interval must be a time such as 5m")
		}
		c.Settings.Interval = interval
	case syncline.ChannelChat: // its address is the secret
	}
	return nil
}

func readDigest(c *syncline.Channel, d *v6.NotificationDigest) error {
	if d == nil {
		return nil
	}
	var hour, minute int
	if _, err := fmt.Sscanf(d.Time, "%d:%d", &hour, &minute); err != nil {
		return invalid("digest.time must be a time of day such as 07:30")
	}
	c.Digest = syncline.Digest{Every: d.Every, Minute: hour*60 + minute, TimeZone: deref(d.TimeZone)}
	weekly := d.Every == syncline.DigestWeekly
	if weekly != (deref(d.Weekday) != "") {
		return invalid("digest.weekday is required with Weekly, and has no use with Daily")
	}
	for day := time.Sunday; weekly && day <= time.Saturday; day++ {
		if day.String() == *d.Weekday {
			c.Digest.Weekday = day
		}
	}
	return nil
}

// DeleteNotificationChannel answers DELETE /v6/NotificationChannels/{channelId}.
func (h *channels) DeleteNotificationChannel(ctx context.Context, req v6.DeleteNotificationChannelRequestObject) (v6.DeleteNotificationChannelResponseObject, error) {
	if err := h.store.DeleteChannel(ctx, req.ChannelID); err != nil {
		return nil, err
	}
	return v6.DeleteNotificationChannel204Response{}, nil
}

// TestNotificationChannel answers POST /v6/NotificationChannels/{channelId}/Test.
func (h *channels) TestNotificationChannel(ctx context.Context, req v6.TestNotificationChannelRequestObject) (v6.TestNotificationChannelResponseObject, error) {
	o, err := h.notifier.Test(ctx, req.ChannelID)
	if err != nil {
		return nil, err
	}
	return v6.TestNotificationChannel200JSONResponse{
		Result: o.Delivery.State, Error: present(o.Delivery.Error), Subject: present(o.Subject), Text: present(o.Text), DeliveryID: o.Delivery.ID,
	}, nil
}

// ListNotificationDeliveries answers GET /v6/NotificationChannels/{channelId}/Deliveries.
func (h *channels) ListNotificationDeliveries(ctx context.Context, req v6.ListNotificationDeliveriesRequestObject) (v6.ListNotificationDeliveriesResponseObject, error) {
	c, err := h.store.Channel(ctx, req.ChannelID)
	if err != nil {
		return nil, err
	}
	limit, offset := int(deref(req.Params.Limit)), int(deref(req.Params.Offset))
	page, total, err := h.log.Deliveries(ctx, c.ID, limit, offset)
	if err != nil {
		return nil, err
	}
	return v6.ListNotificationDeliveries200JSONResponse{
		Offset: offset, Limit: limit, Total: total, Results: convert(page, deliveryJSON),
		Links: pageLinks(channelLink(c.ID).Href+"/Deliveries", limit, offset, total),
	}, nil
}
