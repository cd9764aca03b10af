package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"syncline.dev/syncline/internal/server"
)

// serveHelp begins the help of serve.
const serveHelp = `Run the server: the REST API over HTTPS, and the sessions that synchronize the
attached repositories. SIGTERM and SIGINT end the server. The next start continues
the sessions and restores that were running. SIGHUP reads the certificate, the
configuration file and the other files anew; the log names changes that need a
restart.

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
all three, unencrypted: choose one that only the monitoring reaches.

Every flag has a key of the same name in the file of --config, and a variable:
--tls-cert is tls-cert and SYNCLINE_TLS_CERT. A flag goes before a variable, and a
variable before the file. "syncline config check" looks for mistakes.`

// newServeCommand returns the command serve. Its flags are the settings of
// internal/server.
func newServeCommand() *cobra.Command {
	var c configuration
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long:  serveHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			chosen, _, err := c.load(cmd)
			if err != nil {
				return err
			}
			level := new(slog.LevelVar)
			out := cmd.OutOrStdout()
			hangup := make(chan os.Signal, 1) // one that waits stands for all after it
			signal.Notify(hangup, syscall.SIGHUP)
			defer signal.Stop(hangup)
			return server.Run(cmd.Context(), server.Options{
				Settings: chosen, Version: version, Level: level,
				Logger: newLogger(cmd, level),
				FirstPassword: func(data string) (server.FirstPassword, error) {
					return chooseFirstPassword(cmd.Context(), os.Getenv, out, data)
				},
				Reload: func() (server.Settings, error) { chosen, _, err := c.load(cmd); return chosen, err },
				Hangup: hangup,
				Ready:  func(s *server.Server) error { return tellAddresses(out, s) },
			})
		},
	}
	c.addFlags(cmd)
	return cmd
}

func tellAddresses(out io.Writer, s *server.Server) error {
	if s.Fingerprint != "" {
		fmt.Fprintf(out, "self-signed certificate, SHA-256 fingerprint %s\n", s.Fingerprint)
	}
	if s.Metrics != "" {
		fmt.Fprintf(out, "metrics on http://%s/metrics\n", s.Metrics)
	}
	_, err := fmt.Fprintf(out, "listening on https://%s%s\n", s.Address, s.BasePath)
	return err
}

// newLogger writes to standard error, as text.
func newLogger(cmd *cobra.Command, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
}
