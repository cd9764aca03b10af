package main

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/peer"
	"syncline.dev/syncline/internal/restore"
	"syncline.dev/syncline/internal/server"
)

// serveHelp begins the help of serve.
const serveHelp = `Run the server: the REST API over HTTPS, and the sessions that synchronize the
attached repositories. SIGTERM and SIGINT end the server. The next start continues
the sessions and restores that were running.

The first start creates the user "administrator". SYNCLINE_ADMIN_PASSWORD, or the
file that SYNCLINE_ADMIN_PASSWORD_FILE names, has the password. Without them the
password is random: the server prints it once on a terminal, or else writes it
into the file initial-password in the data directory.

Users can restore on the server only into the folders of --restore-root. Restored
files get the owners in the snapshot, where the server may set them. Everyone who
can write to the repository decides what is in a snapshot. Restores therefore
leave out set-id bits, security.* and trusted.* attributes and device nodes, and
their log says so; --restore-privileged restores these, too. A restore that leaves
less than --min-free on the target's disk is refused. A running restore ends when
the disk has only that much left.

The server limits failed sign-ins, connections and requests without a user for
each address. Behind a reverse proxy all clients have the proxy's address, unless
--trusted-proxy names the proxy. Then a client has the nearest address in
X-Forwarded-For that is not a trusted proxy's.

GET /healthz tells that the server is alive, and GET /readyz that its database and
its catalogs can be used: 200, or 503. Neither takes a token. GET /metrics has
metrics for Prometheus, for the token of any user and for the one in
--metrics-token-file. At --metrics-listen everyone who reaches the address may read
all three, unencrypted: choose one that only the monitoring reaches.`

func newServeCommand() *cobra.Command {
	o := server.Options{Version: version}
	var authorities, restoreRoots, proxies []string
	var database, minFree string
	var debug bool
	var bounds func() error
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long:  serveHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if database != "" {
				return syncline.Errorf(syncline.CodeUnsupported, "--database: this version keeps its state in SQLite in the data directory only; leave the flag out")
			}
			if (o.CertFile == "") != (o.KeyFile == "") {
				return usageError("--tls-cert and --tls-key go together; give both, or leave both out for a self-signed certificate")
			}
			var err error
			if o.Data == "" {
				if o.Data, err = server.DefaultDataDir(); err != nil {
					return err
				}
			}
			if o.CA, err = readCertificates(authorities); err != nil {
				return err
			}
			if o.RestoreRoots, err = server.FindRestoreRoots([]string{o.Data, o.Catalogs, o.SecretKeyFile}, restoreRoots); err != nil {
				return err
			}
			if o.Proxies, err = peer.ParseProxies(proxies); err != nil {
				return syncline.WrapError(syncline.CodeOf(err), err, "--trusted-proxy: %s", syncline.MessageOf(err))
			}
			if err := bounds(); err != nil {
				return err
			}
			if o.KeepFree, err = parseMinFree(minFree, restore.DefaultKeepFree); err != nil {
				return err
			}
			o.Logger = newLogger(cmd, debug)
			o.FirstPassword = func() (server.FirstPassword, error) { return chooseFirstPassword(os.Getenv, cmd.OutOrStdout(), o.Data) }
			o.Ready = func(s *server.Server) error {
				out := cmd.OutOrStdout()
				if s.Fingerprint != "" {
					fmt.Fprintf(out, "self-signed certificate, SHA-256 fingerprint %s\n", s.Fingerprint)
				}
				if s.Metrics != "" {
					fmt.Fprintf(out, "metrics on http://%s/metrics\n", s.Metrics)
				}
				_, err := fmt.Fprintf(out, "listening on https://%s\n", s.Address)
				return err
			}
			return server.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	bounds = addDiskFlags(f, &o)
	f.StringVar(&o.Data, "data", "", "`directory` of the server's data (default: syncline in the XDG data directory)")
	f.StringVar(&o.SecretKeyFile, "secret-key-file", "", "`file` with the 32 bytes of the key that seals stored passwords (default: secret.key in the data directory, which the first start makes)")
	f.StringVar(&o.Listen, "listen", ":4443", "`address` to listen on, as HOST:PORT")
	f.StringVar(&o.CertFile, "tls-cert", "", "`file` with the certificate chain in PEM (default: a self-signed one)")
	f.StringVar(&o.KeyFile, "tls-key", "", "`file` with the certificate's private key in PEM")
	f.BoolVar(&o.DenyPrivate, "deny-private-endpoints", false, "refuse object storage at addresses of this machine and of private networks")
	f.StringSliceVar(&authorities, "cacert", nil, "`file` with certificates to trust in object storage beside the system's")
	f.StringVar(&minFree, "min-free", "", "`size` that restores on the server leave free on the target's disk, as 500M; \"off\" does not look (default: a twentieth of the disk, 1G at most)")
	f.BoolVar(&o.Privileged, "restore-privileged", false, "restore set-id bits, security.* and trusted.* attributes and device nodes on the server, too")
	f.StringArrayVar(&restoreRoots, "restore-root", nil, "`directory` that restores on the server may write into (can be given several times; default: none)")
	f.StringArrayVar(&proxies, "trusted-proxy", nil, "`network` of reverse proxies, in CIDR notation, whose X-Forwarded-For is believed (can be given several times; default: none)")
	f.StringVar(&o.MetricsListen, "metrics-listen", "", "`address` for monitoring without a token, over plain HTTP, as HOST:PORT (default: none)")
	f.StringVar(&o.MetricsTokenFile, "metrics-token-file", "", "`file` with a token that opens /metrics (default: only users' tokens do)")
	f.StringVar(&database, "database", "", "`URL` of a database for a fleet of nodes; not in this version")
	f.BoolVar(&debug, "debug", false, "log every request")
	_ = f.MarkHidden("database")
	return cmd
}

// addDiskFlags adds the flags for the catalogs and for the history. The function
// that it returns checks the values and sets the options.
func addDiskFlags(f *pflag.FlagSet, o *server.Options) func() error {
	var reserve string
	var days int
	f.StringVar(&o.Catalogs, "catalogs", "", "`directory` of the catalogs, which the server can rebuild from the repositories (default: catalogs in the data directory)")
	f.StringVar(&reserve, "catalog-min-free", "", "`size` that catalogs leave free on their disk, as 500M (default: a twentieth of the disk, 256M at most)")
	f.IntVar(&o.KeepNumber, "history-count", 1000, "keep this `number` of sessions of each repository, and of restores in all (0: no bound)")
	f.IntVar(&days, "history-days", 365, "keep sessions and restores for this number of `days` (0: no bound)")
	return func() error {
		if o.KeepNumber < 0 || days < 0 || days > 100_000 {
			return usageError("--history-count and --history-days take 0 or more, and no more than 100000 days")
		}
		o.KeepAge = time.Duration(days) * 24 * time.Hour
		o.CatalogReserve = -1
		if reserve == "" {
			return nil
		}
		n, err := parseSize("--catalog-min-free", reserve)
		o.CatalogReserve = int64(min(n, math.MaxInt64)) //nolint:gosec // cut off just before
		return err
	}
}

// newLogger writes to standard error, as text.
func newLogger(cmd *cobra.Command, debug bool) *slog.Logger {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
}
