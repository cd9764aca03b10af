//go:build !windows

package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// writeCertificate writes a certificate of localhost with this serial number, and its key.
func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// serial returns the serial number of the certificate that a new connection shows.
func (n *node) serial() int64 {
	n.t.Helper()
	c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(n.t.Context(), "tcp", strings.TrimPrefix(n.url, "https://"))
	if err != nil {
		n.t.Fatal(err)
	}
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// hangup sends SIGHUP and waits until the log has one more line with a text.
func (n *node) hangup(says string) {
	n.t.Helper()
	before := strings.Count(n.output.String(), says)
	if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		n.t.Fatal(err)
	}
	n.logged(says, before)
}

// logged waits until the log has a text more often than before, and returns the log cut
// at the text.
func (n *node) logged(says string, before int) []string {
	n.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		if lines := strings.Split(n.output.String(), says); len(lines)-1 > before {
			return lines
		}
		n.call("GET", "/healthz", nil, 200, nil)
		if time.Now().After(end) {
			n.t.Fatalf("the log does not say %q: %s", says, n.output.String())
		}
	}
}

func writeLines(t *testing.T, file string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// SIGHUP brings a new certificate and changed settings, and nothing ends.
func TestReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, token := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "token")
	writeCertificate(t, cert, key, 1)
	write := func(file string, lines ...string) { t.Helper(); writeLines(t, file, lines...) }
	write(token, scraper)
	file := filepath.Join(dir, "syncline.yaml")
	write(file, "tls-cert: "+cert, "tls-key: "+key, "metrics-token-file: "+token)
	repo := newRepository(t, 100, 2)
	n := start(t, filepath.Join(dir, "data"), "--config", file)
	session := n.sync(n.attach("one", repo))
	if got := n.serial(); got != 1 {
		t.Fatalf("the certificate has the number %d", got)
	}
	forwarded := func(says string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", n.url+"/v6/Proxies", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", "203.0.113.9")
		req.Header.Set("Authorization", "Bearer "+n.token)
		seen := strings.Count(n.output.String(), "path=/v6/Proxies")
		res, err := n.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil { // or the connection is not used again
			t.Fatal(err)
		}
		res.Body.Close()
		if number := res.TLS.PeerCertificates[0].SerialNumber.Int64(); number != 1 {
			t.Error("the connection was not kept")
		}
		lines := n.logged("path=/v6/Proxies", seen)
		if last, _, _ := strings.Cut(lines[len(lines)-1], "\n"); !strings.Contains(last, "remote="+says) {
			t.Errorf("the request comes from another address than %s: %s", says, last)
		}
	}
	forwarded("127.0.0.1")

	writeCertificate(t, cert, key, 2)
	write(token, "another-token-for-metrics")
	write(file, "tls-cert: "+cert, "tls-key: "+key, "metrics-token-file: "+token, "trusted-proxy: 127.0.0.1", "history-count: 3")
	n.hangup(`msg="changed settings need a restart of the server" settings=[history-count]`)
	if got := n.serial(); got != 2 {
		t.Errorf("the certificate has the number %d", got)
	}
	if log := n.output.String(); !strings.Contains(log, `msg="the configuration is reloaded" changed=[trusted-proxy]`) || !strings.Contains(log, "the certificate is replaced") {
		t.Errorf("the log says %s", log)
	}
	forwarded("203.0.113.9")
	for sent, status := range map[string]int{scraper: 401, "another-token-for-metrics": 200} {
		if res, body := n.ask("GET", n.url+"/metrics", sent); res.StatusCode != status {
			t.Errorf("the token %s: %d %s", sent, res.StatusCode, body)
		}
	}

	// After a mistake everything stays, the changes beside it too.
	for _, mistake := range []func(){
		func() { write(cert, "no certificate") },
		func() { writeCertificate(t, filepath.Join(dir, "another"), key, 3) },
		func() {
			writeCertificate(t, cert, key, 2)
			write(file, "tls-cert: "+cert, "tls-key: "+key, "trusted_proxy: x")
		},
		func() { write(file, "trusted-proxy: 127.0.0.1") }, // which asks for a self-signed certificate
		func() { write(file, "tls-cert: "+cert, "tls-key: "+key, "metrics-token-file: /none") },
	} {
		mistake()
		n.hangup("nothing is reloaded, and everything stays as it was")
		if got := n.serial(); got != 2 {
			t.Errorf("the certificate has the number %d", got)
		}
		forwarded("203.0.113.9")
	}
	n.finish(session.ID)
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}

// A changed interval gives repositories their next check.
func TestReloadInterval(t *testing.T) {
	t.Parallel()
	file := configFile(t, "sync-interval: 0")
	n := startWith(t, []string{"SYNCLINE_ADMIN_PASSWORD=" + adminPassword, "SYNCLINE_SYNC_INTERVAL="}, filepath.Join(t.TempDir(), "data"), "--config", file).as(adminPassword)
	id := n.attach("one", newRepository(t, 5, 1))
	n.finish(n.sync(id).ID)
	next := func() string {
		t.Helper()
		var repository struct{ NextCheckTime string }
		n.call("GET", "/v6/BackupRepositories/"+id, nil, 200, &repository)
		return repository.NextCheckTime
	}
	if at := next(); at != "" {
		t.Errorf("without checks the next one is at %s", at)
	}
	for _, interval := range []string{"24h", "0", "1h"} {
		wanted := interval != "0"
		if err := os.WriteFile(file, []byte("sync-interval: "+interval+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		n.hangup(`msg="the configuration is reloaded"`)
		if at := next(); (at != "") != wanted {
			t.Errorf("with the interval %s the next check is at %q", interval, at)
		}
	}
}

// Without any setting there is nothing to change, and the certificate stays.
func TestReloadSelfSigned(t *testing.T) {
	t.Parallel()
	n := start(t, filepath.Join(t.TempDir(), "data"))
	before := n.serial()
	n.hangup(`msg="the configuration is reloaded" changed=[]`)
	if n.serial() != before || strings.Contains(n.output.String(), "restart") {
		t.Errorf("the log says %s", n.output.String())
	}
}
