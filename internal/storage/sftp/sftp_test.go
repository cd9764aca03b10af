package sftp_test

import (
	"os"
	"path/filepath"
	"testing"

	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/sftp"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// through opens a folder through a program.
func through(t *testing.T, dir string, words ...string) *sftp.Storage {
	t.Helper()
	s := sftp.Open(sftp.Config{Path: dir, Connect: sftp.Program{Words: words}.Connect})
	t.Cleanup(func() { s.Close() })
	return s
}

// sshWords are the ssh program that connects with a server.
func sshWords(s *servers.SSH) []string {
	return append(append([]string{"ssh"}, s.Options...), "-p", s.Port, "-l", s.User, s.Host, "-s", "sftp")
}

// TestConformance reads through OpenSSH's SFTP server.
func TestConformance(t *testing.T) {
	server := servers.SFTPServer(t)
	storagetest.Run(t, func(t *testing.T, files map[string][]byte) storage.Storage {
		dir := t.TempDir()
		write(t, dir, files)
		return through(t, dir, server)
	})
}

// TestConformanceSSH reads through the ssh program and sshd.
func TestConformanceSSH(t *testing.T) {
	server := servers.StartSSH(t)
	storagetest.RunRepository(t, func(t *testing.T, files map[string][]byte) storage.Storage {
		dir := t.TempDir()
		write(t, dir, files)
		return through(t, dir, sshWords(server)...)
	})
}

// TestFaults reads through faults of every kind.
func TestFaults(t *testing.T) {
	server := servers.SFTPServer(t)
	dir := t.TempDir()
	files := storagetest.SomeFiles()
	write(t, dir, files)
	storagetest.CheckThroughFaults(t, storagetest.NewFault(through(t, dir, server), 1, 0.2), files)
}
