package api

import (
	"crypto/tls"
	"net"
	"testing"
	"time"
)

// TestTLS12HasNoCBC offers suites of TLS 1.2, one at a time.
func TestTLS12HasNoCBC(t *testing.T) {
	cert, _, _, err := LoadOrCreateCertificate(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for suite, want := range map[uint16]bool{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:       true,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: true,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA:          false,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:          false,
	} {
		near, far := net.Pipe()
		go func() {
			_ = tls.Server(far, tlsConfig(NewCertificates(cert))).Handshake() // how it ends, the client says
			far.Close()
		}()
		client := tls.Client(near, &tls.Config{
			InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite},
		})
		if err := client.Handshake(); (err == nil) != want {
			t.Errorf("%s: %v", tls.CipherSuiteName(suite), err)
		}
		near.Close()
	}
}
