package postgres

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/storetest"
)

// startPooler starts a pgbouncer in transaction mode before the server of a URL, with few
// connections, so that clients often change theirs. It returns the pooler's address.
func startPooler(t *testing.T, url string) string {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	dir, err := os.MkdirTemp("/tmp", "pooler") //nolint:usetesting // another user has to reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	users := write("users.txt", `"syncline" ""`)
	ini := write("pgbouncer.ini", fmt.Sprintf(`[databases]
* = host=%s port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = transaction
default_pool_size = 3
`, config.Host, config.Port, port, users))
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"-q", ini}
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...)
	}
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // where a user's PATH does not lead
	}
	cmd := exec.CommandContext(context.Background(), program, args...)
	if err := cmd.Start(); err != nil {
		t.Fatalf("this test needs pgbouncer, which scripts/deps.sh full installs: %v", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	ready := time.NewTicker(20 * time.Millisecond)
	defer ready.Stop()
	for range 500 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return address
		}
		<-ready.C
	}
	t.Fatal("pgbouncer does not answer")
	return ""
}

// The store does not notice that its connections are shared with others, and change from
// one transaction to the next.
func TestPooler(t *testing.T) {
	needtest.Full(t, "PostgreSQL")
	first := pgtest.New(t)
	address := startPooler(t, first)
	var places sync.Map // of URL by place
	storetest.Run(t, func(t *testing.T, place string) store.Store {
		url, ok := places.Load(place)
		if !ok {
			url, _ = places.LoadOrStore(place, pgtest.New(t))
		}
		config, err := pgx.ParseConfig(url.(string))
		if err != nil {
			t.Fatal(err)
		}
		direct := net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
		pooled := strings.Replace(url.(string), direct, address, 1)
		s, err := OpenWith(t.Context(), pooled, Options{ListenURL: url.(string)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
