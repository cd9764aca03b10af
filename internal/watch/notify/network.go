package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/clip"
	"syncline.dev/syncline/internal/netguard"
)

// sendTime bounds one attempt to send one message.
const sendTime = 30 * time.Second

// maxAnswer bounds the part of an answer that is read.
const maxAnswer = 4 << 10

// Network says to which receivers channels may connect.
type Network struct {
	denyPrivate bool // no loopback and private addresses

	mu    sync.Mutex
	ca    []byte               // certificates in PEM; added to the system's
	chats map[syncline.ID]bool // chats with an attempt that has not ended
}

// NewNetwork returns a network that trusts certificates in PEM beside the system's. With
// denyPrivate it connects to no loopback and private addresses.
func NewNetwork(ca []byte, denyPrivate bool) *Network {
	return &Network{denyPrivate: denyPrivate, ca: ca}
}

// SetCertificates changes the certificates that are trusted beside the system's.
func (n *Network) SetCertificates(pem []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ca = pem
}

// begin marks an attempt to write to a chat, and reports false while there is one.
func (n *Network) begin(chat syncline.ID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.chats == nil {
		n.chats = make(map[syncline.ID]bool)
	}
	if n.chats[chat] {
		return false
	}
	n.chats[chat] = true
	return true
}

func (n *Network) end(chat syncline.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.chats, chat)
}

// roots returns the certificates to trust, nil for the system's.
func (n *Network) roots() (*x509.CertPool, error) {
	n.mu.Lock()
	ca := n.ca
	n.mu.Unlock()
	if len(ca) == 0 {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(ca) {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the CA bundle holds no certificate; give it in PEM form")
	}
	return roots, nil
}

// dialer checks every connection after names are resolved and before anything is sent.
func (n *Network) dialer() *net.Dialer {
	return &net.Dialer{Timeout: 15 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return syncline.WrapError(syncline.CodeInvalid, err, "the receiver has no network address")
		}
		return n.checkAddress(target.Addr())
	}}
}

func (n *Network) checkAddress(ip netip.Addr) error {
	if what := netguard.Fault(ip, n.denyPrivate); what != "" {
		return syncline.Errorf(syncline.CodeInvalid, "the receiver's address leads to %s, %s, which this server does not connect to; give another address", ip, what)
	}
	return nil
}

// client returns a client that follows no redirect. With denyPrivate it uses no proxy,
// because an address behind a proxy cannot be checked.
func (n *Network) client() (*http.Client, error) {
	roots, err := n.roots()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext:         n.dialer().DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout: 15 * time.Second,
		IdleConnTimeout:     30 * time.Second,
		MaxIdleConnsPerHost: 1,
	}
	if !n.denyPrivate {
		transport.Proxy = n.proxy
	}
	return &http.Client{Transport: straight{transport}, Timeout: sendTime}, nil
}

// straight takes a redirect for a failure.
type straight struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (s straight) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := s.Transport.RoundTrip(r)
	if err == nil && res.StatusCode/100 == 3 {
		res.Body.Close()
		return nil, syncline.Errorf(syncline.CodeUnavailable, "the receiver answered %d, a redirect, which is not followed; give the address that it leads to", res.StatusCode)
	}
	return res, err
}

// proxy is the environment's proxy, unless the receiver's address is a number that is
// never connected to.
func (n *Network) proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if u == nil || err != nil {
		return nil, err
	}
	if ip, err := netip.ParseAddr(r.URL.Hostname()); err == nil {
		if err := n.checkAddress(ip); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// exchange sends a request and fails unless the answer is 2xx.
func exchange(client *http.Client, req *http.Request) error {
	req.Header.Set("User-Agent", "Syncline")
	res, err := client.Do(req)
	if err != nil {
		return unreachable(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if res.StatusCode/100 == 2 {
		return nil
	}
	message := fmt.Sprintf("the receiver answered %d", res.StatusCode)
	if answer := clean(withoutSecrets(string(text), req), 200); answer != "" {
		message += ": " + answer
	}
	return syncline.Errorf(syncline.CodeUnavailable, "%s", message)
}

// withoutSecrets takes the credentials of a request, which a receiver can send back, out
// of its answer.
func withoutSecrets(text string, req *http.Request) string {
	_, sent, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	_, password, _ := req.BasicAuth()
	for _, secret := range []string{sent, password} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return text
}

// unreachable says why a receiver was not reached, without the address, which can be a
// secret.
func unreachable(err error) error {
	var refused *syncline.Error
	if errors.As(err, &refused) {
		return refused
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return syncline.Errorf(syncline.CodeUnavailable, "the receiver did not answer within %s", sendTime)
	}
	return syncline.Errorf(syncline.CodeUnavailable, "the receiver cannot be reached: %s", clean(err.Error(), 200))
}

// clean returns at most n bytes of a text on one line.
func clean(text string, n int) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool { return r < ' ' || r == 0x7f || r == ' ' }), " ")
	return clip.Text(text, n)
}
