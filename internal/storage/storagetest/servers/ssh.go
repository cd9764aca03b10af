package servers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/programtest"
)

// SSH is a running OpenSSH server with SFTP, which lets in the user of the test
// with a key. Dir is a folder for repositories.
type SSH struct {
	Address, Host, Port string
	Dir                 string
	User                string
	Key                 string   // file of the client's private key
	KnownHosts          string   // file with the server's host key
	HostKey             string   // in the form of authorized_keys
	Options             []string // of the ssh program, so that it uses nothing of the user's

	t      testing.TB
	config string
	home   string
	stop   func()
}

// SFTPServer returns the path of OpenSSH's SFTP server, which speaks with its
// input and output.
func SFTPServer(t testing.TB) string {
	t.Helper()
	return debian(t, "/usr/lib/openssh/sftp-server", "openssh-sftp-server")
}

// debian returns the path of a program that scripts/deps.sh installs.
func debian(t testing.TB, path, name string) string {
	t.Helper()
	needtest.Full(t, name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is not installed: run scripts/deps.sh full", name)
	}
	return path
}

// StartSSH starts sshd for the test. The lines are further ones of its
// configuration.
func StartSSH(t testing.TB, lines ...string) *SSH {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &SSH{
		Address: freeAddress(t), Dir: t.TempDir(), User: me.Username, home: me.HomeDir, t: t,
		Key: filepath.Join(dir, "client"), KnownHosts: filepath.Join(dir, "known_hosts"), config: filepath.Join(dir, "sshd_config"),
	}
	s.Host, s.Port, _ = net.SplitHostPort(s.Address)
	MakeKey(t, s.Key, "ed25519", "")
	allowed := ReadText(t, s.Key+".pub")
	put(t, filepath.Join(dir, "authorized_keys"), allowed)
	put(t, s.config, strings.Join(append(lines,
		"ListenAddress "+s.Address, "HostKey "+filepath.Join(dir, "host"), "AuthorizedKeysFile "+filepath.Join(dir, "authorized_keys"),
		"PidFile none", "StrictModes no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes",
		"Subsystem sftp "+SFTPServer(t), ""), "\n"))
	s.Options = []string{
		"-F", "none", "-i", s.Key, "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=" + s.KnownHosts, "-o", "StrictHostKeyChecking=yes",
	}
	s.NewHostKey("ed25519")
	s.Start()
	return s
}

// Allow lets in a further key, in the form of authorized_keys.
func (s *SSH) Allow(key string) {
	s.t.Helper()
	file := filepath.Join(filepath.Dir(s.config), "authorized_keys")
	put(s.t, file, ReadText(s.t, file)+key)
}

// NewHostKey gives the server another host key of a type, which it uses from
// its next start on, and which KnownHosts then has.
func (s *SSH) NewHostKey(kind string) {
	s.t.Helper()
	path := filepath.Join(filepath.Dir(s.config), "host")
	_ = os.Remove(path)
	MakeKey(s.t, path, kind, "")
	words := strings.Fields(ReadText(s.t, path+".pub"))
	s.HostKey = words[0] + " " + words[1]
	put(s.t, s.KnownHosts, fmt.Sprintf("[%s]:%s %s\n", s.Host, s.Port, s.HostKey))
}

// Start starts the server again after Kill, at the same address.
func (s *SSH) Start() {
	s.t.Helper()
	path := debian(s.t, "/usr/sbin/sshd", "openssh-server")
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // sshd wants it
			s.t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(context.WithoutCancel(s.t.Context()), path, "-D", "-e", "-f", s.config)
	stop := start(s.t, cmd, s.Address, "Server listening on")
	s.stop = sync.OnceFunc(func() {
		killTree(cmd.Process.Pid)
		stop()
	})
	s.t.Cleanup(s.stop)
}

// Kill ends the server with all connections, each of which has a process.
func (s *SSH) Kill() {
	s.t.Helper()
	s.stop()
}

// killTree kills a process and its descendants. sshd puts them into sessions of
// their own.
func killTree(pid int) {
	_ = programtest.Freeze(pid) // it starts no others meanwhile
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		var parent int
		_, rest, _ := strings.Cut(string(content), ") ")
		if _, err := fmt.Sscanf(rest[min(len(rest), 2):], "%d", &parent); err != nil || parent != pid {
			continue
		}
		if child, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			killTree(child)
		}
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

// Command is the value of restic's option sftp.command, which connects with the
// server.
func (s *SSH) Command() string {
	return "ssh " + strings.Join(s.Options, " ") + " -p " + s.Port + " -l " + s.User + " " + s.Host + " -s sftp"
}

// Home is the folder in which relative paths begin.
func (s *SSH) Home() string { return s.home }

// Repository is the address of a folder in Dir, in restic's form.
func (s *SSH) Repository(name string) string {
	return "sftp://" + s.User + "@" + s.Address + "/" + filepath.Join(s.Dir, name)
}

// MakeKey makes a key pair with ssh-keygen: the private key in file, and the
// public one in file.pub. It is read with the passphrase.
func MakeKey(t testing.TB, file, kind, passphrase string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), debian(t, "/usr/bin/ssh-keygen", "openssh-client"), "-q", "-a", "1", "-t", kind, "-N", passphrase, "-C", "", "-f", file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// ReadText returns the content of a file.
func ReadText(t testing.TB, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func put(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
