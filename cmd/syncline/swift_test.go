package main_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// inSwift returns a repository in OpenStack's Swift among odd files.
func inSwift(t *testing.T, repo string) storedRepository {
	t.Helper()
	server := servers.StartSwift(t)
	server.Put(t, "container", "some folder/repo", servers.ReadFolder(t, repo))
	server.Put(t, "container", "some folder/repo", oddFiles())
	return storedRepository{
		address: "swift:container:/some folder/repo",
		env:     []string{"ST_AUTH=" + server.AuthURL, "ST_USER=" + server.User, "ST_KEY=" + server.Key},
	}
}

// TestSwiftIsRestics asks OpenStack's Swift beside restic, signed in by the first
// and the third version of the protocol and by another program.
func TestSwiftIsRestics(t *testing.T) {
	t.Parallel()
	repo, ids, source := twoSnapshots(t)
	server := servers.StartSwift(t)
	server.Put(t, "container", "some folder/repo", servers.ReadFolder(t, repo))
	account, token, err := server.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for label, env := range map[string][]string{
		"v1":      {"ST_AUTH=" + server.AuthURL, "ST_USER=" + server.User, "ST_KEY=" + server.Key},
		"v3":      {"OS_AUTH_URL=" + server.StartKeystone(t), "OS_USERNAME=" + server.User, "OS_PASSWORD=" + server.Key, "OS_USER_DOMAIN_NAME=default", "OS_REGION_NAME=here"},
		"a token": {"OS_STORAGE_URL=" + account, "OS_AUTH_TOKEN=" + token},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			r := storedRepository{
				address: "swift:container:/some folder/repo", env: env,
				options: []string{"-o", "swift.connections=3"}, secrets: []string{token},
			}
			besideRestic(t, r, "swift:container:/none", ids, source)
		})
	}
}

// TestSwiftServerDies kills the server while a repository is synchronized, and
// starts it again. It knows its tokens no more then, so that another one is needed.
func TestSwiftServerDies(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Unpack(t, "v2-old")
	server := servers.StartSwift(t)
	server.Put(t, "container", "repo", servers.ReadFolder(t, repo))
	var mu sync.Mutex
	packs, signIns := 0, 0
	door := servers.StartDoor(t, server.URL, func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(r.URL.Path, "/auth/") {
			signIns++
		}
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
	env := []string{"ST_AUTH=" + door + "/auth/v1.0", "ST_USER=" + server.User, "ST_KEY=" + server.Key}
	o := runProgram(t, env, "-r", "swift:container:/repo", "--cache-dir", filepath.Join(data, "catalogs"), "sync", "-v")
	if o.code != 0 || !strings.Contains(o.stderr, "cannot answer now (502") {
		t.Errorf("exit code %d and %s; want a try of what failed, and success", o.code, o.stderr)
	}
	if dump(t, data) != dump(t, want) {
		t.Error("the catalog differs from the local folder's")
	}
	if signIns < 2 {
		t.Errorf("signed in %d times", signIns)
	}
}

// TestBadSwift is what a user gets wrong, and reads then: one line each.
func TestBadSwift(t *testing.T) {
	t.Parallel()
	server := servers.StartSwift(t)
	server.Put(t, "container", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Hello") }))
	defer site.Close()
	v1 := []string{"ST_AUTH=" + server.AuthURL, "ST_USER=" + server.User, "ST_KEY=" + server.Key}
	with := func(more ...string) []string { return append(append([]string{}, v1...), more...) }
	for _, tt := range []struct {
		address string
		env     []string
		code    int
		message string
	}{
		{"swift:none:/repo", v1, 10, `there is no container "none"`},
		{"swift:container:/none", v1, 10, "there is no restic repository at swift:container:/none"},
		{"swift:container:/repo", with("RESTIC_PASSWORD=wrong"), 12, "wrong password or no key found"},
		{"swift:container:/repo", with("ST_KEY=guess-guess"), 1, "does not accept these credentials"},
		{"swift:container:/repo", with("ST_USER="+server.Reader, "ST_KEY="+server.Secret), 1, "these credentials may not"},
		{"swift:container:/repo", with("ST_AUTH="), 1, "OS_AUTH_URL is not set"},
		{"swift:container:/repo", with("ST_AUTH=" + server.URL), 1, "must name the version"},
		{"swift:container:/repo", with("ST_AUTH=" + site.URL + "/v1"), 1, "does not answer like an identity service"},
		{"swift:container:/repo", with("ST_AUTH=http://169.254.169.254/v1"), 1, "link-local"},
		{"swift:container:/repo", []string{"OS_STORAGE_URL=" + site.URL + "/v1/AUTH_a", "OS_AUTH_TOKEN=guess-guess"}, 1, "does not answer like OpenStack's object store"},
		{"swift:container:/repo", []string{"OS_STORAGE_URL=" + server.URL + "/v1/AUTH_test", "OS_AUTH_TOKEN=guess-guess"}, 1, "does not accept the token"},
		{"swift:container/repo", v1, 1, "must have a colon and a slash"},
	} {
		o := runProgram(t, tt.env, "-r", tt.address, "--cache-dir", t.TempDir(), "snapshots", "-v")
		if o.code != tt.code || !strings.Contains(o.stderr, tt.message) || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
			t.Errorf("%s: exit code %d and %q, want %d and %q", tt.address, o.code, o.stderr, tt.code, tt.message)
		}
		if strings.Contains(o.stderr, "guess-guess") || strings.Contains(o.stderr, server.Key+"\n") {
			t.Errorf("the message tells a secret: %s", o.stderr)
		}
	}
}

// TestSwiftOnServer attaches a container by the API alone, signed in by the first and
// the third version of the protocol.
func TestSwiftOnServer(t *testing.T) {
	t.Parallel()
	repo, _, source := twoSnapshots(t)
	files := servers.ReadFolder(t, repo)
	for _, version := range []string{"v1", "v3"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := servers.StartSwift(t)
			s.Put(t, "container", "some folder/repo", files)
			settings := object{"authUrl": s.AuthURL}
			if version == "v3" {
				settings = object{"authUrl": s.StartKeystone(t), "userDomain": "Default", "region": "here"}
			}
			testAttached(t, onServer{
				kill: s.Kill, start: s.Start,
				account: object{"accountType": "openStackSwiftAccount", "userName": s.User, "password": s.Key, "settings": settings},
				storage: object{"type": "OpenStackSwift", "address": "swift:container:/some folder/repo"},
			}, repo, source)
		})
	}
}

