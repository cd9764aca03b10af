package client

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// connectTimeout bounds the making of a connection.
const connectTimeout = 30 * time.Second

// newTransport makes the way to a server with the trust that the options tell.
func newTransport(o *Options) (*http.Transport, error) {
	// Not a copy of http.DefaultTransport: what a program put there may be of
	// another type, or make its TLS connections without the checks below.
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTimeout, KeepAlive: connectTimeout}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          100,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: answerTimeout,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
	}
	switch {
	case o.Fingerprint != "":
		want, err := ParseFingerprint(o.Fingerprint)
		if err != nil {
			return nil, err
		}
		// The check below takes the place of the usual one.
		t.TLSClientConfig.InsecureSkipVerify = true
		t.TLSClientConfig.VerifyConnection = func(state tls.ConnectionState) error {
			if got := fingerprintOf(state.PeerCertificates[0]); got != want {
				return &CertificateError{Fingerprint: got, Pinned: true}
			}
			return nil
		}
	case len(o.CertificateAuthorities) > 0:
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(o.CertificateAuthorities) {
			return nil, errors.New("there is no certificate in PEM among those to be trusted")
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return t, nil
}

// ParseFingerprint gives a SHA-256 fingerprint its one form: pairs of upper-case
// hexadecimal digits with colons between them. It takes either letter case and
// leaves colons and spaces aside.
func ParseFingerprint(s string) (string, error) {
	digits := strings.NewReplacer(":", "", " ", "").Replace(strings.TrimSpace(s))
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != sha256.Size {
		return "", fmt.Errorf("%q is not a SHA-256 fingerprint, which has 64 hexadecimal digits; the server prints its own at the start", s)
	}
	return formatFingerprint(raw), nil
}

func fingerprintOf(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return formatFingerprint(sum[:])
}

func formatFingerprint(sum []byte) string {
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}

// CertificateError is a server whose certificate is not trusted. Nothing was
// sent to it.
type CertificateError struct {
	Address string // of the server
	// Fingerprint is the SHA-256 of the certificate that the server showed.
	Fingerprint string
	// Pinned says that another fingerprint was asked for.
	Pinned bool
	Err    error // why it is not trusted otherwise
}

// Error names the fingerprint and what to compare it with.
func (e *CertificateError) Error() string {
	if e.Pinned {
		return fmt.Sprintf("the server at %s has another certificate than the one trusted; its SHA-256 fingerprint is %s", e.Address, e.Fingerprint)
	}
	return fmt.Sprintf("the certificate of the server at %s is not trusted (%v); its SHA-256 fingerprint is %s", e.Address, e.Err, e.Fingerprint)
}

// Unwrap returns why the certificate is not trusted.
func (e *CertificateError) Unwrap() error { return e.Err }

// untrusted returns the failure that is about the certificate, or nil.
func untrusted(err error) *CertificateError {
	var own *CertificateError
	if errors.As(err, &own) {
		return &CertificateError{Fingerprint: own.Fingerprint, Pinned: own.Pinned, Err: own.Err}
	}
	var failed *tls.CertificateVerificationError
	if errors.As(err, &failed) && len(failed.UnverifiedCertificates) > 0 {
		return &CertificateError{Fingerprint: fingerprintOf(failed.UnverifiedCertificates[0]), Err: failed.Err}
	}
	return nil
}
