package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/auth"
	"syncline.dev/syncline/internal/demorepo"
	"syncline.dev/syncline/internal/server"
)

func newDemoCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a server with a real repository inside, to look around",
		Long: `Run a server in a temporary directory. The program contains a restic repository,
which is already attached and synchronized there. The server synchronizes a copy of
it slowly, to show the progress. The command prints the address, the user, the
password, and a request for the sessions. Restores may write into a folder beside
the repository. At the end the command removes everything.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), listen, cmd.OutOrStdout(), newLogger(cmd, slog.LevelInfo))
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "localhost:4443", "`address` to listen on, as HOST:PORT")
	return cmd
}

func runDemo(ctx context.Context, listen string, out io.Writer, logger *slog.Logger) (err error) {
	dir, err := os.MkdirTemp("", "syncline-demo-")
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "cannot create a temporary directory")
	}
	defer atSecondSignal(func() {
		_ = os.RemoveAll(dir) // the program ends, whether that succeeds or not
		os.Exit(exitInterrupted)
	})()
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	repository, err := demorepo.Extract(filepath.Join(dir, "repository"))
	if err != nil {
		return err
	}
	another, err := demorepo.Extract(filepath.Join(dir, "copy"))
	if err != nil {
		return err
	}
	restored := filepath.Join(dir, "restored")
	if err := os.Mkdir(restored, 0o700); err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "cannot create a temporary directory")
	}
	data := filepath.Join(dir, "data")
	password := auth.GeneratePassword()
	chosen := server.DefaultSettings()
	chosen.Data, chosen.Listen, chosen.RestoreRoots = data, listen, []string{restored}
	return server.Run(ctx, server.Options{
		Settings:      chosen,
		FirstPassword: func(string) (server.FirstPassword, error) { return server.FirstPassword{Password: password}, nil },
		Logger:        logger, Version: version,
		Ready: func(s *server.Server) error {
			if err := s.ShowDemo(ctx, repository, another); err != nil {
				return err
			}
			_, err := fmt.Fprintf(out, `
Syncline is running. One demo repository is synchronized, and a copy of it is being
synchronized slowly: watch its progress.

  URL       https://%[1]s
  API       https://%[1]s/swagger
  user      administrator
  password  %[2]s

  certificate SHA-256 %[3]s (self-signed: use curl -k)

The synchronization sessions, from a shell:

  TOKEN=$(curl -sk https://%[1]s/v6/token -d grant_type=password -d username=administrator --data-urlencode 'password=%[2]s' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -sk -H "Authorization: Bearer $TOKEN" https://%[1]s/v6/RepositorySynchronizeSessions

listening on https://%[1]s
`, s.Address, password, s.Fingerprint)
			return err
		},
	})
}

// atSecondSignal calls end at the second signal that asks the program to end. The
// function that it returns stops it.
func atSecondSignal(end func()) (stop func()) {
	signals, done := make(chan os.Signal, 2), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for range 2 {
			select {
			case <-signals:
			case <-done:
				return
			}
		}
		end()
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
