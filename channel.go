package syncline

import "time"

// ChannelKind is a way to tell people of alarms.
type ChannelKind string

// The kinds of channels.
const (
	ChannelEmail        ChannelKind = "Email"
	ChannelWebhook      ChannelKind = "Webhook"
	ChannelAlertmanager ChannelKind = "Alertmanager"
	ChannelChat         ChannelKind = "Chat"
	// ChannelHeartbeat tells of no alarm. It is called while the checks go well, so that
	// another service notices when they do not.
	ChannelHeartbeat ChannelKind = "Heartbeat"
)

// Channel is a receiver of notifications. Its secret is kept apart from it.
type Channel struct {
	ID      ID
	Name    string
	Kind    ChannelKind
	Enabled bool
	// MinimumSeverity and RepositoryIDs select the alarms. An empty list selects all,
	// those of the server itself included.
	MinimumSeverity Severity
	RepositoryIDs   []ID
	Settings        ChannelSettings
	// Subject and Body are templates of text/template, "" for the built-in ones.
	Subject, Body string
	Digest        Digest
	HasSecret     bool
	CreatedAt     time.Time
	ChannelHealth
}

// Detached returns the channel's repositories that are not among the attached ones, and
// whether the channel hears of no alarm for that reason.
func (c *Channel) Detached(attached []Repository) (gone []ID, mute bool) {
	there := make(map[ID]bool, len(attached))
	for i := range attached {
		there[attached[i].ID] = true
	}
	for _, id := range c.RepositoryIDs {
		if !there[id] {
			gone = append(gone, id)
		}
	}
	return gone, len(gone) > 0 && len(gone) == len(c.RepositoryIDs)
}

// ChannelHealth is how the channel did so far.
type ChannelHealth struct {
	LastSentAt   time.Time // zero for never
	LastFailedAt time.Time
	LastError    string // of that failure; "" when a later message was sent
	// DigestFrom is the time from which on the next digest is due.
	DigestFrom time.Time
}

// MailEncryption is how the connection to a mail server is encrypted.
type MailEncryption string

// The encryptions. None of them is chosen by itself.
const (
	MailStartTLS MailEncryption = "StartTLS"
	MailTLS      MailEncryption = "TLS"
	MailPlain    MailEncryption = "None"
)

// ChannelSettings are the settings of a channel that are no secret. Each kind has its
// own.
type ChannelSettings struct {
	// E-mail. UserName is that of the server, "" for no sign-in; the secret is its
	// password.
	Host       string         `json:"host,omitempty"`
	Port       int            `json:"port,omitempty"`
	Encryption MailEncryption `json:"encryption,omitempty"`
	UserName   string         `json:"userName,omitempty"`
	From       string         `json:"from,omitempty"`
	To         []string       `json:"to,omitempty"`

	// Webhook and Alertmanager. The secret of a webhook signs its messages. The secret of
	// an Alertmanager is the password of UserName, or a bearer token without one.
	URL string `json:"url,omitempty"`

	// Chat: the service's name. The secret is its whole address.
	Service string `json:"service,omitempty"`

	// Heartbeat: the time between two calls. The secret is the address.
	Interval time.Duration `json:"interval,omitempty"`
}

// DigestRhythm is how often a channel gets a digest.
type DigestRhythm string

// The rhythms; "" is for no digest.
const (
	DigestDaily  DigestRhythm = "Daily"
	DigestWeekly DigestRhythm = "Weekly"
)

// Digest says when a channel is told how all machines are.
type Digest struct {
	Every    DigestRhythm
	Minute   int          // of the day, by the clock of TimeZone
	Weekday  time.Weekday // for DigestWeekly
	TimeZone string       // a name of the IANA database; "" for UTC
}

// MachineSummary counts the machines by the state of their backups.
type MachineSummary struct {
	InTime, Late, Unknown, Retired int
}

// Notice is what a notification says of one alarm.
type Notice struct {
	Event          AlarmEvent `json:"event"`
	At             time.Time  `json:"time"` // of the event
	AlarmID        ID         `json:"alarmId"`
	Kind           AlarmKind  `json:"kind"`
	Severity       Severity   `json:"severity"`
	RepositoryID   ID         `json:"repositoryId,omitempty"`
	RepositoryName string     `json:"repositoryName,omitempty"`
	HostName       string     `json:"hostName,omitempty"`
	Paths          []string   `json:"paths,omitempty"`
	Message        string     `json:"message"`
	StartedAt      time.Time  `json:"startTime"`
	EndedAt        time.Time  `json:"endTime,omitzero"`
	Link           string     `json:"link,omitempty"`
}

// DeliveryKind is the reason of a message.
type DeliveryKind string

// The reasons.
const (
	DeliveryAlarms DeliveryKind = "Alarms"
	DeliveryDigest DeliveryKind = "Digest"
	DeliveryTest   DeliveryKind = "Test"
)

// DeliveryState is what became of a message.
type DeliveryState string

// The states. Pending messages are tried again; the others stay as they are.
const (
	DeliveryPending DeliveryState = "Pending"
	DeliverySent    DeliveryState = "Sent"
	DeliveryFailed  DeliveryState = "Failed" // given up
)

// Delivery is one message on its way to one channel.
type Delivery struct {
	ID        ID // the same at every attempt, and told to the receiver
	ChannelID ID
	Kind      DeliveryKind
	Notices   []Notice // of alarms, at most MaxNotices
	More      int      // notices beyond these
	Digest    *DigestReport
	CreatedAt time.Time
	State     DeliveryState
	Attempts  int
	NextAt    time.Time // of the next attempt; zero when there is none
	EndedAt   time.Time // zero while pending
	Error     string    // of the last attempt, "" for none
}

// DigestReport is what a digest says.
type DigestReport struct {
	Machines *MachineSummary `json:"machines,omitempty"` // nil where it is unknown
	Open     int             `json:"openAlarms"`         // that the channel is told of
}

// MaxNotices bounds the alarms in one message.
const MaxNotices = 100

// ChannelTest is what became of a test of a channel.
type ChannelTest struct {
	Delivery Delivery
	// Subject and Text are what was sent; "" for a heartbeat.
	Subject, Text string
}
