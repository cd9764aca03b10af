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
	t.Parallel()
	server := servers.SFTPServer(t)
	storagetest.Run(t, func(t *testing.T, files map[string][]byte) storage.Storage {
		dir := t.TempDir()
		write(t, dir, files)
		return through(t, dir, server)
	})
}

// TestConformanceSSH reads through the ssh program and sshd.
func TestConformanceSSH(t *testing.T) {
	t.Parallel()
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

// TestRequests bounds the requests of listings and reads.
func TestRequests(t *testing.T) {
	dir := t.TempDir()
	files := map[string][]byte{"keys/" + storagetest.ID(1): []byte("k"), "data/ab/pack": make([]byte, 1<<20)}
	for i := range 2500 {
		files["snapshots/"+storagetest.ID(i)] = []byte("s")
	}
	write(t, dir, files)
	server := servers.SFTPServer(t)
	list := func(dir string) func(*testing.T, storage.Storage) {
		return func(t *testing.T, s storage.Storage) {
			if _, err := storagetest.ListAll(t, s, dir); err != nil {
				t.Error(err)
			}
		}
	}
	read := func(offset, length int64) func(*testing.T, storage.Storage) {
		return func(t *testing.T, s storage.Storage) {
			if _, err := storagetest.ReadAll(t.Context(), s, "data/ab/pack", offset, length); err != nil {
				t.Error(err)
			}
		}
	}
	for label, c := range map[string]struct {
		do   func(*testing.T, storage.Storage)
		most int64
	}{
		"a small folder":            {list("keys"), 1 + 1 + 4 + 2},        // open, a page, the ends, close and a look
		"a page for each 100 names": {list("snapshots"), 1 + 26 + 16 + 2}, // open, pages, the ends, close and a look
		"a part of a pack":          {read(1000, 100_000), 3},             // open, read, close
		"a pack of which is known":  {read(0, 1<<20), 1 + 8 + 1},          // a read for each 128 KiB
		"a pack up to its end":      {read(0, -1), 1 + 8 + 2},             // and its size
	} {
		t.Run(label, func(t *testing.T) {
			counter := storage.NewCounter(through(t, dir, server))
			c.do(t, counter)
			requests, _, _ := counter.Counts()
			for kind, n := range requests {
				if n < 2 || n > c.most {
					t.Errorf("%s: %d requests, want %d at most", kind, n, c.most)
				}
			}
		})
	}
}
