package api

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
)

func TestSelfSignedCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, fingerprint, created, err := LoadOrCreateCertificate(dir, testTime)
	if err != nil || !created {
		t.Fatal(created, err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	leaf := cert.Leaf
	for _, name := range []string{host, "localhost", "127.0.0.1", "::1"} {
		if err := leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("the key is %T", leaf.PublicKey)
	}
	if len(fingerprint) != 32*3-1 || fingerprint != strings.ToUpper(fingerprint) || strings.Count(fingerprint, ":") != 31 {
		t.Errorf("the fingerprint is %q", fingerprint)
	}
	info, err := os.Stat(filepath.Join(dir, certificateFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	again, same, created, err := LoadOrCreateCertificate(dir, testTime.Add(certificateLife-time.Second))
	if err != nil || created || same != fingerprint || !bytes.Equal(again.Certificate[0], cert.Certificate[0]) {
		t.Errorf("the second start: %v, %v", created, err)
	}
	renewed, other, created, err := LoadOrCreateCertificate(dir, testTime.Add(certificateLife))
	if err != nil || !created || other == fingerprint || renewed.Leaf.NotAfter.Before(testTime.Add(certificateLife)) {
		t.Errorf("after it expired: %v, %v", created, err)
	}
}

func TestCertificateFailures(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, certificateFile)
	if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := LoadOrCreateCertificate(dir, testTime); syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), "delete it") {
		t.Errorf("a damaged file: %v", err)
	}
	if data, _ := os.ReadFile(file); string(data) != "nonsense" {
		t.Error("a damaged file was replaced")
	}
	if _, _, created, err := LoadOrCreateCertificate(filepath.Join(dir, "new", "folder"), testTime); err != nil || !created {
		t.Errorf("a folder that is to be made: %v", err)
	}
	if _, _, _, err := LoadOrCreateCertificate(filepath.Join(file, "below"), testTime); syncline.CodeOf(err) != syncline.CodeUnavailable {
		t.Errorf("a folder that cannot be: %v", err)
	}
}

func TestOperatorsCertificate(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, err := newCertificate(testTime)
	if err != nil {
		t.Fatal(err)
	}
	two, err := newCertificate(testTime)
	if err != nil {
		t.Fatal(err)
	}
	good, other, text := write("one.pem", one), write("two.pem", two), write("text", []byte("hello"))
	cert, err := LoadCertificate(good, good)
	if err != nil || !slices.ContainsFunc(cert.Leaf.IPAddresses, net.IPv6loopback.Equal) {
		t.Errorf("a good pair: %v", err)
	}
	if cert.Leaf.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("the key usage is %v", cert.Leaf.KeyUsage)
	}
	for _, c := range []struct{ cert, key, part string }{
		{filepath.Join(dir, "none"), good, "certificate file cannot be read"},
		{good, filepath.Join(dir, "none"), "key file cannot be read"},
		{dir, good, "certificate file cannot be read"},
		{text, good, "certificate file holds no PEM"},
		{good, text, "key file holds no PEM"},
		{good, other, "do not fit together"},
	} {
		_, err := LoadCertificate(c.cert, c.key)
		// The operator, who alone sees the message, is told which file cannot be read.
		named := strings.Contains(syncline.MessageOf(err), dir) == strings.Contains(c.part, "cannot be read")
		if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), c.part) || !named {
			t.Errorf("want %q, got %q", c.part, syncline.MessageOf(err))
		}
	}
}
