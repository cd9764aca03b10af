package server

import (
	"bytes"
	"crypto/x509"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/api"
	"syncline.dev/syncline/internal/console"
	"syncline.dev/syncline/internal/peer"
	"syncline.dev/syncline/internal/place/kinds"
	"syncline.dev/syncline/internal/restore"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/settings"
	"syncline.dev/syncline/internal/traces"
	"syncline.dev/syncline/internal/watch/notify"
)

//go:generate go test -run ^TestConfigurationPage$ -update .

// Settings are what the operator of a server has chosen, as it was written. Table
// says what each of them means.
type Settings struct {
	Data, Catalogs string
	SecretKeyFile  string
	CatalogMinFree string
	HistoryCount   int
	HistoryDays    int
	SyncInterval   time.Duration
	MaxSessions    int

	Database            string
	DatabaseFile        string
	DatabaseListen      string
	DatabaseConnections int

	Listen           string
	BasePath         string
	CertFile         string
	KeyFile          string
	TrustedProxies   []string
	MetricsListen    string
	MetricsTokenFile string
	TracesEndpoint   string

	Authorities []string
	DenyPrivate bool

	OwnIdentities []string
	RcloneRemotes []string

	RestoreRoots []string
	MinFree      string
	Privileged   bool

	NotificationDelay time.Duration

	Debug bool
}

// DefaultSettings are those of a server without any flag, variable and file.
func DefaultSettings() Settings {
	return Settings{Listen: ":4443", HistoryCount: 1000, HistoryDays: 365, SyncInterval: 15 * time.Minute, DatabaseConnections: 16, NotificationDelay: notify.DefaultWindow}
}

// The bounds of DatabaseConnections, beside the one that listens. A few are needed by work
// that holds one while it asks with another, as restores do.
const (
	leastConnections = 4
	mostConnections  = 1000
)

// Table returns the table of all settings, bound to s. A new setting is one more
// entry, and a field of Settings: its flag, its variable, its key in the file, its help
// and its line in docs/configuration.md follow from the entry.
func (s *Settings) Table() settings.Table {
	return slices.Concat(settings.Table{
		{
			Name: "data", Value: &s.Data, Help: "`directory` of the server's data", Default: "syncline in the XDG data directory",
			Check: s.checkData,
		}, {
			Name: "secret-key-file", Value: &s.SecretKeyFile, Help: "`file` with the 32 bytes of the key that seals stored passwords", Default: "secret.key in the data directory, which the first start makes",
			Check: s.checkSecretKey,
		}, {
			Name: "catalogs", Value: &s.Catalogs, Help: "`directory` of the catalogs, which the server can rebuild from the repositories", Default: "catalogs in the data directory",
			Check: func() error { return s.onlySQLite(s.Catalogs) },
		}, {
			Name: "catalog-min-free", Value: &s.CatalogMinFree, Help: "`size` that catalogs leave free on their disk, as 500M", Default: "a twentieth of the disk, 256M at most",
			Check: s.checkReserve,
		}, {
			Name: "history-count", Value: &s.HistoryCount, Help: "keep this `number` of sessions of each repository, and of restores in all (0: no bound)",
			Check: func() error { return between(s.HistoryCount, 0, math.MaxInt32) },
		}, {
			Name: "history-days", Value: &s.HistoryDays, Help: "keep sessions and restores for this number of `days` (0: no bound)",
			Check: func() error { return between(s.HistoryDays, 0, 100_000) },
		}, {
			Name: "sync-interval", Value: &s.SyncInterval, Help: "`time` between two checks of a repository that has no schedule of its own (0: such repositories are not checked)", Live: true,
			Check: s.checkSyncInterval,
		}, {
			Name: "max-sessions", Value: &s.MaxSessions, Help: "run at most this `number` of sessions at once; the others wait for their turn", Default: "two for each core",
			Check: func() error { return between(s.MaxSessions, 0, math.MaxInt32) },
		},
	}, s.databaseSettings(), settings.Table{
		{
			Name: "listen", Value: &s.Listen, Help: "`address` to listen on, as HOST:PORT",
			Check: func() error { return checkAddress(s.Listen) },
		}, {
			Name: "base-path", Value: &s.BasePath, Help: "`path` under which a reverse proxy has the server, as /syncline", Default: "none",
			Check: func() error { _, err := s.basePath(); return err },
		}, {
			Name: "tls-cert", Value: &s.CertFile, Help: "`file` with the certificate chain in PEM", Default: "a self-signed one", Live: true,
			Check: s.checkCertificate,
		}, {
			Name: "tls-key", Value: &s.KeyFile, Help: "`file` with the certificate's private key in PEM", Live: true,
			Check: s.checkKey,
		}, {
			Name: "trusted-proxy", Value: &s.TrustedProxies, Help: "`network` of reverse proxies, in CIDR notation, whose X-Forwarded-For is believed", Default: "none", Live: true,
			Check: func() error { _, err := peer.ParseProxies(s.TrustedProxies); return err },
		}, {
			Name: "metrics-listen", Value: &s.MetricsListen, Help: "`address` for monitoring without a token, over plain HTTP, as HOST:PORT", Default: "none",
			Check: func() error { return checkAddress(s.MetricsListen) },
		}, {
			Name: "metrics-token-file", Value: &s.MetricsTokenFile, Help: "`file` with a token that opens /metrics", Default: "only users' tokens do", Live: true,
			Check: func() error { _, err := s.readMetricsToken(); return err },
		}, {
			Name: "traces-endpoint", Value: &s.TracesEndpoint, Help: "`address` of an OpenTelemetry collector that gets traces by OTLP over HTTP, as http://localhost:4318", Default: "$OTEL_EXPORTER_OTLP_ENDPOINT, or none",
			Check: func() error { return traces.CheckEndpoint(s.TracesEndpoint) },
		}, {
			Name: "cacert", Value: &s.Authorities, Help: "`file` with certificates to trust in object storage and receivers of notifications beside the system's", Default: "none", Live: true,
			Check: func() error { _, err := s.certificates(); return err },
		}, {
			Name: "deny-private-endpoints", Value: &s.DenyPrivate, Help: "refuse object storage and receivers of notifications at addresses of this machine and of private networks",
		}, {
			Name: "allow-own-identity", Value: &s.OwnIdentities, Help: "`cloud` whose identity of this machine accounts may use: aws, azure or google; whoever adds accounts then has the machine's rights", Default: "none",
			Check: s.checkOwnIdentities,
		}, {
			Name: "allow-rclone-remote", Value: &s.RcloneRemotes, Help: "`name` of a remote in rclone's configuration of this server's user, which accounts may then use; the server runs rclone for it", Default: "none",
			Check: s.checkRemotes,
		}, {
			Name: "restore-root", Value: &s.RestoreRoots, Help: "`directory` that restores on the server may write into", Default: "none",
			Check: func() error { _, err := s.restoreRoots(); return err },
		}, {
			Name: "min-free", Value: &s.MinFree, Help: "`size` that restores on the server leave free on the target's disk, as 500M; \"off\" does not look", Default: "a twentieth of the disk, 1G at most",
			Check: func() error { _, err := s.minFree(); return err },
		}, {
			Name: "restore-privileged", Value: &s.Privileged, Help: "restore set-id bits, security.* and trusted.* attributes and device nodes on the server, too",
		}, {
			Name: "notification-delay", Value: &s.NotificationDelay, Help: "`time` from the first of several alarms to the message that tells all of them",
			Check: s.checkNotificationDelay,
		}, {
			Name: "debug", Value: &s.Debug, Help: "log every request", Live: true,
		},
	})
}

