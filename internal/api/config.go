package api

import (
	"context"
	"log/slog"
	"time"

	"syncline.dev/syncline/internal/gate"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/store"
)

// Sessions reads sessions.
type Sessions interface {
	sessionReader
	sessionLister
}

// Synchronizer runs sessions, and opens and lets go of repositories.
type Synchronizer interface {
	attacher
	sessionRunner
}

// Authenticator issues tokens and finds their users. The contract of the methods is
// that of auth.Service.
type Authenticator interface {
	signer
	continuer
}

// Users keeps the users who may sign in, and slows down a user who guesses. The contract of
// the methods is that of auth.Service.
type Users interface {
	userStore
	passwordKeeper
	secretComparer
}

// Explorer looks into restore points and compares them.
type Explorer interface {
	entryReader
	comparer
}

// Tracer follows requests.
type Tracer interface {
	// Request is told of a request when it begins, and at its end of the template of
	// its path, "" for none, and of its status.
	Request(ctx context.Context, method string) (_ context.Context, end func(route string, status int))
}

// Config has everything that NewHandler needs. The fields up to Version are required.
type Config struct {
	Auth           Authenticator
	Users          Users
	Managers       store.Managers
	Repositories   Repositories
	Store          repositoryStore
	Keys           store.Keys
	Accounts       store.Accounts
	ObjectStorages store.ObjectStorages
	Kinds          place.Kinds
	Places         Places
	Sessions       Sessions
	Instance       Instance
	Nodes          Nodes
	Sealer         Sealer
	Synchronizer   Synchronizer
	Checks         Checks
	Immutability   Immutability
	RestorePoints  RestorePoints
	Explorer       Explorer
	Histories      Histories
	Searcher       Searcher
	Statistics     Statistics
	Contents       Contents
	RestoreJobs    RestoreJobs
	Restorer       Restorer
	Alarms         Alarms
	Channels       store.Channels
	DeliveryLog    deliveryLog
	Notifier       Notifier
	Archives       Archives
	Machines       Machines
	AlarmRules     store.AlarmRules
	Sightings      Sightings
	Logger         *slog.Logger
	Version        string // of the program, as ServiceInstance tells it

	// Gate bounds connections, requests and memory of clients; nil stands for the
	// default limits. The Server needs the same gate.
	Gate *gate.Gate
	// Monitor answers the paths for monitoring; they do not exist when nil. MetricsToken
	// returns the token that opens the metrics beside those of users, empty for none;
	// there is none when nil.
	Monitor      Monitor
	MetricsToken func() secret.String
	// Attaching lets one request at a time attach or move a repository; nil is for a node
	// that is alone.
	Attaching Lock
	// BasePath is the path under which a reverse proxy has the server, as ParseBasePath
	// returns it. Requests may come with it or without.
	BasePath string
	// Tracer follows requests; nil for none.
	Tracer Tracer
	// Console serves the pages for people; none when nil.
	Console Console
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Heartbeat is the time between two comments on an idle event stream; 15
	// seconds when zero.
	Heartbeat time.Duration
	// WriteTimeout bounds how long a client may take to read one answer, one
	// event of a stream, or 64 KiB of a download; 30 seconds when zero.
	WriteTimeout time.Duration
	// QuestionTime bounds a question that goes through whole trees; 2 minutes when
	// zero.
	QuestionTime time.Duration
	// StrictTransport adds the header that makes browsers insist on HTTPS. It needs a
	// certificate that browsers trust: with a self-signed one it locks users out.
	StrictTransport bool
}

func (c Config) missing() string {
	for _, f := range []struct {
		name   string
		absent bool
	}{
		{"Auth", c.Auth == nil},
		{"Users", c.Users == nil},
		{"Managers", c.Managers == nil},
		{"Repositories", c.Repositories == nil},
		{"Store", c.Store == nil},
		{"Keys", c.Keys == nil},
		{"Accounts", c.Accounts == nil},
		{"ObjectStorages", c.ObjectStorages == nil},
		{"Places", c.Places == nil},
		{"Sessions", c.Sessions == nil},
		{"Instance", c.Instance == nil},
		{"Nodes", c.Nodes == nil},
		{"Sealer", c.Sealer == nil},
		{"Synchronizer", c.Synchronizer == nil},
		{"Checks", c.Checks == nil},
		{"Immutability", c.Immutability == nil},
		{"RestorePoints", c.RestorePoints == nil},
		{"Explorer", c.Explorer == nil},
		{"Histories", c.Histories == nil},
		{"Searcher", c.Searcher == nil},
		{"Statistics", c.Statistics == nil},
		{"Contents", c.Contents == nil},
		{"RestoreJobs", c.RestoreJobs == nil},
		{"Restorer", c.Restorer == nil},
		{"Channels", c.Channels == nil},
		{"DeliveryLog", c.DeliveryLog == nil},
		{"Notifier", c.Notifier == nil},
		{"Alarms", c.Alarms == nil},
		{"Archives", c.Archives == nil},
		{"Machines", c.Machines == nil},
		{"AlarmRules", c.AlarmRules == nil},
		{"Sightings", c.Sightings == nil},
		{"Logger", c.Logger == nil},
		{"Version", c.Version == ""},
	} {
		if f.absent {
			return f.name
		}
	}
	return ""
}
