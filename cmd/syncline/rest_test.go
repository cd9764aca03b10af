package main_test

import (
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// withUser puts a server's user and password into an address.
func withUser(s *servers.REST, address string) string {
	return strings.Replace(address, "://", "://"+url.UserPassword(s.User, s.Password).String()+"@", 1)
}

// TestRESTIsRestics asks REST servers of each sort beside restic.
func TestRESTIsRestics(t *testing.T) {
	repo, ids, source := twoSnapshots(t)
	files := servers.ReadFolder(t, repo)
	cert, key := certificate(t, "127.0.0.1")
	for label, start := range map[string]func(t *testing.T) (s *servers.REST, folder string, r storedRepository){
		"user in the address": func(t *testing.T) (*servers.REST, string, storedRepository) {
			s := servers.StartREST(t, "--append-only")
			return s, "some folder/repo", storedRepository{address: "rest:" + withUser(s, s.URL) + "/some%20folder/repo"}
		},
		"user in the environment and a private repository": func(t *testing.T) (*servers.REST, string, storedRepository) {
			s := servers.StartREST(t, "--private-repos")
			return s, "reader/repo", storedRepository{
				address: "rest:" + s.URL + "/reader/repo/",
				env:     []string{"RESTIC_REST_USERNAME=" + s.User, "RESTIC_REST_PASSWORD=" + s.Password},
			}
		},
		"https": func(t *testing.T) (*servers.REST, string, storedRepository) {
			s := servers.StartREST(t, "--tls", "--tls-cert", cert, "--tls-key", key, "--no-auth")
			return s, "", storedRepository{address: "rest:" + s.URL, options: []string{"--cacert", cert, "-o", "rest.connections=2"}}
		},
		"a socket": func(t *testing.T) (*servers.REST, string, storedRepository) {
			s := servers.StartRESTSocket(t)
			return s, "repo", storedRepository{address: "rest:" + withUser(s, s.URL) + "/repo/"}
		},
		"a client certificate and listings of names": func(t *testing.T) (*servers.REST, string, storedRepository) {
			s := servers.StartREST(t, "--no-auth")
			old := servers.StartDoor(t, s.URL, func(_ http.ResponseWriter, r *http.Request) bool { r.Header.Del("Accept"); return false })
			d := openDoor(t, old, nil, true)
			theirs := filepath.Join(t.TempDir(), "server.pem")
			if err := os.WriteFile(theirs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw}), 0o600); err != nil {
				t.Fatal(err)
			}
			return s, "repo", storedRepository{address: "rest:" + d.URL + "/repo", options: []string{"--cacert", theirs, "--tls-client-cert", keyPair(t)}}
		},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			s, folder, r := start(t)
			s.Put(t, folder, files)
			r.secrets = []string{s.Password, url.PathEscape(s.Password), url.QueryEscape(s.Password)}
			none := strings.TrimSuffix(r.address, "/") + "/none"
			besideRestic(t, r, none, ids, source)
		})
	}
}

// TestRESTServerDies kills the server while a repository is synchronized, and
// starts it again.
func TestRESTServerDies(t *testing.T) {
	repo := resticfixture.Unpack(t, "v2-old")
	server := servers.StartREST(t, "--no-auth")
	server.Put(t, "repo", servers.ReadFolder(t, repo))
	var mu sync.Mutex
	packs := 0
	door := servers.StartDoor(t, server.URL, func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if !strings.Contains(r.URL.Path, "/data/") {
			return false
		}
		packs++
		switch packs {
		case 2:
			server.Kill()
		case 6:
			server.Start()
		}
		return false
	})
	data, want := t.TempDir(), t.TempDir()
	if o := runProgram(t, nil, "-r", repo, "--cache-dir", filepath.Join(want, "catalogs"), "sync"); o.code != 0 {
		t.Fatal(o.stderr)
	}
	o := runProgram(t, nil, "-r", "rest:"+door+"/repo", "--cache-dir", filepath.Join(data, "catalogs"), "sync", "-v")
	if o.code != 0 || !strings.Contains(o.stderr, "cannot answer now (502") {
		t.Errorf("exit code %d and %s; want a try of what failed, and success", o.code, o.stderr)
	}
	if dump(t, data) != dump(t, want) {
		t.Error("the catalog differs from the local folder's")
	}
}

// TestBadREST tells of servers that do not answer as they should.
func TestBadREST(t *testing.T) {
	server := servers.StartREST(t)
	server.Put(t, "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	site := servers.StartDoor(t, server.URL, func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write([]byte("<html>Hello"))
		return true
	})
	for _, tt := range []struct {
		address string
		code    int
		message string
	}{
		{"rest:" + server.URL + "/repo", 1, "asks for a user name and a password, and none are given"},
		{"rest:" + strings.Replace(server.URL, "://", "://reader:hunter2@", 1) + "/repo", 1, "does not accept the user name with this password"},
		{"rest:" + withUser(server, server.URL) + "/none", 10, "there is no restic repository at rest:" + server.URL + "/none/"},
		{"rest:" + strings.Replace(site, "://", "://reader:hunter2@", 1) + "/repo", 1, "sent the page of a web site"},
		{"rest:" + strings.Replace(server.URL, "http://", "https://reader:hunter2@", 1) + "/repo", 1, "does not speak https"},
		{"rest:http://reader:hunter2@169.254.169.254/repo", 1, "link-local"},
		{"rest:reader:hunter2@host/repo", 1, "names no server"},
	} {
		o := runProgram(t, nil, "-r", tt.address, "--cache-dir", t.TempDir(), "snapshots", "-v")
		if o.code != tt.code || !strings.Contains(o.stderr, tt.message) || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
			t.Errorf("%s: exit code %d and %q, want %d and %q", tt.address, o.code, o.stderr, tt.code, tt.message)
		}
		if strings.Contains(o.stderr, "hunter2") || strings.Contains(o.stderr, "not-a-secret") {
			t.Errorf("the message tells the password: %s", o.stderr)
		}
	}
	// The default of a flag is not shown where it is an address.
	if o := runProgram(t, []string{"RESTIC_REPOSITORY=rest:http://reader:hunter2@host/repo"}, "snapshots", "--help"); strings.Contains(o.stdout+o.stderr, "hunter2") {
		t.Errorf("the help tells the password: %s", o.stdout)
	}
}
