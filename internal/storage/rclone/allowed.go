package rclone

import (
	"log/slog"
	"os"
	"regexp"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// Allowed are the remotes that a server may use, because its operator has named them. It
// runs rclone for them with fixed arguments and a small environment.
type Allowed struct {
	names    []string
	programs *Programs
}

// Bounds of the programs of a server.
const (
	mostPrograms = 8
	idleTime     = time.Minute
	startTime    = 30 * time.Second
)

// remoteName is how rclone names remotes. No other text is one, such as a backend with
// options of its own, or an option of the program.
var remoteName = regexp.MustCompile(`^[\pL\pN_.+@]+(?:[ -]+[\pL\pN_.+@-]+)*$`)

// CheckName refuses, with CodeInvalid, a text that is no name of a remote.
func CheckName(name string) error {
	if len(name) > 200 || !remoteName.MatchString(name) {
		return syncline.Errorf(syncline.CodeInvalid, "a remote of rclone has a name of letters, digits, spaces and the signs _ . + @ - within, and no colon; rclone listremotes tells the names")
	}
	return nil
}

// NewAllowed returns the remotes with these names, which CheckName has taken. The lines that
// rclone says go to the log.
func NewAllowed(names []string, log *slog.Logger) *Allowed {
	said := &sayings{log: log, bound: rate.NewLimiter(rate.Every(sayingEvery), sayingsAtOnce)}
	return &Allowed{names: slices.Clone(names), programs: &Programs{
		// Nothing is deleted, and nobody is asked. The text after the hyphens is no option.
		Words: []string{"rclone", "serve", "restic", "--stdio", "--append-only", "--ask-password=false", "--"},
		Names: []string{"rclone", "listremotes", "--ask-password=false"},
		Env:   smallEnvironment(), Timeout: startTime, Said: said.add,
		Lines: "the server's log has its lines", Longer: "the remote may be out of the server's reach",
		Max: mostPrograms, Idle: idleTime, Patient: true,
	}}
}

// Names returns the names of the remotes.
func (a *Allowed) Names() []string { return slices.Clone(a.names) }

// Open returns the storage in a folder of a remote. It makes no request.
func (a *Allowed) Open(name, folder string) (storage.Storage, error) {
	if CheckName(name) != nil || !slices.Contains(a.names, name) {
		return nil, syncline.Errorf(syncline.CodeForbidden, "the operator of this server has not allowed this remote of rclone")
	}
	st, err := a.programs.Open(name + ":" + folder)
	if err != nil {
		return nil, err
	}
	return st, nil
}

// Close ends all programs and waits for their ends.
func (a *Allowed) Close() { a.programs.Close() }

// kept are the variables that a server's rclone gets: where programs and files are, and
// how to reach the network. The password of its configuration is among them.
var kept = []string{
	"PATH", "HOME", "USER", "TMPDIR", "LANG", "TZ", "XDG_CONFIG_HOME", "XDG_CACHE_HOME",
	"SystemRoot", "APPDATA", "LOCALAPPDATA", "USERPROFILE", "TEMP",
	"RCLONE_CONFIG", "RCLONE_CONFIG_PASS", "RCLONE_PASSWORD_COMMAND",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

func smallEnvironment() []string {
	env := []string{} // nil would stand for the whole environment
	for _, name := range kept {
		if value, there := os.LookupEnv(name); there {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// The log takes so many lines at once, and then one in this time.
const (
	sayingsAtOnce = 20
	sayingEvery   = 5 * time.Second
)

// sayings writes what programs say to a log, and not too much of it.
type sayings struct {
	log   *slog.Logger
	bound *rate.Limiter
}

func (s *sayings) add(remote, line string) {
	if line != "" && s.bound.Allow() {
		s.log.Warn("rclone says", "remote", remote, "line", line)
	}
}
