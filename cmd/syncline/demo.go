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
	"time"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/auth"
	"syncline.dev/syncline/internal/demorepo"
	"syncline.dev/syncline/internal/restore"
)

func newDemoCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a server with a real repository inside, to look around",
		Long: `Run a server in a temporary directory, with a restic repository that ships
inside the program already attached and synchronized. It prints the address, the
user and the password. Restores may write into a folder beside it. Everything is
removed when it ends.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), listen, cmd.OutOrStdout(), newLogger(cmd, false))
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
	restored := filepath.Join(dir, "restored")
	if err := os.Mkdir(restored, 0o700); err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "cannot create a temporary directory")
	}
	data := filepath.Join(dir, "data")
	roots, err := findRestoreRoots([]string{data}, []string{restored})
	if err != nil {
		return err
	}
	password := auth.GeneratePassword()
	return runServer(ctx, serverOptions{
		firstPassword: func() (firstPassword, error) { return firstPassword{password: password}, nil },
		data:          data, listen: listen, logger: logger, clouds: &clouds{}, restoreRoots: roots, keepFree: restore.DefaultKeepFree,
		ready: func(s *server) error {
			session, err := s.attachDemo(ctx, repository)
			if err != nil {
				return err
			}
			if err := s.waitFor(ctx, session); err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, `
Syncline is running, with a demo repository synchronized.

  URL       https://%s
  API       https://%s/swagger
  user      administrator
  password  %s

  certificate SHA-256 %s (self-signed: use curl -k)

listening on https://%s
`, s.address, s.address, password, s.fingerprint, s.address)
			return err
		},
	})
}

// atSecondSignal calls end when a second signal comes that ends the program, until
// it is stopped.
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

// attachDemo attaches the repository and starts its first session.
func (s *server) attachDemo(ctx context.Context, path string) (syncline.ID, error) {
	key := syncline.EncryptionKey{ID: newID(), Description: "Password of the demo repository", CreatedAt: time.Now()}
	sealed, err := sealer{s.box}.Seal(key.ID, []byte(demorepo.Password))
	if err != nil {
		return "", err
	}
	if err := s.store.AddKey(ctx, key, sealed); err != nil {
		return "", err
	}
	repository := syncline.Repository{
		ID: newID(), Name: "Demo", Description: "A small project's history, made by restic", Path: path,
		EncryptionKeyID: key.ID, Retention: syncline.Retention{Type: "SnapshotBased"},
		OutOfSync: true, CreatedAt: time.Now(),
	}
	if err := s.store.AddRepository(ctx, repository); err != nil {
		return "", err
	}
	session, err := s.service.Start(ctx, repository.ID)
	return session.ID, err
}

// waitFor waits for the end of a session.
func (s *server) waitFor(ctx context.Context, id syncline.ID) error {
	changed, end := s.service.Watch(id)
	defer end()
	for {
		session, err := s.store.Session(ctx, id)
		if err != nil {
			return err
		}
		if session.State == syncline.SessionFailed {
			return syncline.Errorf(syncline.CodeInternal, "the demo repository could not be synchronized: %s", session.Error)
		}
		if session.State.Ended() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
