// Package servers starts real object storage servers for tests: versitygw for
// S3, Azurite for Azure Blob, fake-gcs-server for Google Cloud Storage,
// rest-server for restic's REST protocol.
// scripts/servers.sh installs them. A test that needs one fails without it.
package servers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline/internal/needtest"
)

// startTimeout bounds the time before a server says that it is ready.
const startTimeout = time.Minute

// S3 is a running S3 server. Each folder in Dir is a bucket, and each file in
// the folder is an object. Tests may put files there directly.
type S3 struct {
	URL, Region          string
	AccessKey, SecretKey string
	Dir                  string
	AccessLog            string // one line a request, in Amazon's log format
}

// StartS3 starts versitygw for the test. With a certificate and its key (files
// in PEM) it speaks https. With a domain as a third argument it also has
// buckets as hosts of the domain.
func StartS3(t testing.TB, certAndKey ...string) *S3 {
	t.Helper()
	return startS3(t, []string{"--nometa", "--default-etag", "none"}, certAndKey...)
}

// StartLockingS3 starts a versitygw that keeps objects' locks. Tests put objects with a
// client.
func StartLockingS3(t testing.TB) *S3 {
	t.Helper()
	return startS3(t, []string{"--sidecar", t.TempDir()})
}

func startS3(t testing.TB, backend []string, certAndKey ...string) *S3 {
	t.Helper()
	address := freeAddress(t)
	s := &S3{
		URL: "http://" + address, Region: "us-east-1", AccessKey: "AKIATESTONLY", SecretKey: "not-a-secret-but-long-enough",
		Dir: t.TempDir(), AccessLog: filepath.Join(t.TempDir(), "access.log"),
	}
	args := []string{"--port", address, "--access-log", s.AccessLog, "--keep-alive"}
	if len(certAndKey) >= 2 {
		args = append(args, "--cert", certAndKey[0], "--key", certAndKey[1])
		s.URL = "https://" + address
	}
	if len(certAndKey) == 3 {
		args = append(args, "--virtual-domain", certAndKey[2])
	}
	args = append(append(append(args, "posix"), backend...), s.Dir)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), installed(t, "bin", "versitygw"), args...)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+s.AccessKey, "ROOT_SECRET_ACCESS_KEY="+s.SecretKey)
	start(t, cmd, address, "S3 service listening on")
	return s
}

// Azure is a running Azure Blob server, with an account.
type Azure struct{ URL, Account, Key string }

// StartAzure starts Azurite for the test.
func StartAzure(t testing.TB) *Azure {
	t.Helper()
	main := installed(t, "azurite", "node_modules", "azurite", "dist", "src", "blob", "main.js")
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is missing: install Node.js, then run scripts/servers.sh")
	}
	address := freeAddress(t)
	host, port, _ := net.SplitHostPort(address)
	// The account is the one in Azurite's documentation. It opens nothing else.
	a := &Azure{
		URL: "http://" + address + "/devstoreaccount1", Account: "devstoreaccount1",
		Key: "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), node, main, "--blobHost", host, "--blobPort", port,
		"--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck")
	cmd.Dir = t.TempDir()
	start(t, cmd, address, "successfully listens on")
	return a
}

// GCS is a running Google Cloud Storage server that asks for no credentials.
type GCS struct{ URL string }

// StartGCS starts fake-gcs-server for the test.
func StartGCS(t testing.TB) *GCS {
	t.Helper()
	address := freeAddress(t)
	host, port, _ := net.SplitHostPort(address)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), installed(t, "bin", "fake-gcs-server"), "-backend", "memory", "-scheme", "http",
		"-host", host, "-port", port, "-public-host", address, "-data", t.TempDir())
	start(t, cmd, address, "server started at")
	return &GCS{URL: "http://" + address}
}

// installed returns a path below .cache/servers.
func installed(t testing.TB, elements ...string) string {
	t.Helper()
	needtest.Full(t, "the servers that scripts/servers.sh installs")
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "scripts", "servers.sh")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("scripts/servers.sh is in no folder above this test")
		}
		dir = parent
	}
	path := filepath.Join(append([]string{dir, ".cache", "servers"}, elements...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the test server %s is not installed: run scripts/servers.sh", elements[len(elements)-1])
	}
	return path
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// start runs cmd for the test. It returns when cmd has written ready and takes
// connections, because some servers write ready a moment too early. The address
// is a host with a port, or the path of a socket. The returned function kills cmd
// before the test ends.
func start(t testing.TB, cmd *exec.Cmd, address, ready string) (kill func()) {
	t.Helper()
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = w.CloseWithError(cmd.Wait())
	}()
	kill = func() {
		_ = cmd.Process.Kill()
		<-exited
	}
	t.Cleanup(kill)
	network := "tcp"
	if filepath.IsAbs(address) {
		network = "unix"
	}
	var said transcript
	isReady := make(chan struct{})
	go said.follow(r, ready, isReady)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(startTimeout); ; {
		select {
		case <-isReady:
			if conn, err := new(net.Dialer).DialContext(t.Context(), network, address); err == nil {
				_ = conn.Close()
				return kill
			}
		case <-exited:
			t.Fatalf("%s ended before it was ready:\n%s", filepath.Base(cmd.Path), said.String())
		case <-late:
			t.Fatalf("%s was not ready within %s:\n%s", filepath.Base(cmd.Path), startTimeout, said.String())
		}
		<-tick.C
	}
}

// transcript keeps the last lines of a server's output.
type transcript struct {
	mu    sync.Mutex
	lines []string
}

func (s *transcript) follow(r io.Reader, ready string, isReady chan struct{}) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		s.mu.Lock()
		s.lines = append(s.lines[max(0, len(s.lines)-20):], lines.Text())
		s.mu.Unlock()
		if isReady != nil && strings.Contains(lines.Text(), ready) {
			close(isReady)
			isReady = nil
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line that is too long must not block the server
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(strings.Join(s.lines, "\n"))
}
