package notify

import (
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"time"
	"unicode"

	"syncline.dev/syncline"
)

// The bounds of a channel.
const (
	maxReceivers  = 50
	minSecret     = 16
	maxSecret     = 4096
	maxAddress    = 2048
	minInterval   = time.Minute
	maxInterval   = 7 * 24 * time.Hour
	maxChannelIDs = 1000
)

// Check makes sure that a channel can be used with a secret, and sets what follows from
// it, such as the name of a chat's service. Errors are CodeInvalid and name the field.
func (n *Network) Check(c *syncline.Channel, secret string) error {
	if len(secret) > maxSecret {
		return invalid("secret is too long; it has at most %d bytes", maxSecret)
	}
	if len(c.RepositoryIDs) > maxChannelIDs {
		return invalid("repositoryIds names more than %d repositories; leave it out for all", maxChannelIDs)
	}
	if err := checkTemplates(c); err != nil {
		return err
	}
	if err := checkDigest(c); err != nil {
		return err
	}
	switch c.Kind {
	case syncline.ChannelEmail:
		return checkEmail(&c.Settings, secret)
	case syncline.ChannelWebhook:
		if len(secret) < minSecret {
			return invalid("secret is required; it signs the messages and has at least %d bytes", minSecret)
		}
		return checkURL("webhook.url", c.Settings.URL)
	case syncline.ChannelAlertmanager:
		if c.Settings.UserName != "" && secret == "" {
			return invalid("secret is required with alertmanager.userName; give the password")
		}
		return checkURL("alertmanager.url", c.Settings.URL)
	case syncline.ChannelChat:
		client, err := n.client()
		if err != nil {
			return err
		}
		c.Settings.Service, _, err = chatService(secret, client)
		return err
	case syncline.ChannelHeartbeat:
		if c.Settings.Interval < minInterval || c.Settings.Interval > maxInterval {
			return invalid("heartbeat.interval must be between 1m and 168h")
		}
		return checkURL("secret", secret)
	}
	return invalid("kind must be one of Email, Webhook, Alertmanager, Chat, Heartbeat")
}

func invalid(format string, args ...any) error {
	return syncline.Errorf(syncline.CodeInvalid, format, args...)
}

func checkURL(field, address string) error {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return invalid("%s is required; give an address such as https://host/path", field)
	case len(address) > maxAddress:
		return invalid("%s is too long; it has at most %d bytes", field, maxAddress)
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Host == "", u.Fragment != "":
		return invalid("%s must be an address such as https://host/path", field)
	case u.User != nil:
		return invalid("%s must hold no user name and no password", field)
	}
	return nil
}

func checkEmail(s *syncline.ChannelSettings, secret string) error {
	switch {
	case s.Host == "" || len(s.Host) > 255 || strings.ContainsFunc(s.Host, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("/@[]", r)
	}):
		return invalid("email.host must be the name or the address of a mail server")
	case s.Port < 1 || s.Port > 65535:
		return invalid("email.port must be between 1 and 65535; 587 is usual with StartTLS, 465 with TLS")
	case s.Encryption != syncline.MailStartTLS && s.Encryption != syncline.MailTLS && s.Encryption != syncline.MailPlain:
		return invalid("email.encryption must be StartTLS, TLS or None")
	case s.UserName != "" && s.Encryption == syncline.MailPlain:
		return invalid("email.userName needs an encrypted connection; choose StartTLS or TLS as email.encryption")
	case s.UserName != "" && secret == "":
		return invalid("secret is required with email.userName; give the password")
	case s.UserName == "" && secret != "":
		return invalid("email.userName is required with a secret; give the name that the mail server knows")
	case len(s.To) == 0 || len(s.To) > maxReceivers:
		return invalid("email.to must name 1 to %d receivers", maxReceivers)
	}
	for i, address := range append([]string{s.From}, s.To...) {
		a, err := mail.ParseAddress(address)
		if err != nil || len(address) > 320 || strings.ContainsFunc(address, unicode.IsControl) || !strings.Contains(a.Address, "@") {
			field := "email.from"
			if i > 0 {
				field = fmt.Sprintf("email.to.%d", i-1)
			}
			return invalid("%s must be a mail address such as name@example.org", field)
		}
	}
	return nil
}

func checkTemplates(c *syncline.Channel) error {
	if (c.Kind == syncline.ChannelAlertmanager || c.Kind == syncline.ChannelHeartbeat) && (c.Subject != "" || c.Body != "") {
		return invalid("subject and body have no use in a channel of the kind %s; leave them out", c.Kind)
	}
	for _, alarms := range []int{1, 3} {
		for _, kind := range []syncline.AlarmEvent{syncline.AlarmBegan, syncline.AlarmEnded} {
			d := syncline.Delivery{Kind: syncline.DeliveryAlarms, Notices: sample(time.Now(), alarms), CreatedAt: time.Now()}
			for i := range d.Notices {
				d.Notices[i].Event = kind
			}
			if _, err := message(c, d); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkDigest(c *syncline.Channel) error {
	d := c.Digest
	if d.Every == "" {
		return nil
	}
	if c.Kind == syncline.ChannelAlertmanager || c.Kind == syncline.ChannelHeartbeat {
		return invalid("digest has no use in a channel of the kind %s; leave it out", c.Kind)
	}
	if d.Every != syncline.DigestDaily && d.Every != syncline.DigestWeekly {
		return invalid("digest.every must be Daily or Weekly")
	}
	if d.Minute < 0 || d.Minute >= 24*60 {
		return invalid("digest.time must be a time of day such as 07:30")
	}
	if _, err := time.LoadLocation(d.TimeZone); err != nil || d.TimeZone == "Local" {
		return invalid("digest.timeZone must be a name such as Europe/Berlin")
	}
	return nil
}

// sample returns made-up alarms.
func sample(now time.Time, n int) (list []syncline.Notice) {
	for range n {
		list = append(list, syncline.Notice{
			Event: syncline.AlarmBegan, At: now, AlarmID: "00000000-0000-4000-8000-000000000000",
			Kind: syncline.AlarmBackupLate, Severity: syncline.SeverityWarning,
			RepositoryID: "00000000-0000-4000-8000-000000000000", RepositoryName: "example", HostName: "example",
			Paths: []string{"/home"}, Message: "the last backup is 30 hours old, and one comes every 24 hours; look at the backup job on the host",
			StartedAt: now,
		})
	}
	return list
}
