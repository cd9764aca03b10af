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

// serveHelp is what serve --help says first.
const serveHelp = `Run the server: the REST API over HTTPS, and the sessions that synchronize the
attached repositories. The first start creates the user "administrator" with the
password in SYNCLINE_ADMIN_PASSWORD or in the file that
SYNCLINE_ADMIN_PASSWORD_FILE names. Without them the password is a random one: it
is printed once on a terminal, and written to the file initial-password in the
data directory where standard output is none.
SIGTERM and SIGINT end it; sessions and restores that run are continued at the
next start.

Users may restore on the server only into folders that --restore-root names.
What they restore there belongs to whom the snapshot says, where the server may
set that. Who can write to the repository chooses what is in a snapshot: so
restores leave out set-id bits, security.* and trusted.* attributes and device
nodes, and say so in their log, unless --restore-privileged allows them. One that
would leave less than --min-free on the target's disk is refused, and one that
comes to it ends.

Failed sign-ins, connections and requests without a user are limited by address.
Behind a reverse proxy all clients have the proxy's, unless --trusted-proxy names
it: then the nearest address in X-Forwarded-For that is no trusted proxy's counts.`

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
			if o.RestoreRoots, err = server.FindRestoreRoots([]string{o.Data, o.Catalogs}, restoreRoots); err != nil {
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
				_, err := fmt.Fprintf(out, "listening on https://%s\n", s.Address)
				return err
			}
			return server.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	bounds = addDiskFlags(f, &o)
	f.StringVar(&o.Data, "data", "", "`directory` that holds everything the server keeps (default: syncline in the XDG data directory)")
	f.StringVar(&o.Listen, "listen", ":4443", "`address` to listen on, as HOST:PORT")
	f.StringVar(&o.CertFile, "tls-cert", "", "`file` with the certificate chain in PEM (default: a self-signed one)")
	f.StringVar(&o.KeyFile, "tls-key", "", "`file` with the certificate's private key in PEM")
	f.BoolVar(&o.DenyPrivate, "deny-private-endpoints", false, "refuse object storage at addresses of this machine and of private networks")
	f.StringSliceVar(&authorities, "cacert", nil, "`file` with certificates to trust in object storage beside the system's")
	f.StringVar(&minFree, "min-free", "", "`size` that restores on the server leave free on the target's disk, as 500M; \"off\" for nobody looking (default: a twentieth of the disk, 1G at most)")
	f.BoolVar(&o.Privileged, "restore-privileged", false, "let restores on the server bring back set-id bits, security.* and trusted.* attributes and device nodes")
	f.StringArrayVar(&restoreRoots, "restore-root", nil, "`directory` that restores on the server may write into (can be given several times; default: none)")
	f.StringArrayVar(&proxies, "trusted-proxy", nil, "`network` of reverse proxies, in CIDR notation, whose X-Forwarded-For says where a request comes from (can be given several times; default: none)")
	f.StringVar(&database, "database", "", "`URL` of a database for a fleet of nodes; not in this version")
	f.BoolVar(&debug, "debug", false, "log every request")
	_ = f.MarkHidden("database")
	return cmd
}

// addDiskFlags adds the flags about where and how much the server keeps. The
// function it returns takes them over when they are known.
func addDiskFlags(f *pflag.FlagSet, o *server.Options) func() error {
	var reserve string
	var days int
	f.StringVar(&o.Catalogs, "catalogs", "", "`directory` for the catalogs, which can be built anew from the repositories (default: catalogs in the data directory)")
	f.StringVar(&reserve, "catalog-min-free", "", "`size` that catalogs leave free on their disk, as 500M (default: a twentieth of the disk, 256M at most)")
	f.IntVar(&o.KeepNumber, "history-count", 1000, "`number` of sessions that are kept of each repository, and of restores in all (0: no bound)")
	f.IntVar(&days, "history-days", 365, "`days` for which sessions and restores are kept (0: no bound)")
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
