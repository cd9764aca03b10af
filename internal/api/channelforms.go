package api

import (
	"fmt"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

func channelLink(id syncline.ID) v6.Link {
	return v6.Link{Href: "/v6/NotificationChannels/" + string(id)}
}

func channelJSON(c syncline.Channel, attached []syncline.Repository) v6.NotificationChannel {
	s := c.Settings
	detached, _ := c.Detached(attached)
	answer := v6.NotificationChannel{
		ID: c.ID, Name: c.Name, Kind: c.Kind, Enabled: c.Enabled, MinimumSeverity: c.MinimumSeverity, RepositoryIDs: presentIDs(c.RepositoryIDs),
		Subject: present(c.Subject), Body: present(c.Body), HasSecret: c.HasSecret,
		LastSentTime: timeJSON(c.LastSentAt), LastFailedTime: timeJSON(c.LastFailedAt), LastError: present(c.LastError),
		DetachedRepositoryIDs: presentIDs(detached),
		Links:                 v6.NotificationChannelLinks{Self: channelLink(c.ID), Deliveries: v6.Link{Href: channelLink(c.ID).Href + "/Deliveries"}},
	}
	switch c.Kind {
	case syncline.ChannelEmail:
		answer.Email = &v6.EmailSettings{Host: s.Host, Port: s.Port, Encryption: s.Encryption, UserName: present(s.UserName), From: s.From, To: s.To}
	case syncline.ChannelWebhook:
		answer.Webhook = &v6.WebhookSettings{URL: s.URL}
	case syncline.ChannelAlertmanager:
		answer.Alertmanager = &v6.AlertmanagerSettings{URL: s.URL, UserName: present(s.UserName)}
	case syncline.ChannelChat:
		answer.Chat = &v6.ChatSettings{Service: present(s.Service)}
	case syncline.ChannelHeartbeat:
		answer.Heartbeat = &v6.HeartbeatSettings{Interval: syncline.FormatInterval(s.Interval)}
	}
	if d := c.Digest; d.Every != "" {
		answer.Digest = &v6.NotificationDigest{Every: d.Every, Time: fmt.Sprintf("%02d:%02d", d.Minute/60, d.Minute%60), TimeZone: present(d.TimeZone)}
		if d.Every == syncline.DigestWeekly {
			answer.Digest.Weekday = present(d.Weekday.String())
		}
	}
	return answer
}

func presentIDs(list []syncline.ID) *[]v6.Id {
	if len(list) == 0 {
		return nil
	}
	return &list
}

func deliveryJSON(d syncline.Delivery) v6.NotificationDelivery {
	return v6.NotificationDelivery{
		ID: d.ID, Kind: d.Kind, State: d.State, Attempts: d.Attempts, CreatedTime: d.CreatedAt.UTC(),
		NextTime: timeJSON(d.NextAt), EndTime: timeJSON(d.EndedAt), Error: present(d.Error), More: present(d.More),
		Alarms: convert(d.Notices, func(n syncline.Notice) v6.NotificationAlarm {
			return v6.NotificationAlarm{
				Event: n.Event, AlarmID: n.AlarmID, Kind: n.Kind, Severity: n.Severity,
				RepositoryName: present(n.RepositoryName), HostName: present(n.HostName), Message: n.Message,
			}
		}),
	}
}
