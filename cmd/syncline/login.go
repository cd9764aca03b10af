package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/credentials"
	"syncline.dev/syncline/internal/given"
)

const loginHelp = `Sign in to a running server. The other commands then ask it with --server URL or
SYNCLINE_SERVER.

The user's name is --user or SYNCLINE_USER. The password is SYNCLINE_PASSWORD.
On a terminal the command asks for a missing one. Without a terminal it reads the
password from the first line of standard input. The server's token is kept in the
user's configuration folder, in a file that only the user can read. The password
is not kept.

To trust a certificate that the system does not trust, give its SHA-256
fingerprint, which the server prints when it starts, with --fingerprint, or a file
of certificates with --cacert. The trust is kept with the token.`

func newLoginCommand(env *environment) *cobra.Command {
	var user, fingerprint string
	cmd := &cobra.Command{
		Use:   "login [flags] URL",
		Short: "Sign in to a server",
		Long:  loginHelp,
		Example: `syncline login https://backup.example:4443
syncline login --fingerprint 9F:86:D0:... https://backup.example:4443
syncline snapshots --server https://backup.example:4443 -r laptop`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if user == "" {
				user = env.getenv("SYNCLINE_USER")
			}
			return env.login(cmd.Context(), args[0], user, fingerprint)
		},
	}
	cmd.Flags().StringVarP(&user, "user", "u", "", "`name` of the user (default: $SYNCLINE_USER)")
	cmd.Flags().StringVar(&fingerprint, "fingerprint", "", "trust only the certificate with this SHA-256 `fingerprint`")
	return cmd
}

func newLogoutCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "logout [URL]",
		Short: "Sign out of a server",
		Long: `Sign out of a server. The token ends on the server and is removed from the user's
configuration folder. It is removed also when the server cannot be reached.
Without a URL, --server or SYNCLINE_SERVER names the server.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			address := strings.Join(args, "")
			if address == "" {
				address = env.server
			}
			if address == "" {
				return usageError("please name the server, like syncline logout https://backup.example:4443")
			}
			return env.logout(cmd.Context(), address)
		},
	}
}

func (e *environment) login(ctx context.Context, address, user, fingerprint string) error {
	address, err := client.ParseAddress(address)
	if err != nil {
		return usageError(err.Error())
	}
	store, err := credentials.OfUser()
	if err != nil {
		return err
	}
	record, err := store.Record(address)
	if err != nil {
		return err
	}
	if record, err = e.trusted(ctx, record, fingerprint); err != nil {
		return err
	}
	user, password, err := e.askUser(ctx, user)
	if err != nil {
		return err
	}
	c, err := client.New(address, client.Options{
		UserName: user, Password: password, UserAgent: userAgent(),
		Fingerprint: record.Fingerprint, CertificateAuthorities: []byte(record.Certificates),
	})
	if err != nil {
		return usageError(err.Error())
	}
	defer c.CloseIdleConnections()
	token, err := c.SignIn(ctx)
	if client.StatusOf(err) == 401 {
		return syncline.WrapError(syncline.CodeWrongPassword, err, "%s", messageOf(err))
	}
	if err != nil {
		return serverError(err)
	}
	record.Token = token
	err = store.Update(ctx, address, func(credentials.Record) (credentials.Record, error) { return record, nil })
	if err == nil {
		e.note("signed in to %s as %s", address, token.UserName)
	}
	return err
}

// trusted adds the trust that the flags give to a record.
func (e *environment) trusted(ctx context.Context, r credentials.Record, fingerprint string) (credentials.Record, error) {
	if fingerprint != "" {
		form, err := client.ParseFingerprint(fingerprint)
		if err != nil {
			return r, usageError(err.Error())
		}
		return credentials.Record{Fingerprint: form}, nil
	}
	pem, err := e.certificates(ctx)
	if err == nil && len(pem) > 0 {
		return credentials.Record{Certificates: string(pem)}, nil
	}
	return r, err
}

// askUser returns the user's name and password, and asks for a missing one.
func (e *environment) askUser(ctx context.Context, user string) (name, password string, err error) {
	fd, terminal := isTerminal(e.stdin)
	in := bufio.NewReader(io.LimitReader(e.stdin, given.MaxSize))
	line := func() (string, error) {
		text, err := given.Await(ctx, func() (string, error) { return in.ReadString('\n') })
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return "", syncline.WrapError(syncline.CodeInvalid, err, "standard input cannot be read")
		}
		return strings.TrimRight(text, "\r\n"), nil
	}
	if user == "" && !terminal {
		return "", "", usageError("please say who signs in, with --user or SYNCLINE_USER")
	}
	if user == "" {
		fmt.Fprint(e.stderr, "user: ")
		if user, err = line(); err != nil {
			return "", "", err
		}
	}
	password = e.getenv("SYNCLINE_PASSWORD")
	switch {
	case password != "":
	case terminal:
		password, err = e.prompt(ctx, fd, "password: ")
	default:
		password, err = line()
	}
	if err == nil && (user == "" || password == "") {
		err = syncline.Errorf(syncline.CodeInvalid, "neither the user's name nor the password may be empty")
	}
	return user, password, err
}

func (e *environment) logout(ctx context.Context, address string) error {
	address, err := client.ParseAddress(address)
	if err != nil {
		return usageError(err.Error())
	}
	store, err := credentials.OfUser()
	if err != nil {
		return err
	}
	record, err := store.Record(address)
	switch {
	case err != nil:
		return err
	case record.Token == client.Token{}:
		return syncline.Errorf(syncline.CodeNotFound, "nobody is signed in to %s", address)
	}
	c, err := e.connect(store, address, record, "")
	if err != nil {
		return err
	}
	defer c.CloseIdleConnections()
	if err := c.SignOut(ctx); err != nil {
		e.note("the token could not be ended on the server, where it lasts until it ends by itself: %s", messageOf(serverError(err)))
	}
	// The trust stays, for the next login.
	err = store.Update(ctx, address, func(r credentials.Record) (credentials.Record, error) {
		r.Token = client.Token{}
		return r, nil
	})
	if err == nil {
		e.note("signed out of %s", address)
	}
	return err
}

func userAgent() string { return "syncline/" + version }

// connect makes a client that renews its token in the user's folder.
func (e *environment) connect(store *credentials.Store, address string, r credentials.Record, manager string) (*client.Client, error) {
	return newClient(address, client.Options{
		Tokens: store.Tokens(address), Fingerprint: r.Fingerprint, CertificateAuthorities: []byte(r.Certificates), Manager: manager,
	})
}

// newClient returns the client of a server with what is kept of it.
func newClient(address string, o client.Options) (*client.Client, error) {
	o.UserAgent = userAgent()
	c, err := client.New(address, o)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "what is kept of %s cannot be used (%v); sign in again with syncline login", address, err)
	}
	return c, nil
}

// serverCodes are the domain's codes for a server's HTTP statuses.
var serverCodes = map[int]syncline.Code{
	400: syncline.CodeInvalid, 401: syncline.CodeUnauthenticated, 403: syncline.CodeForbidden, 404: syncline.CodeNotFound,
	409: syncline.CodeConflict, 413: syncline.CodeTooLarge, 429: syncline.CodeThrottled, 503: syncline.CodeUnavailable,
}

// serverError turns an error of the client into one of the domain, with the remedy.
func serverError(err error) error {
	var refused *client.Error
	var certificate *client.CertificateError
	var gone *client.UnreachableError
	switch {
	case errors.Is(err, client.ErrSignIn):
		return syncline.WrapError(syncline.CodeUnauthenticated, err, "nobody is signed in to the server, or not any more; sign in with syncline login")
	case errors.As(err, &certificate):
		return syncline.WrapError(syncline.CodeUnavailable, err, "%v; when the server prints this fingerprint at its start, trust it with syncline login --fingerprint %s %s",
			certificate, certificate.Fingerprint, certificate.Address)
	case errors.As(err, &refused):
		code, ok := serverCodes[refused.Status]
		if !ok {
			code = syncline.CodeInternal
		}
		message := refused.Message
		if refused.RetryAfter > 0 {
			message += fmt.Sprintf(" (try again in %s)", refused.RetryAfter)
		}
		return syncline.WrapError(code, err, "%s", message)
	case errors.As(err, &gone):
		return syncline.WrapError(syncline.CodeUnavailable, err, "%v", gone)
	}
	return err
}
