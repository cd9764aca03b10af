package notify

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/clip"
)

const (
	// alertRepeat is the time between two posts of the open alarms to an Alertmanager.
	alertRepeat = time.Minute
	// alertLife is how long an Alertmanager takes an alarm for open after the last post.
	alertLife = 5 * time.Minute
	// alertBatch bounds the alarms in one post.
	alertBatch = 100
)

// alert is one alarm in the form of Alertmanager's API, version 2.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// alertOf returns an alert. Its labels name the alarm, so they are the same from its
// begin to its end unless its severity changes.
func alertOf(n syncline.Notice, now time.Time) alert {
	a := alert{
		Labels: map[string]string{
			"alertname": "Syncline" + string(n.Kind), "kind": string(n.Kind), "severity": strings.ToLower(string(n.Severity)), "alarm": string(n.AlarmID),
		},
		Annotations: map[string]string{"summary": n.Message},
		StartsAt:    n.StartedAt.UTC(), EndsAt: now.UTC().Add(alertLife),
	}
	for name, value := range map[string]string{"repository": n.RepositoryName, "host": n.HostName, "paths": strings.Join(n.Paths, ",")} {
		if value = strings.ToValidUTF8(value, "\uFFFD"); value != "" {
			a.Labels[name] = clip.Text(value, 256)
		}
	}
	if n.Event == syncline.AlarmEnded && !n.EndedAt.IsZero() {
		a.EndsAt = n.EndedAt.UTC()
	}
	return a
}

func (n *Network) sendAlertmanager(ctx context.Context, t target, m Message) error {
	notices := m.Notices
	if m.Kind == syncline.DeliveryTest { // it ends at once
		notices = append([]syncline.Notice(nil), notices...)
		for i := range notices {
			notices[i].Event, notices[i].StartedAt, notices[i].EndedAt = syncline.AlarmBegan, t.now, t.now.Add(time.Minute)
		}
	}
	return n.postAlerts(ctx, t, notices)
}

// postAlerts posts alarms.
func (n *Network) postAlerts(ctx context.Context, t target, notices []syncline.Notice) error {
	for len(notices) > 0 {
		batch := notices[:min(alertBatch, len(notices))]
		notices = notices[len(batch):]
		alerts := make([]alert, len(batch))
		for i := range batch {
			alerts[i] = alertOf(batch[i], t.now)
		}
		body, err := json.Marshal(alerts)
		if err != nil {
			return syncline.WrapError(syncline.CodeInternal, err, "the alarms cannot be encoded")
		}
		address := strings.TrimRight(t.Settings.URL, "/") + "/api/v2/alerts"
		err = n.post(ctx, address, body, func(h http.Header) {
			r := http.Request{Header: h}
			switch {
			case t.Settings.UserName != "":
				r.SetBasicAuth(t.Settings.UserName, t.secret)
			case t.secret != "":
				h.Set("Authorization", "Bearer "+t.secret)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
