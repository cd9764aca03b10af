package sftp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/oserr"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// SSH connects with an SSH server by itself. It is for servers: it uses nothing
// of the machine, no configuration, no agent and no known hosts.
type SSH struct {
	// Hops are the jump hosts in their order, and then the server.
	Hops []Hop
	// DenyPrivate refuses addresses of this machine and of private networks.
	DenyPrivate bool
	// Keepalive is the time between two questions whether the server is there;
	// DefaultKeepalive for 0.
	Keepalive time.Duration
}

// Name is a text for Config.Shared. It is the same for the same way with the same secrets,
// and tells nothing of them. It is "" for a way on which a key is not confirmed, because
// that one leads nowhere.
func (s SSH) Name() string {
	sum := sha256.New()
	for _, h := range s.Hops {
		if h.HostKey == "" {
			return ""
		}
		fmt.Fprintf(sum, "%q %q %q %q %q %q\n", h.Address, h.User, h.HostKey, h.Login.Password, h.Login.PrivateKey, h.Login.Passphrase)
	}
	fmt.Fprint(sum, s.DenyPrivate, s.Keepalive)
	return hex.EncodeToString(sum.Sum(nil))
}

// Hop is a host on the way.
type Hop struct {
	Address string // host:port
	User    string
	Login   Login
	// HostKey is the key that the host must show, in the form of
	// authorized_keys; "" for one that the user has not confirmed.
	HostKey string
	// Confirm returns the setting, and the value that it has when the user has
	// confirmed a key.
	Confirm func(key string) (setting, value string)
}

// DefaultKeepalive is the time between two questions. Three without an answer
// end a connection.
const DefaultKeepalive = 15 * time.Second

// Connect signs in to each hop through the one before. The end of ctx ends the connection
// with the first one: a goodbye to a later one waits for a jump host that reads nothing.
func (s SSH) Connect(ctx context.Context) (Conn, error) {
	c := &sshConn{}
	dial := s.dial
	stop := func() bool { return true }
	defer func() { stop() }()
	for i, hop := range s.Hops {
		client, err := s.hop(ctx, hop, dial)
		if err != nil {
			_ = c.Close()
			return nil, err
		}
		c.clients = append(c.clients, client)
		if i == 0 {
			stop = context.AfterFunc(ctx, func() { _ = client.Close() })
		}
		if i+1 < len(s.Hops) {
			dial = s.through(client)
		}
	}
	if err := c.open(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	c.keepAlive(max(s.Keepalive, 0))
	return c, nil
}

type dialFunc func(ctx context.Context, address string) (net.Conn, error)

// dial connects from this machine. The address is checked after its name is
// resolved.
func (s SSH) dial(ctx context.Context, address string) (net.Conn, error) {
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return syncline.WrapError(syncline.CodeInvalid, err, "the address leads to no network address")
		}
		return objects.CheckAddress(target.Addr(), s.DenyPrivate)
	}}
	return d.DialContext(ctx, "tcp", address)
}

// through connects from a jump host. It resolves the name, so that only an
// address in numbers can be checked.
func (s SSH) through(client *ssh.Client) dialFunc {
	return func(ctx context.Context, address string) (net.Conn, error) {
		if target, err := netip.ParseAddrPort(address); err == nil {
			if err := objects.CheckAddress(target.Addr(), s.DenyPrivate); err != nil {
				return nil, err
			}
		}
		conn, err := client.DialContext(ctx, "tcp", address)
		var refused *ssh.OpenChannelError
		if errors.As(err, &refused) {
			return nil, retryable(syncline.WrapError(syncline.CodeUnavailable, err,
				"the jump host %s does not connect to %s (%q); check the address, and that the jump host allows its user to forward connections",
				client.RemoteAddr(), address, clip(refused.Message)))
		}
		return conn, err
	}
}

// hop connects and signs in to one host.
func (s SSH) hop(ctx context.Context, hop Hop, dial dialFunc) (*ssh.Client, error) {
	auth, err := hop.Login.methods()
	if err != nil {
		return nil, err
	}
	raw, err := dial(ctx, hop.Address)
	if err != nil {
		return nil, networkError(ctx, hop.Address, err)
	}
	conn := &watchedConn{Conn: raw}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	check := hostKeyCheck{hop: hop}
	config := &ssh.ClientConfig{
		User: hop.User, Auth: auth, HostKeyCallback: check.check, HostKeyAlgorithms: check.algorithms(), ClientVersion: "SSH-2.0-Syncline",
	}
	c, channels, requests, err := ssh.NewClientConn(conn, hop.Address, config)
	stopped := stop()
	if err == nil && !stopped {
		_ = c.Close()
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, check.explain(ctx, conn, err)
	}
	return ssh.NewClient(c, channels, requests), nil
}