// databaseSettings are those of a fleet.
func (s *Settings) databaseSettings() settings.Table {
	return settings.Table{
		{
			Name: "database", Value: &s.Database, Help: "`URL` of the PostgreSQL database of a fleet, as postgres://user@host/database, which this node joins; a password is refused here on the command line", Default: "SQLite in the data directory", Secret: true,
			Check: func() error { return checkDatabaseURL(s.Database) }, CheckFlag: CheckDatabaseFlag,
		}, {
			Name: "database-file", Value: &s.DatabaseFile, Help: "`file` that holds the URL of --database, for one with a password", Default: "none",
			Check: s.checkDatabaseFile,
		}, {
			Name: "database-listen", Value: &s.DatabaseListen, Help: "`URL` for the one connection by which nodes wake one another, where --database leads to a pooler in transaction mode", Default: "that of --database", Secret: true,
			Check: s.checkDatabaseListen, CheckFlag: CheckDatabaseFlag,
		}, {
			Name: "database-connections", Value: &s.DatabaseConnections, Help: "open at most this `number` of connections to PostgreSQL, and one more that listens; pool_max_conns in the URL counts instead where it is given",
			Check: func() error { return between(s.DatabaseConnections, leastConnections, mostConnections) },
		},
	}
}

func (s *Settings) checkOwnIdentities() error {
	for _, name := range s.OwnIdentities {
		if !slices.Contains(kinds.Vendors(), name) {
			return invalid("%q is no cloud whose identity can be allowed; those are %s", name, strings.Join(kinds.Vendors(), ", "))
		}
	}
	return nil
}

func (s *Settings) checkDatabaseListen() error { return checkDatabaseURL(s.DatabaseListen) }

func invalid(format string, args ...any) error {
	return syncline.Errorf(syncline.CodeInvalid, format, args...)
}

func between(n, least, most int) error {
	if n < least || n > most {
		return invalid("%d is out of range; it takes %d to %d", n, least, most)
	}
	return nil
}

// checkAddress refuses what no program could listen on.
func checkAddress(address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	number, named := strconv.Atoi(port)
	if err != nil || port == "" || named == nil && (number < 0 || number > math.MaxUint16) {
		return invalid("cannot listen on %s; write HOST:PORT or :PORT, with an address of this machine and a port up to 65535 that this user may use", address)
	}
	return nil
}

