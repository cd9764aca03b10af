package main_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// inB2 returns a repository in Backblaze's stand-in, which answers for Backblaze's
// own names to who comes through its proxy and trusts its certificate.
func inB2(t *testing.T, server *servers.B2, address string, key servers.B2Key) storedRepository {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, server.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	return storedRepository{
		address: address,
		env:     []string{"HTTPS_PROXY=" + server.Proxy, "B2_ACCOUNT_ID=" + key.ID, "B2_ACCOUNT_KEY=" + key.Key},
		options: []string{"--cacert", ca, "-o", "b2.connections=3"},
		secrets: []string{key.Key, "not-to-be-told"},
	}
}

func inB2WithOddFiles(t *testing.T, repo string) storedRepository {
	t.Helper()
	server := servers.StartB2(t)
	server.Put("the-bucket", "some folder/repo", servers.ReadFolder(t, repo))
	server.Put("the-bucket", "some folder/repo", oddFiles())
	return inB2(t, server, "b2:the-bucket:some folder/repo", servers.B2Key{ID: server.ID, Key: server.Key})
}

// TestB2IsRestics asks Backblaze's stand-in beside restic, with a key of the account
// and one of the bucket.
func TestB2IsRestics(t *testing.T) {
	t.Parallel()
	repo, ids, source := twoSnapshots(t)
	server := servers.StartB2(t)
	server.Put("the-bucket", "some folder/repo", servers.ReadFolder(t, repo))
	server.Put("the-bucket", "none", nil)
	limited := servers.B2Key{ID: "0034cd", Key: "K003not-to-be-told", Bucket: "the-bucket", Capabilities: []string{"listBuckets", "listFiles", "readFiles"}}
	server.Allow(limited)
	for label, key := range map[string]servers.B2Key{"a key of the account": {ID: server.ID, Key: server.Key}, "a key of the bucket": limited} {
		t.Run(label, func(t *testing.T) {
			besideRestic(t, inB2(t, server, "b2:the-bucket:some folder/repo", key), "b2:the-bucket:none", ids, source)
		})
	}
}

// TestB2Calls compares the calls of a listing and a first synchronization with what
// restic makes to list snapshots.
func TestB2Calls(t *testing.T) {
	t.Parallel()
	repo, _, _ := twoSnapshots(t)
	server := servers.StartB2(t)
	server.Put("the-bucket", "repo", servers.ReadFolder(t, repo))
	r := inB2(t, server, "b2:the-bucket:repo", servers.B2Key{ID: server.ID, Key: server.Key})
	calls := func(run func() outcome) map[string]int {
		before := server.Calls()
		if o := run(); o.code != 0 {
			t.Fatal(o.stderr)
		}
		made := server.Calls()
		for call := range made {
			made[call] -= before[call]
		}
		return made
	}
	theirs := calls(func() outcome {
		return runPinned(t, r.env, append([]string{"-r", r.address, "snapshots", "--no-cache", "--no-lock"}, r.options...)...)
	})
	cache := "SYNCLINE_CACHE_DIR=" + t.TempDir()
	ours := calls(func() outcome {
		return runProgram(t, append(r.env, cache), append([]string{"-r", r.address, "sync"}, r.options...)...)
	})
	again := calls(func() outcome {
		return runProgram(t, append(r.env, cache), append([]string{"-r", r.address, "sync"}, r.options...)...)
	})
	t.Logf("restic snapshots: %v; a first sync: %v; a second sync: %v", theirs, ours, again)
	// The configuration, and the key where the check is slow.
	if dear := again["b2_authorize_account"] + again["b2_list_buckets"] + again["b2_list_file_names"]; dear > 5 || again["b2_list_buckets"] > 1 || again["b2_download_file_by_name"] > 2 {
		t.Errorf("a synchronization with nothing new makes %v", again)
	}
}