// TestAttachingBadSwift is what a user gets wrong with an object store.
func TestAttachingBadSwift(t *testing.T) {
	t.Parallel()
	s := servers.StartSwift(t)
	s.Put(t, "container", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	account := object{"accountType": "openStackSwiftAccount", "userName": s.User, "password": s.Key, "settings": object{"authUrl": s.AuthURL}}
	application := object{"method": "applicationCredential", "userName": nil, "settings": object{"authUrl": "https://host/v3", "applicationCredentialId": "a"}}
	for _, c := range []struct {
		change  object
		message string
	}{
		{object{"userName": ""}, "userName"},
		{object{"password": ""}, "password"},
		{object{"settings": object{}}, "settings.authUrl is required"},
		{object{"settings": object{"authUrl": s.URL}}, "settings.authUrl must name the version of its protocol"},
		{object{"settings": object{"authUrl": "http://u:hunter2@host/v3"}}, "settings.authUrl must be like"},
		{object{"settings": object{"authUrl": s.AuthURL, "tenant": "x"}}, "settings.tenant is not known"},
		{with(application, object{"settings": object{"authUrl": "https://host/v3"}}), "settings.applicationCredentialId is required"},
	} {
		if m := n.refused("POST", "/v6/Accounts", with(account, c.change), 400); !strings.Contains(m, c.message) || strings.Contains(m, "hunter2") {
			t.Errorf("%v: got %q, want %q", c.change, m, c.message)
		}
	}
	id := n.add("/v6/Accounts", 201, account)
	wrong := n.add("/v6/Accounts", 201, with(account, object{"password": "guess-guess-guess"}))
	metadata := n.add("/v6/Accounts", 201, with(account, object{"settings": object{"authUrl": "http://169.254.169.254/v3"}}))
	place := object{"name": "storage", "type": "OpenStackSwift", "accountId": id, "address": "swift:container:/repo"}
	for _, c := range []struct {
		change  object
		message string
	}{
		{object{"accountId": wrong}, "does not accept these credentials"},
		{object{"accountId": metadata}, "link-local"},
		{object{"address": "swift:none:/repo"}, `there is no container "none"`},
		{object{"address": "swift:container/repo"}, "must have a colon and a slash"},
		{object{"address": "b2:bucket:repo"}, "another kind of storage"},
	} {
		if m := n.refused("POST", "/v6/ObjectStorageRepositories", with(place, c.change), 400); !strings.Contains(m, c.message) {
			t.Errorf("%v: got %q, want %q", c.change, m, c.message)
		}
	}
	n.finish(n.sync(n.attachTo(n.add("/v6/ObjectStorageRepositories", 200, place))).ID)
	n.checkSecrets(data, "guess-guess-guess")
}

// attachTo attaches the repository at a place, whose password is the fixtures'.
func (n *node) attachTo(storage string) string {
	n.t.Helper()
	key := n.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	return n.add("/v6/BackupRepositories", 200, object{"name": "attached", "objectStorageId": storage, "encryptionKeyId": key, "retentionType": "ItemLevel"})
}
