package main

import (
	"bytes"
	"os"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
)

// network reads how to speak to a storage: the certificates to trust, and how
// this program shows itself.
func (e *environment) network() (n place.Network, err error) {
	n.Client.TrustAny, n.Client.UserAgent, n.Client.Patience = e.insecureTLS, e.userAgent, e.stuckTimeout
	if e.tlsClientCert != "" {
		if n.Client.Certificate, err = os.ReadFile(e.tlsClientCert); err != nil {
			return n, syncline.WrapError(syncline.CodeInvalid, err, "the certificate in %s cannot be read (%v); check --tls-client-cert", e.tlsClientCert, reasonOf(err))
		}
		if len(n.Client.Certificate) == 0 {
			return n, syncline.Errorf(syncline.CodeInvalid, "the file %s holds no certificate; check --tls-client-cert", e.tlsClientCert)
		}
	}
	n.CA, err = e.certificates()
	return n, err
}

// certificates reads the files that --cacert names.
func (e *environment) certificates() ([]byte, error) {
	var all bytes.Buffer
	for _, path := range e.caFiles {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, syncline.WrapError(syncline.CodeInvalid, err, "the certificates in %s cannot be read; check --cacert", path)
		}
		all.Write(data)
		all.WriteByte('\n')
	}
	return all.Bytes(), nil
}