// TestB2ServiceIsAway synchronizes while the service is away for a while, and knows
// its tokens no more.
func TestB2ServiceIsAway(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Unpack(t, "v2-old")
	server := servers.StartB2(t)
	r := inB2(t, server, "b2:the-bucket:repo", servers.B2Key{ID: server.ID, Key: server.Key})
	server.Put("the-bucket", "repo", servers.ReadFolder(t, repo))
	var mu sync.Mutex
	packs, requests := 0, 0
	server.Watch(func(path string) {
		mu.Lock()
		defer mu.Unlock()
		if requests++; strings.Contains(path, "/data/") {
			packs++
		}
		switch {
		case packs == 2:
			packs++
			requests = 0
			server.Down(true)
		case packs > 2 && requests == 4:
			server.Down(false)
		}
	})
	data, want := t.TempDir(), t.TempDir()
	if o := runProgram(t, nil, "-r", repo, "--cache-dir", filepath.Join(want, "catalogs"), "sync"); o.code != 0 {
		t.Fatal(o.stderr)
	}
	o := runProgram(t, r.env, append([]string{"-r", r.address, "--cache-dir", filepath.Join(data, "catalogs"), "sync", "-v"}, r.options...)...)
	if o.code != 0 || !strings.Contains(o.stderr, "cannot answer now (503") {
		t.Errorf("exit code %d and %s; want a try of what failed, and success", o.code, o.stderr)
	}
	if dump(t, data) != dump(t, want) {
		t.Error("the catalog differs from the local folder's")
	}
	if n := server.Calls()["b2_authorize_account"]; n < 2 {
		t.Errorf("signed in %d times", n)
	}
}

// TestBadB2 is what a user gets wrong, and reads then: one line each.
func TestBadB2(t *testing.T) {
	t.Parallel()
	server := servers.StartB2(t)
	server.Put("the-bucket", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	server.Put("other-bucket", "", nil)
	all := []string{"listBuckets", "listFiles", "readFiles"}
	server.Allow(servers.B2Key{ID: "other", Key: "k-not-to-be-told", Bucket: "other-bucket", Capabilities: all})
	server.Allow(servers.B2Key{ID: "blind", Key: "k-not-to-be-told", Bucket: "the-bucket", Capabilities: all[:1]})
	good := inB2(t, server, "b2:the-bucket:repo", servers.B2Key{ID: server.ID, Key: server.Key})
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Hello") }))
	defer site.Close()
	for _, tt := range []struct {
		address string
		env     []string
		options []string
		code    int
		message string
	}{
		{"b2:none-such:repo", nil, nil, 10, `there is no bucket "none-such"`},
		{"b2:the-bucket:none", nil, nil, 10, "there is no restic repository at b2:the-bucket:none"},
		{good.address, []string{"RESTIC_PASSWORD=wrong"}, nil, 12, "wrong password or no key found"},
		{good.address, []string{"B2_ACCOUNT_KEY=guess-not-to-be-told"}, nil, 1, `does not accept the application key "0012ab34"`},
		{good.address, []string{"B2_ACCOUNT_ID=other", "B2_ACCOUNT_KEY=k-not-to-be-told"}, nil, 1, "opens another bucket"},
		{good.address, []string{"B2_ACCOUNT_ID=blind", "B2_ACCOUNT_KEY=k-not-to-be-told"}, nil, 1, "this application key may not"},
		{good.address, []string{"B2_ACCOUNT_ID="}, nil, 1, "B2_ACCOUNT_ID is not set"},
		{good.address, []string{"B2_ACCOUNT_KEY="}, nil, 1, "B2_ACCOUNT_KEY is not set"},
		{good.address, []string{"HTTPS_PROXY=" + servers.StartProxy(t, site.URL).URL}, []string{"--insecure-tls"}, 1, "is not Backblaze's"},
		{"b2:a_bucket:repo", nil, nil, 1, "no name of a bucket"},
	} {
		args := append([]string{"-r", tt.address, "--cache-dir", t.TempDir(), "snapshots", "-v"}, good.options...)
		o := runProgram(t, append(append([]string{}, good.env...), tt.env...), append(args, tt.options...)...)
		if o.code != tt.code || !strings.Contains(o.stderr, tt.message) || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
			t.Errorf("%s %q: exit code %d and %q, want %d and %q", tt.address, tt.env, o.code, o.stderr, tt.code, tt.message)
		}
		if strings.Contains(o.stderr, "not-to-be-told") {
			t.Errorf("the message tells a secret: %s", o.stderr)
		}
	}
}

