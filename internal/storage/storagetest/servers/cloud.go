package servers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Cloud stands in for the services of vendors' clouds, under their own names: a program
// that uses Proxy for https reaches Handler with every name, and trusts it with CAFile.
type Cloud struct {
	Proxy  string // for HTTPS_PROXY
	CAFile string

	mu   sync.Mutex
	seen []string
}

// Seen returns "HOST/PATH" of the requests that came, and forgets them.
func (c *Cloud) Seen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen
	c.seen = nil
	return seen
}

// Env returns the variables with which syncline and restic reach the cloud.
func (c *Cloud) Env() []string {
	return []string{"HTTPS_PROXY=" + c.Proxy, "NO_PROXY=127.0.0.1,localhost", "RESTIC_CACERT=" + c.CAFile}
}

// StartCloud starts a stand-in whose answers are handler's.
func StartCloud(t testing.TB, handler http.Handler) *Cloud {
	t.Helper()
	c := &Cloud{CAFile: filepath.Join(t.TempDir(), "cloud.pem")}
	authority := newAuthority(t, c.CAFile)
	services := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.seen = append(c.seen, r.Host+r.URL.Path)
		c.mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	services.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: authority.certificate}
	services.StartTLS()
	// A server of httptest shows its own certificate to names that it does not know.
	services.TLS.Certificates = nil
	t.Cleanup(services.Close)
	c.Proxy = StartProxy(t, services.URL).URL
	return c
}

// authority issues a certificate for every name.
type authority struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t testing.TB, file string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "cloud"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &authority{t, key, cert}
}

func (a *authority) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	form := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{hello.ServerName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}, nil
}
