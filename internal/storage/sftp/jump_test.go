package sftp_test

import (
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"syncline.dev/syncline/internal/storage/sftp"
	"syncline.dev/syncline/internal/storage/storagetest"
)

// stuckConn is the server's end of a connection, which reads nothing once it is stuck.
type stuckConn struct {
	net.Conn
	stuck, over chan struct{}
}

func (c *stuckConn) Read(p []byte) (int, error) {
	select {
	case <-c.stuck:
		<-c.over
		return 0, io.EOF
	default:
		return c.Conn.Read(p[:min(len(p), 1024)])
	}
}

// stuckJump is a jump host that stops to read when stuck is closed. Then it makes its client
// write until the client cannot any more: each channel that it opens is refused with its name.
func stuckJump(t *testing.T, stuck chan struct{}) sftp.Hop {
	t.Helper()
	config := &ssh.ServerConfig{NoClientAuth: true}
	over := make(chan struct{})
	hop := sshServer(t, config, func(raw net.Conn) {
		_ = raw.(*net.TCPConn).SetReadBuffer(4096)
		conn := &stuckConn{Conn: raw, stuck: stuck, over: over}
		defer conn.Close()
		server, channels, requests, err := ssh.NewServerConn(conn, config)
		if err != nil {
			return
		}
		defer server.Close()
		go ssh.DiscardRequests(requests)
		go func() {
			<-stuck
			for range 2000 {
				go func() { _, _, _ = server.OpenChannel(strings.Repeat("x", 16<<10), nil) }()
			}
		}()
		for c := range channels {
			forward(t, c)
		}
	})
	t.Cleanup(func() { close(over) }) // before the server's own end
	return hop
}

// forward connects a channel with the address that its client names.
func forward(t *testing.T, c ssh.NewChannel) {
	var to struct {
		Host     string
		Port     uint32
		From     string
		FromPort uint32
	}
	if err := ssh.Unmarshal(c.ExtraData(), &to); err != nil {
		t.Error(err)
		return
	}
	target, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", net.JoinHostPort(to.Host, strconv.FormatUint(uint64(to.Port), 10)))
	if err != nil {
		_ = c.Reject(ssh.ConnectionFailed, "")
		return
	}
	channel, requests, err := c.Accept()
	if err != nil {
		target.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	go func() { _, _ = io.Copy(target, channel); target.Close() }()
	go func() { _, _ = io.Copy(channel, target); channel.Close() }()
}

// TestStuckJumpHost closes a storage while its jump host reads nothing, so that no goodbye to
// the server behind it goes out: after the sign-in, and in the middle of it.
func TestStuckJumpHost(t *testing.T) {
	t.Run("after the sign-in", func(t *testing.T) {
		t.Parallel()
		stuck := make(chan struct{})
		dir := t.TempDir()
		write(t, dir, map[string][]byte{"config": []byte("c")})
		end := passwordServer(t, &ssh.ServerConfig{NoClientAuth: true})
		way := sftp.SSH{Hops: []sftp.Hop{stuckJump(t, stuck), end}}
		s := sftp.Open(sftp.Config{Path: dir, Connect: way.Connect})
		if _, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1); err != nil {
			t.Fatal(err)
		}
		close(stuck)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := storagetest.ReadAll(ctx, s, "config", 0, -1); err == nil {
			t.Error("a jump host that reads nothing has an answer")
		}
		closes(t, s)
	})
	t.Run("in the sign-in", func(t *testing.T) {
		t.Parallel()
		stuck := make(chan struct{})
		config := &ssh.ServerConfig{NoClientAuth: true}
		end := sshServer(t, config, func(conn net.Conn) {
			defer conn.Close()
			_, _ = conn.Write([]byte("SSH-2.0-stuck\r\n"))
			_, _ = conn.Read(make([]byte, 1))
			close(stuck)
			_, _ = io.Copy(io.Discard, conn)
		})
		way := sftp.SSH{Hops: []sftp.Hop{stuckJump(t, stuck), end}}
		s := sftp.Open(sftp.Config{Path: t.TempDir(), Connect: way.Connect, Patience: 2 * time.Second})
		if err := s.List(t.Context(), "keys", func(string, int64) error { return nil }); err == nil {
			t.Error("a jump host that reads nothing has a listing")
		}
		closes(t, s)
	})
}

// closes closes a storage, which must not wait for what a server does not read.
func closes(t *testing.T, s *sftp.Storage) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.Close() }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the storage does not close")
	}
}
