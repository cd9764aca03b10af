package sftp_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/sftp"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// passwordServer is an SSH server of this test, which signs in ada with a password
// in the ways of its configuration. OpenSSH has passwords of the machine's users only.
func passwordServer(t *testing.T, config *ssh.ServerConfig) (hop sftp.Hop) {
	t.Helper()
	program := servers.SFTPServer(t)
	return sshServer(t, config, func(conn net.Conn) { serveSSH(t, conn, config, program) })
}

// sshServer listens for connections, which serve has each. The configuration gets a host key.
func sshServer(t *testing.T, config *ssh.ServerConfig, serve func(net.Conn)) (hop sftp.Hop) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	host, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	config.AddHostKey(host)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		work.Wait()
	})
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() { serve(conn) })
		}
	})
	key := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(host.PublicKey())))
	return sftp.Hop{Address: listener.Addr().String(), User: "ada", HostKey: key, Confirm: func(key string) (string, string) { return "hostKey", key }}
}

func serveSSH(t *testing.T, conn net.Conn, config *ssh.ServerConfig, program string) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Stdin, cmd.Stdout = channel, channel
		for r := range requests {
			_ = r.Reply(r.Type == "subsystem", nil)
			if r.Type == "subsystem" {
				break
			}
		}
		go ssh.DiscardRequests(requests)
		_ = cmd.Run()
		channel.Close()
	}
}

// TestPasswords signs in with a password, and with the answer to a question for it.
func TestPasswords(t *testing.T) {
	right := func(password []byte) (*ssh.Permissions, error) {
		if string(password) == "hunter2" {
			return nil, nil
		}
		return nil, errors.New("wrong")
	}
	question := func(echo bool, questions ...string) *ssh.ServerConfig {
		return &ssh.ServerConfig{KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "", questions, slices.Repeat([]bool{echo}, len(questions)))
			if err != nil || len(answers) != len(questions) {
				return nil, errors.New("no answer")
			}
			return right([]byte(answers[0]))
		}}
	}
	password := &ssh.ServerConfig{PasswordCallback: func(_ ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) { return right(p) }}
	for label, c := range map[string]struct {
		config   *ssh.ServerConfig
		password string
		signsIn  bool
	}{
		"a password":       {password, "hunter2", true},
		"a wrong password": {password, "guess-guess", false},
		"a question":       {question(false, "Password: "), "hunter2", true},
		"a wrong answer":   {question(false, "Password: "), "guess-guess", false},
		"two questions":    {question(false, "Password: ", "Code: "), "hunter2", false},
		"an open question": {question(true, "Code: "), "hunter2", false},
	} {
		t.Run(label, func(t *testing.T) {
			hop := passwordServer(t, c.config)
			hop.Login = sftp.Login{Password: c.password}
			err := list(t, t.TempDir(), sftp.SSH{Hops: []sftp.Hop{hop}})
			if (err == nil) != c.signsIn || err != nil && (syncline.CodeOf(err) != syncline.CodeForbidden || storage.IsRetryable(err)) {
				t.Errorf("got %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), c.password) || !strings.Contains(syncline.MessageOf(err), "with the account's password")) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestKeepalive ends a connection whose server has gone silent, long before its
// requests would. The next one has another connection.
func TestKeepalive(t *testing.T) {
	server := servers.StartSSH(t)
	write(t, server.Dir, map[string][]byte{"config": []byte("c")})
	link := servers.StartLink(t, server.Address)
	direct, silent := hopTo(t, server, "hostKey"), hopTo(t, server, "hostKey")
	silent.Address = link.Address
	var isSilent atomic.Bool
	s := sftp.Open(sftp.Config{Path: server.Dir, Connect: func(ctx context.Context) (sftp.Conn, error) {
		if isSilent.Load() {
			return sftp.SSH{Hops: []sftp.Hop{direct}}.Connect(ctx)
		}
		return sftp.SSH{Hops: []sftp.Hop{silent}, Keepalive: 20 * time.Millisecond}.Connect(ctx)
	}})
	defer s.Close()
	o := soon
	o.Stall = time.Hour
	retry := storage.NewRetry(s, o) // a machine that is busy may miss a keepalive
	if _, err := storagetest.ReadAll(t.Context(), retry, "config", 0, -1); err != nil {
		t.Fatal(err)
	}
	isSilent.Store(true)
	link.Delay(t, time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if got, err := storagetest.ReadAll(ctx, retry, "config", 0, -1); err != nil || string(got) != "c" {
		t.Errorf("%q, %v", got, err)
	}
}
