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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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

// TestRESTOnServer attaches REST servers with each way of signing in.
func TestRESTOnServer(t *testing.T) {
	t.Parallel()
	repo, _, source := twoSnapshots(t)
	files := servers.ReadFolder(t, repo)
	pair, err := os.ReadFile(keyPair(t))
	if err != nil {
		t.Fatal(err)
	}
	chain, key, _ := strings.Cut(string(pair), "-----BEGIN PRIVATE KEY")
	key = "-----BEGIN PRIVATE KEY" + key
	for method, c := range map[string]struct {
		flags   []string
		account object
	}{
		"password":          {[]string{"--private-repos"}, object{"userName": "reader"}},
		"none":              {[]string{"--no-auth"}, object{}},
		"clientCertificate": {[]string{"--append-only"}, object{"userName": "reader", "settings": object{"certificate": chain}}},
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			s := servers.StartREST(t, c.flags...)
			s.Put(t, "reader/some repo", files)
			at := onServer{kill: s.Kill, start: s.Start, secrets: []string{s.Password}}
			at.account = with(c.account, object{"accountType": "restServerAccount", "method": method})
			switch method {
			case "password":
				at.account["password"] = s.Password
			case "clientCertificate":
				d := openDoor(t, s.URL, nil, true)
				theirs := filepath.Join(t.TempDir(), "server.pem")
				if err := os.WriteFile(theirs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw}), 0o600); err != nil {
					t.Fatal(err)
				}
				s.URL, at.flags = d.URL, []string{"--cacert", theirs}
				at.account["secrets"] = object{"key": key, "password": s.Password}
				at.secrets = append(at.secrets, key, strings.Split(key, "\n")[1])
			}
			at.storage = object{"type": "RestServer", "address": "rest:" + s.URL + "/reader/some%20repo/"}
			testAttached(t, at, repo, source)
		})
	}
}

// TestAttachingBadREST is what a user gets wrong with a REST server.
func TestAttachingBadREST(t *testing.T) {
	t.Parallel()
	s := servers.StartREST(t, "--private-repos")
	s.Put(t, "reader/repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	s.Put(t, "other/repo", map[string][]byte{"config": nil})
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	pair, err := os.ReadFile(keyPair(t))
	if err != nil {
		t.Fatal(err)
	}
	chain, _, _ := strings.Cut(string(pair), "-----BEGIN PRIVATE KEY")
	_, key, _ := strings.Cut(string(pair), chain)
	other, err := os.ReadFile(keyPair(t))
	if err != nil {
		t.Fatal(err)
	}
	account := object{"accountType": "restServerAccount", "userName": "reader", "password": s.Password}
	for _, c := range []struct {
		change  object
		message string
	}{
		{object{"userName": ""}, "userName"},
		{object{"userName": "a:b"}, "userName must not have a colon in it"},
		{object{"password": ""}, "password"},
		{object{"method": "none"}, "cannot be honoured: the method none has no"},
		{object{"method": "sign"}, "method"},
		{object{"settings": object{"certificate": chain}}, "settings.certificate"},
		{object{"method": "clientCertificate", "settings": object{"certificate": chain}}, "secrets.key is required"},
		{object{"method": "clientCertificate", "settings": object{"certificate": string(other)}, "secrets": object{"key": key}}, "do not belong together"},
	} {
		if m := n.refused("POST", "/v6/Accounts", with(account, c.change), 400); !strings.Contains(m, c.message) || strings.Contains(m, "BEGIN") {
			t.Errorf("%v: got %q, want %q", c.change, m, c.message)
		}
	}
	id := n.add("/v6/Accounts", 201, account)
	wrong := n.add("/v6/Accounts", 201, with(account, object{"password": "guess-guess-guess"}))
	none := n.add("/v6/Accounts", 201, object{"accountType": "restServerAccount", "method": "none"})
	place := object{"name": "storage", "type": "RestServer", "accountId": id, "address": "rest:" + s.URL + "/reader/repo/"}
	for _, c := range []struct {
		change  object
		status  int
		message string
	}{
		{object{"accountId": wrong}, 400, "does not accept the user name with this password"},
		{object{"accountId": none}, 400, "asks for a user name and a password, and none are given"},
		{object{"address": "rest:" + s.URL + "/other/repo/"}, 400, "private repositories"},
		{object{"address": "rest:" + withUser(s, s.URL) + "/reader/repo/"}, 400, "the address has a user name or a password in it"},
		{object{"address": "rest:http+unix:///var/run/docker.sock:/"}, 400, "the server reaches no Unix sockets"},
		{object{"address": "rest:http://169.254.169.254/"}, 400, "link-local"},
		{object{"address": "s3:host/bucket"}, 400, "another kind of storage"},
		{object{"address": "rest:http://127.0.0.1:1/"}, 503, "cannot be reached now"},
		{object{"settings": object{"hostKey": "x"}}, 400, "settings.hostKey"},
	} {
		if m := n.refused("POST", "/v6/ObjectStorageRepositories", with(place, c.change), c.status); !strings.Contains(m, c.message) {
			t.Errorf("%v: got %q, want %q", c.change, m, c.message)
		}
	}
	storage := n.add("/v6/ObjectStorageRepositories", 200, place)
	elsewhere := n.add("/v6/ObjectStorageRepositories", 200, with(place, object{"name": "empty", "address": "rest:" + s.URL + "/reader/none/"}))
	password := n.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	repository := object{"name": "repository", "objectStorageId": elsewhere, "encryptionKeyId": password, "retentionType": "ItemLevel"}
	if m := n.refused("POST", "/v6/BackupRepositories", repository, 400); !strings.Contains(m, `there is no restic repository in the folder "reader/none"`) {
		t.Errorf("a place without a repository: %q", m)
	}
	repo := n.add("/v6/BackupRepositories", 200, with(repository, object{"objectStorageId": storage}))
	if m := n.refused("PUT", "/v6/Accounts/"+id, object{"password": "guess-guess-guess"}, 400); !strings.Contains(m, "does not accept the user name") {
		t.Errorf("a wrong new password: %q", m)
	}
	n.finish(n.sync(repo).ID)
	n.checkSecrets(data, s.Password, "guess-guess-guess")
}
