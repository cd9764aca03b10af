//go:build !windows

// Package pgtest gives tests a real PostgreSQL. Each test binary starts at most one
// server for New, and a server of its own for each Start. A server ends with the
// process that started it, however that ends, and takes its files with it.
//
// Durability against a crash of the machine is off. A server that is killed and
// started again has every committed transaction.
package pgtest

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver

	"syncline.dev/syncline/internal/needtest"
)

// Server is a PostgreSQL server with one superuser, "syncline", who needs no password
// on this machine.
type Server struct {
	// Port is where it listens on 127.0.0.1. It stays the same when the server starts again.
	Port int

	folder string // holds the data, the socket, and the log
	bin    string
	uid    *syscall.Credential // nil for the user of this process

	mu    sync.Mutex
	stdin io.Closer // its end stops the server
	shell *exec.Cmd
}

var (
	shared    *Server
	sharedErr error
	once      sync.Once
	databases atomic.Int64
)

// New returns the URL of a fresh database, which goes when the test has ended.
func New(t testing.TB) string {
	t.Helper()
	needtest.Full(t, "PostgreSQL")
	once.Do(func() { shared, sharedErr = start() })
	if sharedErr != nil {
		t.Fatal(sharedErr)
	}
	return shared.Database(t)
}

// Start starts a server for one test.
func Start(t testing.TB) *Server {
	t.Helper()
	needtest.Full(t, "PostgreSQL")
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop(t, "immediate")
		if err := os.RemoveAll(s.folder); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Database makes a database, which goes when the test has ended, and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", databases.Add(1))
	s.Exec(t, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		s.mu.Lock()
		up := s.shell != nil
		s.mu.Unlock()
		if up {
			s.Exec(t, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		}
	})
	return s.URL(name)
}

// URL returns the URL of a database by TCP.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User("syncline"), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// SocketURL returns the URL of a database by the server's UNIX socket.
func (s *Server) SocketURL(database string) string {
	q := url.Values{"host": {s.folder}, "port": {strconv.Itoa(s.Port)}, "user": {"syncline"}, "sslmode": {"disable"}}
	return "postgres:///" + database + "?" + q.Encode()
}

// Exec runs one statement in the server's own database.
func (s *Server) Exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("pgx", s.SocketURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // nothing is lost
	// Not the context of the test: cleanup comes after its end.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := db.ExecContext(ctx, statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// start makes a server's folder, and starts the server.
func start() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin}
	// The path of a socket has little room, which the folder of a test may exceed.
	if s.folder, err = os.MkdirTemp("/tmp", "pgtest"); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		if s.uid, err = ordinary(); err != nil {
			return nil, err
		}
		if err := os.Chown(s.folder, int(s.uid.Uid), int(s.uid.Gid)); err != nil {
			return nil, err
		}
	}
	if s.Port, err = freePort(); err != nil {
		return nil, err
	}
	initdb := s.command(filepath.Join(bin, "initdb"), "--pgdata", s.data(), "--username", "syncline",
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s, s.run()
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	// A server outlives the context of the test that starts it.
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Dir = s.folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.uid}
	return cmd
}

// guard runs the server until its input ends, which happens also when the process
// that holds the other end is killed. The folder of a server that was not stopped by Stop
// goes with it.
const guard = `"$@" >>log 2>&1 & p=$!
if ! read -r line; then
  kill -QUIT $p 2>/dev/null
  wait $p
  cd / && rm -rf "$OLDPWD"
fi`

// run starts the server, and waits until it answers.
func (s *Server) run() error {
	shell := s.command("/bin/sh", "-c", guard, "guard", filepath.Join(s.bin, "postgres"), "-D", s.data(),
		"-k", s.folder, "-p", strconv.Itoa(s.Port), "-h", "127.0.0.1",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=300", "-c", "shared_buffers=64MB",
		"-c", "log_line_prefix=%m [%p] ")
	stdin, err := shell.StdinPipe()
	if err != nil {
		return err
	}
	if err := shell.Start(); err != nil {
		return err
	}
	s.mu.Lock()
	s.shell, s.stdin = shell, stdin
	s.mu.Unlock()
	return s.await()
}

// await waits until the server answers.
func (s *Server) await() error {
	db, err := sql.Open("pgx", s.SocketURL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing is lost
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.folder, "log")) // adds to the error, where it is there
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, log)
		}
	}
}

// Stop stops the server: "fast" and "immediate" as pg_ctl does, "smart" waits for
// clients. It does nothing when the server is not running.
func (s *Server) Stop(t testing.TB, mode string) {
	t.Helper()
	s.mu.Lock()
	shell, stdin := s.shell, s.stdin
	s.shell = nil
	s.mu.Unlock()
	if shell == nil {
		return
	}
	out, err := s.command(filepath.Join(s.bin, "pg_ctl"), "stop", "-D", s.data(), "-m", mode, "-w", "-t", "60").CombinedOutput()
	if err != nil {
		t.Errorf("pg_ctl stop: %v\n%s", err, out)
	}
	io.WriteString(stdin.(io.Writer), "stopped\n") //nolint:errcheck // the shell may have ended
	stdin.Close()
	shell.Wait() //nolint:errcheck // the shell's end says nothing about the server
}

// Run starts the server again after Stop, with the same port and data.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
}

// programs returns the folder with the programs of the newest PostgreSQL that is
// installed.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err == nil && len(found) == 0 {
		if path, lookErr := exec.LookPath("initdb"); lookErr == nil {
			return filepath.Dir(path), nil
		}
	}
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("this test needs PostgreSQL's server programs (Debian's package postgresql); scripts/deps.sh full installs them")
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4]) // 0 for a folder with another name
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// ordinary returns a user who may run PostgreSQL, which root may not.
func ordinary() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("there is no user postgres and no user nobody to run PostgreSQL")
}

func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends at once
	if err != nil {
		return 0, err
	}
	defer ln.Close() //nolint:errcheck // nothing is lost
	return ln.Addr().(*net.TCPAddr).Port, nil
}
