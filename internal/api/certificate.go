package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"syncline.dev/syncline"
)

const (
	// certificateFile holds certificate and key together: one rename replaces
	// both, and a crash cannot leave a pair that does not match.
	certificateFile = "tls.pem"
	// certificateLife is the longest that common clients accept.
	certificateLife = 825 * 24 * time.Hour
)

// Certificates hold the certificate of a server while it runs. They are safe for
// concurrent use.
type Certificates struct {
	current atomic.Pointer[tls.Certificate]
}

// NewCertificates holds a certificate.
func NewCertificates(c tls.Certificate) *Certificates {
	held := new(Certificates)
	held.Replace(c)
	return held
}

// Replace puts another certificate in place, which the handshakes from then on show.
// Open connections go on.
func (h *Certificates) Replace(c tls.Certificate) { h.current.Store(&c) }

// Current returns the certificate.
func (h *Certificates) Current() tls.Certificate { return *h.current.Load() }

func (h *Certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return h.current.Load(), nil
}

// LoadOrCreateCertificate returns the self-signed certificate that is kept in
// dir, which is made if need be, and makes a new one when there is none or it has expired at now. The
// names in it are the host's, localhost, 127.0.0.1 and ::1. The fingerprint is
// the SHA-256 of the certificate, in the form that browsers and openssl show.
//
// A file that cannot be used is CodeInvalid and left as it is: a new
// certificate in its place would look like an attack to every client.
func LoadOrCreateCertificate(dir string, now time.Time) (cert tls.Certificate, fingerprint string, created bool, err error) {
	file := filepath.Join(dir, certificateFile)
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		created = true
	case err != nil:
		return tls.Certificate{}, "", false, syncline.WrapError(syncline.CodeUnavailable, err,
			"the server's certificate in the data directory cannot be read; check who may read it")
	default:
		cert, err = tls.X509KeyPair(data, data)
		if err != nil {
			return tls.Certificate{}, "", false, syncline.WrapError(syncline.CodeInvalid, err,
				"the file %s in the data directory is no usable certificate; delete it to have a new one made", certificateFile)
		}
		created = !now.Before(cert.Leaf.NotAfter)
	}
	if created {
		if cert, err = createCertificate(file, now); err != nil {
			return tls.Certificate{}, "", false, err
		}
	}
	return cert, Fingerprint(cert), created, nil
}

// LoadCertificate reads the operator's own certificate, with its chain, and its
// key from PEM files.
func LoadCertificate(certFile, keyFile string) (tls.Certificate, error) {
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, syncline.WrapError(syncline.CodeInvalid, err, "the certificate file cannot be read (%v)", err)
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return tls.Certificate{}, syncline.WrapError(syncline.CodeInvalid, err, "the key file cannot be read (%v)", err)
	}
	if block, _ := pem.Decode(certPEM); block == nil {
		return tls.Certificate{}, syncline.Errorf(syncline.CodeInvalid, "the certificate file holds no PEM data")
	}
	if block, _ := pem.Decode(keyPEM); block == nil {
		return tls.Certificate{}, syncline.Errorf(syncline.CodeInvalid, "the key file holds no PEM data")
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return tls.Certificate{}, syncline.WrapError(syncline.CodeInvalid, err,
			"the certificate and the key do not fit together; give the key that the certificate was made for")
	}
	return cert, nil
}

// Fingerprint returns the SHA-256 of a certificate as pairs of hexadecimal
// digits with colons between them.
func Fingerprint(cert tls.Certificate) string {
	sum := sha256.Sum256(cert.Certificate[0])
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
}

func createCertificate(file string, now time.Time) (tls.Certificate, error) {
	data, err := newCertificate(now)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	err = os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		err = writeFileAtomically(file, data)
	}
	if err != nil {
		return tls.Certificate{}, syncline.WrapError(syncline.CodeUnavailable, err,
			"the server's certificate cannot be written to the data directory; check that it is writable and not full")
	}
	cert, err := tls.X509KeyPair(data, data)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read the new certificate: %w", err)
	}
	return cert, nil
}

// newCertificate returns a certificate and its key, both in PEM.
func newCertificate(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, err
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "" && host != "localhost" {
		names = append(names, host)
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "Syncline", Organization: []string{"Syncline, self-signed"}},
		NotBefore:             now.Add(-time.Hour), // clients' clocks differ
		NotAfter:              now.Add(certificateLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              names,
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(data, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...), nil
}

// writeFileAtomically puts data in place whole or not at all, readable by the
// owner alone.
func writeFileAtomically(file string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), certificateFile+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