// networkError translates an error of a connection.
func networkError(ctx context.Context, address string, err error) error {
	var own *syncline.Error
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &own):
		return err
	case errors.As(err, &dns) && dns.IsNotFound:
		return syncline.WrapError(syncline.CodeUnavailable, err, "there is no host %s; check the address", address)
	}
	return retryable(syncline.WrapError(syncline.CodeUnavailable, err, "the SSH server at %s cannot be reached now (%s)", address, reason(err)))
}

// reason names a passing failure in a word or two.
func reason(err error) string {
	var dns *net.DNSError
	switch {
	case oserr.NoHandles(err):
		return oserr.Advice(err, "")
	case errors.As(err, &dns):
		return "its name cannot be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.EOF):
		return "connection closed"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return "no answer in time"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route"
	}
	return "connection failed"
}

// sshConn is a channel to the subsystem; it implements Conn.
type sshConn struct {
	ssh.Channel
	clients []*ssh.Client // in the order of the hops
	stop    context.CancelFunc
	stopped chan struct{} // is closed when no question is under way
}

// open asks for the subsystem.
func (c *sshConn) open(ctx context.Context) error {
	last := c.clients[len(c.clients)-1]
	channel, requests, err := last.OpenChannel("session", nil)
	var refused *ssh.OpenChannelError
	switch {
	case errors.As(err, &refused):
		return retryable(syncline.WrapError(syncline.CodeUnavailable, err, "the SSH server at %s opens no session (%q)", last.RemoteAddr(), clip(refused.Message)))
	case err != nil:
		return c.broken(ctx, err)
	}
	c.Channel = channel
	go ssh.DiscardRequests(requests)
	go func() { _, _ = io.Copy(io.Discard, channel.Stderr()) }()
	granted, err := channel.SendRequest("subsystem", true, ssh.Marshal(struct{ Name string }{"sftp"}))
	switch {
	case err != nil:
		return c.broken(ctx, err)
	case !granted:
		return storage.Refused(nil, "the SSH server at %s does not offer SFTP to its user; allow the subsystem sftp there", last.RemoteAddr())
	}
	return nil
}

func (c *sshConn) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.Explain(err)
}

// Ready implements Conn.
func (c *sshConn) Ready() {}

// Explain implements Conn.
func (c *sshConn) Explain(err error) error {
	address := c.clients[len(c.clients)-1].RemoteAddr()
	if errors.Is(err, errMalformed) {
		return syncline.WrapError(syncline.CodeUnavailable, err,
			"what the SSH server at %s sends is not the answer of an SFTP server; check that no login script on it prints anything", address)
	}
	// An end of the input in the chain would stand for a short file.
	cause := errors.New(err.Error())
	return retryable(syncline.WrapError(syncline.CodeUnavailable, cause, "the connection to the SSH server at %s broke off (%s)", address, reason(err)))
}

// keepAlive asks the server from time to time whether it is there.
func (c *sshConn) keepAlive(every time.Duration) {
	if every == 0 {
		every = DefaultKeepalive
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.stop, c.stopped = cancel, make(chan struct{})
	last := c.clients[len(c.clients)-1]
	go func() {
		defer close(c.stopped)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			late := time.AfterFunc(3*every, func() { _ = c.clients[0].Close() })
			_, _, err := last.SendRequest("keepalive@openssh.com", true, nil)
			late.Stop()
			if err != nil {
				return
			}
		}
	}()
}

// Close implements Conn.
func (c *sshConn) Close() error {
	if c.stop != nil {
		c.stop()
	}
	for _, client := range c.clients { // the first has the connection of all
		_ = client.Close()
		_ = client.Wait()
	}
	if c.stopped != nil {
		<-c.stopped
	}
	return nil
}

// watchedConn remembers whether the connection itself failed.
type watchedConn struct {
	net.Conn
	failed atomic.Pointer[error] // the first error of a read
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && !errors.Is(err, net.ErrClosed) { // which is this side's own end
		c.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}
