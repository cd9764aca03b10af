package servers

import (
	"context"
	"crypto/sha1" //nolint:gosec // the form of the server's file of passwords
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// REST is a running server of restic's REST protocol. Dir is what it serves:
// each folder in it is a repository, or the repositories of a user.
type REST struct {
	URL            string // "http+unix:///…" for a socket
	Dir            string
	User, Password string
	Log            string // file with a line for each request

	t       testing.TB
	address string
	args    []string
	stop    func()
}

// StartREST starts rest-server for the test, which asks for REST's user and
// password. The arguments are rest-server's own: --no-auth, --append-only,
// --private-repos, and --tls with --tls-cert and --tls-key.
func StartREST(t testing.TB, args ...string) *REST {
	t.Helper()
	s := newREST(t, freeAddress(t), args)
	scheme := "http://"
	for _, arg := range args {
		if arg == "--tls" {
			scheme = "https://"
		}
	}
	s.URL = scheme + s.address
	s.Start()
	return s
}

// StartRESTSocket is StartREST at a Unix socket.
func StartRESTSocket(t testing.TB, args ...string) *REST {
	t.Helper()
	dir, err := os.MkdirTemp("", "rest") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "socket")
	s := newREST(t, socket, append(args, "--listen", "unix:"+socket))
	s.URL = "http+unix://" + socket + ":"
	s.Start()
	return s
}

func newREST(t testing.TB, address string, args []string) *REST {
	t.Helper()
	s := &REST{Dir: t.TempDir(), User: "reader", Password: "not-a-secret:@/%", Log: filepath.Join(t.TempDir(), "access.log"), t: t, address: address}
	s.args = append([]string{"--listen", address, "--path", s.Dir, "--log", s.Log}, args...)
	sum := sha1.Sum([]byte(s.Password)) //nolint:gosec // the form of the server's file of passwords
	line := s.User + ":{SHA}" + base64.StdEncoding.EncodeToString(sum[:]) + "\n"
	if err := os.WriteFile(filepath.Join(s.Dir, ".htpasswd"), []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// Start starts the server again after Kill, at the same address.
func (s *REST) Start() {
	s.t.Helper()
	if filepath.IsAbs(s.address) {
		_ = os.Remove(s.address) // a killed server leaves its socket
	}
	cmd := exec.CommandContext(context.WithoutCancel(s.t.Context()), installed(s.t, "bin", "rest-server"), s.args...)
	s.stop = start(s.t, cmd, s.address, "start server on")
}

// Kill ends the server at once, as a power cut does.
func (s *REST) Kill() { s.stop() }

// Put puts files into a repository. The folder "" is the root.
func (s *REST) Put(t testing.TB, folder string, files map[string][]byte) {
	t.Helper()
	(&S3{Dir: s.Dir}).Put(t, folder, "", files)
}
