package sftp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/sftp"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

var soon = storage.RetryOptions{MinDelay: time.Millisecond, MaxDelay: 20 * time.Millisecond}

// TestServerComesBack kills sshd while a file is read, and starts it again.
func TestServerComesBack(t *testing.T) {
	t.Parallel()
	server := servers.StartSSH(t)
	content := storagetest.Bytes(3, 12<<20)
	write(t, server.Dir, map[string][]byte{"data/ab/pack": content})
	failed := make(chan struct{}, 1000)
	o := soon
	o.OnEvent = func(storage.Event) { failed <- struct{}{} }
	retry := storage.NewRetry(through(t, server.Dir, sshWords(server)...), o)
	r, err := retry.Open(t.Context(), "data/ab/pack", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	start := make([]byte, 100_000)
	if _, err := io.ReadFull(r, start); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	go func() {
		<-failed
		server.Start()
	}()
	rest, err := io.ReadAll(r)
	if err != nil || string(start)+string(rest) != string(content) {
		t.Errorf("after the server's return: %d bytes, %v", len(rest), err)
	}
}

// TestProgramThatFails repeats what the program says, at once.
func TestProgramThatFails(t *testing.T) {
	server := servers.StartSSH(t)
	stranger := servers.StartSSH(t)
	options := append([]string{"ssh"}, server.Options...)
	for label, c := range map[string]struct {
		words []string
		want  string
	}{
		"nobody listens": {append(options, "-p", "1", server.Host, "-s", "sftp"), "Connection refused"},
		"wrong host key": {append(options, "-o", "HostKeyAlias=x", "-p", server.Port, server.Host, "-s", "sftp"), "Host key verification failed"},
		"wrong key":      {append([]string{"ssh"}, "-F", "none", "-i", stranger.Key, "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile="+server.KnownHosts, "-p", server.Port, server.Host, "-s", "sftp"), "Permission denied"},
		"no subsystem":   {append(options, "-p", server.Port, server.Host, "-s", "nothing"), "subsystem request failed"},
		"another answer": {[]string{"echo", "Welcome to this server"}, "login script"},
		"no answer":      {[]string{"true"}, "true ended (exit status 0)"},
		"no program":     {[]string{"no-such-program-here"}, "there is no program"},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			var said []string
			p := sftp.Program{Words: c.words, Say: func(line string) { said = append(said, line) }}
			s := sftp.Open(sftp.Config{Path: server.Dir, Connect: p.Connect, Once: true})
			o := soon
			o.OnEvent = func(e storage.Event) { t.Errorf("is tried again: %v", e.Err) }
			err := storage.NewRetry(s, o).List(t.Context(), "keys", func(string, int64) error { return nil })
			if err == nil || !strings.Contains(syncline.MessageOf(err), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			lines := len(said)
			if _, again := s.Open(t.Context(), "config", 0, 1); !errors.Is(again, err) {
				t.Errorf("the next call gives %v", again)
			}
			s.Close()
			if len(said) != lines {
				t.Errorf("the program ran again and said %q", said)
			}
			if strings.Contains(c.want, "Permission") && !strings.Contains(strings.Join(said, "\n"), c.want) {
				t.Errorf("the user was shown %q", said)
			}
		})
	}
}

// script returns a program that a shell runs, with a file that has the number of its
// starts.
func script(t *testing.T, text string) (words []string, starts func() int) {
	t.Helper()
	count := filepath.Join(t.TempDir(), "starts")
	return []string{"sh", "-c", "echo start >>" + count + "\n" + text}, func() int {
		content, _ := os.ReadFile(count)
		return strings.Count(string(content), "start")
	}
}

// TestSilentServer ends a connection on which nothing comes. The next try has a
// connection of its own.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	server := servers.SFTPServer(t)
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"config": []byte("c")})
	stopped := filepath.Join(t.TempDir(), "stopped")
	// The first server is stopped after its greeting, which has 200 bytes at most.
	words, starts := script(t, fmt.Sprintf(`
if [ ! -e %[1]s ]; then touch %[1]s; %[2]s | (dd bs=1 count=9 2>/dev/null; exec sleep 1000); fi
exec %[2]s`, stopped, server))
	o := soon
	o.Stall = 300 * time.Millisecond
	var stalled int
	o.OnEvent = func(e storage.Event) { stalled++ }
	s := sftp.Open(sftp.Config{Path: dir, Patience: time.Second, Connect: sftp.Program{Words: words}.Connect})
	defer s.Close()
	got, err := storagetest.ReadAll(t.Context(), storage.NewRetry(s, o), "config", 0, -1)
	if err != nil || string(got) != "c" {
		t.Errorf("got %q, %v", got, err)
	}
	if stalled == 0 || starts() < 2 {
		t.Errorf("%d tries failed in %d starts", stalled, starts())
	}
}

// TestCancelWhileConnecting ends the program that nobody waits for.
func TestCancelWhileConnecting(t *testing.T) {
	s := sftp.Open(sftp.Config{Path: "/", Connect: sftp.Program{Words: []string{"sleep", "1000"}}.Connect})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.List(ctx, "keys", func(string, int64) error { return nil }) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	s.Close()
	if _, err := s.Open(t.Context(), "config", 0, 1); err == nil {
		t.Error("a storage that is closed opens a file")
	}
}