// TestB2OnServer attaches a bucket by the API alone, with a key that is limited to
// the repository's folder.
func TestB2OnServer(t *testing.T) {
	repo, _, source := twoSnapshots(t)
	server := servers.StartB2(t)
	server.Put("the-bucket", "some folder/repo", servers.ReadFolder(t, repo))
	key := servers.B2Key{ID: "0034cd", Key: "K003not-to-be-told", Bucket: "the-bucket", Prefix: "some folder/", Capabilities: []string{"listFiles", "readFiles"}}
	server.Allow(key)
	t.Setenv("HTTPS_PROXY", server.Proxy)
	t.Setenv("NO_PROXY", "127.0.0.1")
	testAttached(t, onServer{
		kill: func() { server.Down(true) }, start: func() { server.Down(false) },
		flags:   inB2(t, server, "", key).options[:2],
		account: object{"accountType": "backblazeB2Account", "userName": key.ID, "password": key.Key},
		storage: object{"type": "BackblazeB2", "address": "b2:the-bucket:some folder/repo"},
		secrets: []string{key.Key, "not-to-be-told"},
	}, repo, source)
}

// TestAttachingBadB2 is what a user gets wrong with Backblaze.
func TestAttachingBadB2(t *testing.T) {
	server := servers.StartB2(t)
	server.Put("the-bucket", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	server.Put("other-bucket", "", nil)
	server.Allow(servers.B2Key{ID: "other", Key: "k-not-to-be-told", Bucket: "other-bucket", Capabilities: []string{"listFiles", "readFiles"}})
	t.Setenv("HTTPS_PROXY", server.Proxy)
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data, inB2(t, server, "", servers.B2Key{}).options[:2]...)
	account := object{"accountType": "backblazeB2Account", "userName": server.ID, "password": server.Key}
	for _, c := range []struct {
		change  object
		message string
	}{
		{object{"userName": ""}, "userName"},
		{object{"password": ""}, "password"},
		{object{"settings": object{"region": "x"}}, "settings.region is not known"},
	} {
		if m := n.refused("POST", "/v6/Accounts", with(account, c.change), 400); !strings.Contains(m, c.message) {
			t.Errorf("%v: got %q, want %q", c.change, m, c.message)
		}
	}
	id := n.add("/v6/Accounts", 201, account)
	wrong := n.add("/v6/Accounts", 201, with(account, object{"password": "guess-not-to-be-told"}))
	other := n.add("/v6/Accounts", 201, with(account, object{"userName": "other", "password": "k-not-to-be-told"}))
	place := object{"name": "storage", "type": "BackblazeB2", "accountId": id, "address": "b2:the-bucket:repo"}
	for _, c := range []struct {
		change  object
		message string
	}{
		{object{"accountId": wrong}, "does not accept the application key"},
		{object{"accountId": other}, "opens another bucket"},
		{object{"address": "b2:none-such:repo"}, `there is no bucket "none-such"`},
		{object{"address": "b2:a_bucket:repo"}, "no name of a bucket"},
		{object{"address": "swift:bucket:/repo"}, "another kind of storage"},
	} {
		if m := n.refused("POST", "/v6/ObjectStorageRepositories", with(place, c.change), 400); !strings.Contains(m, c.message) {
			t.Errorf("%v: got %q, want %q", c.change, m, c.message)
		}
	}
	n.finish(n.sync(n.attachTo(n.add("/v6/ObjectStorageRepositories", 200, place))).ID)
	n.checkSecrets(data, "not-to-be-told")
}
