package main

import (
	"bytes"
	"context"
	"errors"
	"os"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/given"
	"syncline.dev/syncline/internal/place"
)

// network reads how to speak to a storage: the certificates to trust, and how
// this program shows itself.
func (e *environment) network(ctx context.Context) (n place.Network, err error) {
	n.Client.TrustAny, n.Client.UserAgent, n.Client.Patience = e.insecureTLS, e.userAgent, e.stuckTimeout
	if e.tlsClientCert != "" {
		if n.Client.Certificate, err = readGiven(ctx, e.tlsClientCert); err != nil {
			return n, unread(err, "the certificate in %s cannot be read (%v); check --tls-client-cert", e.tlsClientCert, reasonOf(err))
		}
		if len(n.Client.Certificate) == 0 {
			return n, syncline.Errorf(syncline.CodeInvalid, "the file %s holds no certificate; check --tls-client-cert", e.tlsClientCert)
		}
	}
	n.CA, err = e.certificates(ctx)
	return n, err
}

// readGiven returns what a file has in it. It waits for the writer of a pipe until ctx ends.
func readGiven(ctx context.Context, path string) ([]byte, error) {
	return given.Await(ctx, func() ([]byte, error) { return os.ReadFile(path) })
}

// unread is the error of a file that cannot be read, or that of an interruption as it is.
func unread(err error, format string, args ...any) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return syncline.WrapError(syncline.CodeInvalid, err, format, args...)
}

// certificates reads the files that --cacert names.
func (e *environment) certificates(ctx context.Context) ([]byte, error) {
	var all bytes.Buffer
	for _, path := range e.caFiles {
		data, err := readGiven(ctx, path)
		if err != nil {
			return nil, unread(err, "the certificates in %s cannot be read; check --cacert", path)
		}
		all.Write(data)
		all.WriteByte('\n')
	}
	return all.Bytes(), nil
}
