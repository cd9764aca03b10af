package sftp

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// CheckHostKey refuses a text that is no key in the form of authorized_keys.
func CheckHostKey(text string) error {
	_, err := parseHostKey(text)
	if err == nil || errors.Is(err, errKeyOptions) {
		return err
	}
	return errors.New("must be the public key of the host, its type and its base64 text, like ssh-ed25519 AAAA…")
}

// errKeyOptions refuses what would change the meaning of a key, or bound it.
var errKeyOptions = errors.New("must begin with the type of the key, like ssh-ed25519 AAAA…; options such as cert-authority, and names of hosts as in known_hosts, are not honoured")

func parseHostKey(text string) (ssh.PublicKey, error) {
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(text))
	switch {
	case err != nil:
		return nil, err
	case len(options) > 0:
		return nil, errKeyOptions
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("more than a key")
	}
	return key, nil
}

// printHostKey writes a key as parseHostKey reads it.
func printHostKey(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// hostKeyCheck compares the key that a host shows with the one that it must
// show.
type hostKeyCheck struct {
	hop   Hop
	shown ssh.PublicKey
	fault error
}

func (c *hostKeyCheck) check(_ string, _ net.Addr, shown ssh.PublicKey) error {
	c.shown = shown
	if c.hop.HostKey == "" {
		c.fault = c.unconfirmed()
		return c.fault
	}
	pinned, err := parseHostKey(c.hop.HostKey)
	if err != nil {
		c.fault = syncline.WrapError(syncline.CodeInvalid, err, "the host key of %s that was confirmed cannot be read; give it again", c.hop.Address)
		return c.fault
	}
	if !bytes.Equal(pinned.Marshal(), shown.Marshal()) {
		c.fault = c.changed(pinned, "shows "+describe(shown))
		return c.fault
	}
	return nil
}

func describe(key ssh.PublicKey) string {
	return "the host key " + key.Type() + " " + ssh.FingerprintSHA256(key)
}

func (c *hostKeyCheck) unconfirmed() error {
	setting, value := c.hop.Confirm(printHostKey(c.shown))
	return &storage.UnconfirmedError{Setting: setting, Value: value, Err: syncline.Errorf(syncline.CodeConflict,
		"the SSH server at %s shows %s, which nobody has confirmed; compare the fingerprint with that of the server (ssh-keygen -lf on its public host key), then send the request again with the key in settings.%s",
		c.hop.Address, describe(c.shown), setting)}
}

func (c *hostKeyCheck) changed(pinned ssh.PublicKey, what string) error {
	setting, _ := c.hop.Confirm("")
	return &storage.SettingError{Setting: setting, Err: storage.Refused(nil,
		"the SSH server at %s %s and not %s, which was confirmed: somebody may stand between, or the server was set up anew; only if it was set up anew, change settings.%s of the storage",
		c.hop.Address, what, describe(pinned), setting)}
}

// algorithms asks for the kind of key that the host must show; nil for any.
func (c *hostKeyCheck) algorithms() []string {
	pinned, err := parseHostKey(c.hop.HostKey)
	if err != nil {
		return nil
	}
	if pinned.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{pinned.Type()}
}

// explain translates the error of a handshake.
func (c *hostKeyCheck) explain(ctx context.Context, conn *watchedConn, err error) error {
	var mismatch *ssh.AlgorithmNegotiationError
	failed := conn.failed.Load()
	switch {
	case c.fault != nil:
		return c.fault
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &mismatch):
		if pinned, keyErr := parseHostKey(c.hop.HostKey); keyErr == nil && c.shown == nil {
			return c.changed(pinned, "offers no key of that type")
		}
		return syncline.WrapError(syncline.CodeUnsupported, err, "the SSH server at %s has no method in common with this program; bring its SSH server up to date", c.hop.Address)
	case failed != nil && c.shown == nil:
		return networkError(ctx, c.hop.Address, *failed)
	case c.shown == nil:
		return retryable(syncline.WrapError(syncline.CodeUnavailable, err, "what answers at %s is no SSH server; check the port", c.hop.Address))
	}
	return c.refused(err, failed != nil)
}

// refused is the error of a host that does not sign its user in. Many servers
// close the connection then, as an overloaded one does.
func (c *hostKeyCheck) refused(err error, closed bool) error {
	if closed {
		return retryable(syncline.WrapError(syncline.CodeUnavailable, err, "the SSH server at %s closed the connection while the user %q signed in; check its log", c.hop.Address, clip(c.hop.User)))
	}
	return storage.Refused(err, "the SSH server at %s does not sign in the user %q with the account's %s; check the user name, and what the server's log says",
		c.hop.Address, clip(c.hop.User), c.hop.Login.what())
}