func (s *Settings) checkSyncInterval() error {
	if s.SyncInterval != 0 && (s.SyncInterval < syncline.MinInterval || s.SyncInterval > syncline.MaxInterval) {
		return invalid("%s is out of range; it takes 1m to 8784h, or 0", s.SyncInterval)
	}
	return nil
}

// sessionsAtOnce returns how many sessions run at once.
func (s *Settings) sessionsAtOnce() int {
	if s.MaxSessions > 0 {
		return s.MaxSessions
	}
	return 2 * cores
}

// onlySQLite refuses a setting that has no effect where a database has the catalogs.
func (s *Settings) onlySQLite(value string) error {
	if value != "" && (s.Database != "" || s.DatabaseFile != "") {
		return invalid("it has no effect with a database, which holds the catalogs, too; leave one of the two out")
	}
	return nil
}

func (s *Settings) checkReserve() error {
	if _, err := s.catalogReserve(); err != nil {
		return err
	}
	return s.onlySQLite(s.CatalogMinFree)
}

func (s *Settings) checkDatabaseFile() error {
	if s.DatabaseFile == "" {
		return nil
	}
	_, err := s.databaseURL()
	return err
}

// dataDir returns the data directory.
func (s *Settings) dataDir() (string, error) {
	if s.Data != "" {
		return s.Data, nil
	}
	return DefaultDataDir()
}

// checkData looks at a data directory that exists. The first start makes one.
func (s *Settings) checkData() error {
	dir, err := s.dataDir()
	if err != nil {
		return err
	}
	switch info, err := os.Stat(dir); {
	case err != nil:
		return nil //nolint:nilerr // it is made, or the start says why it cannot
	case !info.IsDir():
		return invalid("%s is no directory; name another one", dir)
	}
	if err := checkPrivate("data directory", dir); err != nil {
		return err
	}
	return checkFiles(dir)
}

func (s *Settings) checkSecretKey() error {
	dir, err := s.dataDir()
	if err != nil || s.SecretKeyFile == "" {
		return err
	}
	_, err = secret.OpenGivenKeyFile(s.SecretKeyFile, filepath.Join(dir, keyFile))
	return err
}

func (s *Settings) checkCertificate() error {
	switch {
	case s.CertFile == "":
		return nil
	case s.KeyFile == "":
		return errPair
	}
	_, err := api.LoadCertificate(s.CertFile, s.KeyFile)
	return err
}

func (s *Settings) checkKey() error {
	if s.KeyFile != "" && s.CertFile == "" {
		return errPair
	}
	return nil
}

var errPair = invalid("--tls-cert and --tls-key go together; give both, or leave both out for a self-signed certificate")

// catalogReserve is the free space that catalogs leave; below zero it is a share of
// the disk.
func (s *Settings) catalogReserve() (int64, error) {
	if s.CatalogMinFree == "" {
		return -1, nil
	}
	n, err := settings.ParseSize(s.CatalogMinFree)
	return int64(min(n, math.MaxInt64)), err //nolint:gosec // cut off just before
}

// minFree returns the free space that restores leave on a disk; nil for no check.
func (s *Settings) minFree() (func(total int64) int64, error) {
	return settings.ParseKeepFree(s.MinFree, restore.DefaultKeepFree)
}

// basePath returns the base of all paths. The server's own paths are none.
func (s *Settings) basePath() (string, error) {
	base, err := api.ParseBasePath(s.BasePath)
	if err != nil || base == "" {
		return "", err
	}
	if first, _, _ := strings.Cut(base[1:], "/"); console.IsView(first) {
		return "", invalid("the console has pages under /%s; choose another base path", first)
	}
	return base, nil
}

// certificates reads the files with certificates to trust in object storage.
func (s *Settings) certificates() ([]byte, error) {
	var all bytes.Buffer
	for _, path := range s.Authorities {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, syncline.WrapError(syncline.CodeInvalid, err, "the certificates in %s cannot be read", path)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(data) {
			return nil, invalid("the file %s holds no certificate in PEM", path)
		}
		all.Write(data)
		all.WriteByte('\n')
	}
	return all.Bytes(), nil
}

// readMetricsToken reads the token that opens the metrics; empty for none.
func (s *Settings) readMetricsToken() (secret.String, error) {
	if s.MetricsTokenFile == "" {
		return secret.String{}, nil
	}
	return secret.ReadTokenFile(s.MetricsTokenFile)
}

func (s *Settings) restoreRoots() ([]syncline.RestoreTarget, error) {
	dir, err := s.dataDir()
	if err != nil {
		return nil, err
	}
	return findRestoreRoots([]string{dir, s.Catalogs, s.SecretKeyFile}, s.RestoreRoots)
}

func (s *Settings) keepAge() time.Duration { return time.Duration(s.HistoryDays) * 24 * time.Hour }
