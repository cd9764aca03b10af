package main_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

type object = map[string]any

// with returns an object with some fields set.
func with(o object, more object) object {
	merged := object{}
	for _, m := range []object{o, more} {
		for k, v := range m {
			merged[k] = v
		}
	}
	return merged
}

// add posts an object and returns the id of what was made.
func (n *node) add(path string, status int, body object) string {
	n.t.Helper()
	var made struct{ ID string }
	n.call("POST", path, body, status, &made)
	return made.ID
}

// refused makes a request that must fail, and returns the message.
func (n *node) refused(method, path string, body any, status int) string {
	n.t.Helper()
	var failure struct{ Message string }
	n.call(method, path, body, status, &failure)
	return failure.Message
}

// attachIn adds an account, a storage, a key and a repository, and returns
// their ids.
func (n *node) attachIn(account, storage object, password string) (accountID, storageID, keyID, repoID string) {
	n.t.Helper()
	accountID = n.add("/v6/Accounts", 201, account)
	storageID = n.add("/v6/ObjectStorageRepositories", 200, with(storage, object{"name": "the storage", "accountId": accountID}))
	keyID = n.add("/v6/EncryptionKeys", 200, object{"password": password})
	repoID = n.add("/v6/BackupRepositories", 200, object{
		"name": "the repository", "objectStorageId": storageID, "objectStorageEncryptionEnabled": true,
		"encryptionKeyId": keyID, "retentionType": "SnapshotBased",
	})
	return accountID, storageID, keyID, repoID
}

// points returns a repository's restore points without what tells two
// repositories apart.
func (n *node) points(repo string) []object {
	n.t.Helper()
	var points []object
	n.call("GET", "/v6/RestorePoints?repositoryId="+repo, nil, 200, &points)
	for _, p := range points {
		for _, field := range []string{"id", "repositoryId", "_links"} {
			delete(p, field)
		}
	}
	return points
}

// withoutSightings leaves out when restore points were first seen.
func withoutSightings(points []object) []object {
	for _, p := range points {
		delete(p, "firstSeenTime")
	}
	return points
}

// checkSecrets ends the server and fails the test when it told a secret to
// anyone, or keeps one in the clear.
func (n *node) checkSecrets(data string, secrets ...string) {
	n.t.Helper()
	title, err := os.ReadFile("/proc/" + strconv.Itoa(n.cmd.Process.Pid) + "/cmdline")
	if err != nil {
		n.t.Error(err)
	}
	if err := n.signal(syscall.SIGTERM); err != nil {
		n.t.Errorf("SIGTERM: %v", err)
	}
	told := map[string]string{"title": string(title), "log": n.output.String(), "answers": n.said.String()}
	for _, pattern := range []string{"syncline.db*", "catalogs/*"} {
		names, err := filepath.Glob(filepath.Join(data, pattern))
		if err != nil || len(names) == 0 {
			n.t.Errorf("%s: %v %v", pattern, names, err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				n.t.Fatal(err)
			}
			told[name] = string(content)
		}
	}
	for _, secret := range secrets {
		quoted, err := json.Marshal(secret)
		if err != nil {
			n.t.Fatal(err)
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), strings.Trim(string(quoted), `"`)} {
			for where, text := range told {
				if strings.Contains(text, form) {
					n.t.Errorf("the secret %q is in the %s", form, where)
				}
			}
		}
	}
	if !strings.Contains(told["log"], "/v6/Accounts") {
		n.t.Error("the log holds no requests: nothing was looked through")
	}
}

// TestAttachThroughTheAPI attaches a local folder and copies of it in object
// storage, through the API alone, and asks the same of all.
func TestAttachThroughTheAPI(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Unpack(t, "v2-old")
	localData := filepath.Join(t.TempDir(), "data")
	local := start(t, localData)
	key := local.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	id := local.add("/v6/BackupRepositories", 200, object{"name": "local", "path": repo, "encryptionKeyId": key, "retentionType": "ItemLevel"})
	local.finish(local.sync(id).ID)
	wantPoints := withoutSightings(local.points(id))
	_ = local.signal(syscall.SIGTERM)
	want := dump(t, localData)
	if len(wantPoints) != 5 {
		t.Fatalf("the local repository has the restore points %v", wantPoints)
	}

	s3, _ := inS3(t, repo)
	az := servers.StartAzure(t)
	az.Put(t, "container", "some folder/repo", servers.ReadFolder(t, repo))
	az.Put(t, "container", "some folder/repo", oddFiles())
	gs := servers.StartGoogle(t)
	gs.Put(t, "bucket", "some folder/repo", servers.ReadFolder(t, repo))
	gs.Put(t, "bucket", "some folder/repo", oddFiles())
	amazon := inAmazon(t, repo)
	for name, c := range map[string]struct{ account, storage object }{
		"S3": {
			object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey},
			object{"type": "AmazonS3Compatible", "s3Folder": "some folder/repo", "amazonBucketS3Compatible": object{"servicePoint": s3.URL, "name": "bucket"}},
		},
		"Azure": {
			object{"accountType": "azureBlobAccount", "userName": az.Account, "password": az.Key},
			object{"type": "AzureBlob", "azureFolder": "some folder/repo", "azureContainer": object{"endpoint": az.URL, "name": "container"}},
		},
		"Google": {
			object{"accountType": "googleCloudAccount", "userName": "test@test.example", "password": gs.KeyFile},
			object{"type": "GoogleCloudStorage", "googleFolder": "some folder/repo", "googleBucket": object{"endpoint": gs.URL, "name": "bucket"}},
		},
		"Amazon": {
			object{"accountType": "amazonS3Account", "userName": amazon.AccessKey, "password": amazon.SecretKey},
			object{"type": "AmazonS3", "s3Folder": "some folder/repo", "amazonBucketS3Aws": object{"regionId": amazon.Region, "name": "bucket"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			env := []string{"SYNCLINE_ADMIN_PASSWORD=" + adminPassword}
			if name == "Amazon" {
				env = append(env, "HTTPS_PROXY="+amazon.proxy.URL)
			}
			begin := func() *node { return startWith(t, env, data, "--cacert", amazon.cert).as(adminPassword) }
			n := begin()
			account, storage, key, repo := n.attachIn(c.account, c.storage, resticfixture.Password)
			done := n.finish(n.sync(repo).ID)
			if done.Statistics.SnapshotsAdded != 5 {
				t.Errorf("the session ended as %+v", done)
			}
			if got := withoutSightings(n.points(repo)); !reflect.DeepEqual(got, wantPoints) {
				t.Errorf("got the restore points\n%v\nof the local folder\n%v", got, wantPoints)
			}
			if again := n.finish(n.sync(repo).ID); again.Statistics.SnapshotsTotal != 5 || again.Statistics.SnapshotsAdded != 0 {
				t.Errorf("the second session ended as %+v", again)
			}
			// A server that was started anew opens it too.
			if err := n.signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			if dump(t, data) != want {
				t.Error("the catalog differs from the local folder's")
			}
			n = begin()
			n.finish(n.sync(repo).ID)
			for path, user := range map[string]string{
				"/v6/Accounts/" + account: "the storage", "/v6/ObjectStorageRepositories/" + storage: "the repository", "/v6/EncryptionKeys/" + key: "the repository",
			} {
				if m := n.refused("DELETE", path, nil, 409); !strings.Contains(m, user) {
					t.Errorf("%s: %q does not name %q", path, m, user)
				}
			}
			n.call("DELETE", "/v6/BackupRepositories/"+repo, nil, 204, nil)
			n.call("DELETE", "/v6/ObjectStorageRepositories/"+storage, nil, 204, nil)
			n.call("DELETE", "/v6/Accounts/"+account, nil, 204, nil)
		})
	}
}

// amazonHost is where Amazon's buckets are, each with its name before it.
const amazonHost = "s3.dualstack.us-east-1.amazonaws.com"

// amazon is an S3 server that answers for Amazon's names to who comes through
// its proxy and trusts its certificate.
type amazon struct {
	*servers.S3
	cert  string
	proxy *servers.Proxy
}

func inAmazon(t *testing.T, repo string) amazon {
	t.Helper()
	cert, key := certificate(t, "*."+amazonHost)
	server := servers.StartS3(t, cert, key, amazonHost)
	server.Put(t, "bucket", "some folder/repo", servers.ReadFolder(t, repo))
	server.Put(t, "bucket", "some folder/repo", oddFiles())
	a := amazon{server, cert, servers.StartProxy(t, server.URL)}
	t.Cleanup(func() {
		if hosts := a.proxy.Hosts(); !slices.Equal(hosts, []string{"bucket." + amazonHost + ":443"}) {
			t.Errorf("Amazon was looked for at %q", hosts)
		}
	})
	return a
}

// attachS3 starts a server with a repository attached in S3.
func attachS3(t *testing.T, password string) (n *node, data string, s3 *servers.S3, ids [4]string) {
	t.Helper()
	s3 = servers.StartS3(t)
	s3.Put(t, "bucket", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	data = filepath.Join(t.TempDir(), "data")
	n = start(t, data)
	ids[0], ids[1], ids[2], ids[3] = n.attachIn(
		object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey},
		object{"type": "AmazonS3Compatible", "s3Folder": "repo", "amazonBucketS3Compatible": object{"servicePoint": s3.URL, "name": "bucket"}}, password)
	return n, data, s3, ids
}

// TestAttachingWhatIsWrong is what a user gets wrong, and reads then.
func TestAttachingWhatIsWrong(t *testing.T) {
	t.Parallel()
	n, data, s3, ids := attachS3(t, resticfixture.SecondPassword) // which nothing else here is called
	account, key := ids[0], ids[2]
	const wrongSecret, wrongPassword = "guess-guess/guess+guess=", "not the password at all"
	sas := "sv=2024-01-01&se=2030-01-01&sig=bm90LXRvLWJlLXRvbGQ%3D"
	wrongAccount := n.add("/v6/Accounts", 201, object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": wrongSecret})
	nobody := n.add("/v6/Accounts", 201, object{"accountType": "amazonS3CompatibleAccount", "userName": "AKIANOBODY", "password": wrongSecret})
	signed := n.add("/v6/Accounts", 201, object{"accountType": "azureBlobAccount", "userName": "someaccount", "password": sas})
	google := n.add("/v6/Accounts", 201, object{"accountType": "googleCloudAccount", "userName": "a label", "password": `{"type":"service_account","private_key":"` + wrongSecret + `","client_email":"x@y.example"}`})
	wrongKey := n.add("/v6/EncryptionKeys", 200, object{"password": wrongPassword})
	redirects := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest/meta-data/", http.StatusTemporaryRedirect))
	defer redirects.Close()
	site := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer site.Close()
	bucket := func(servicePoint, name string) object {
		return object{"amazonBucketS3Compatible": object{"servicePoint": servicePoint, "name": name}}
	}
	good := with(bucket(s3.URL, "bucket"), object{"name": "new", "type": "AmazonS3Compatible", "accountId": account, "s3Folder": "repo"})
	for _, c := range []struct {
		change  object
		status  int
		message string
	}{
		{bucket(s3.URL, "none-such"), 400, `amazonBucketS3Compatible.name: there is no bucket "none-such"`},
		{object{"accountId": wrongAccount}, 400, "accountId: the secret key does not belong to the access key"},
		{object{"accountId": nobody}, 400, "accountId: the storage at " + strings.TrimPrefix(s3.URL, "http://") + " does not know this access key"},
		{bucket("http://169.254.169.254", "bucket"), 400, "amazonBucketS3Compatible: the storage's endpoint leads to 169.254.169.254, a "},
		{bucket("http://[::ffff:169.254.169.254]", "bucket"), 400, "leads to 169.254.169.254"},
		{bucket("http://100.100.100.200", "bucket"), 400, "a cloud's metadata address"},
		{bucket(redirects.URL, "bucket"), 400, "does not answer like an S3 server"}, // not followed
		{bucket(site.URL, "bucket"), 400, "does not answer like an S3 server"},
		{bucket("https://user:hunter2@host", "bucket"), 400, "the endpoint must be a host's name"},
		{bucket(strings.TrimPrefix(s3.URL, "http://"), "bucket"), 400, "does not speak https"},
		{bucket("http://127.0.0.1:1", "bucket"), 503, "cannot be reached now"},
		{bucket(s3.URL, "No Bucket!"), 400, "is no name of a bucket"},
		{object{"s3Folder": "a/../b"}, 400, "the folder in the bucket has no valid name"},
		{object{"type": "AzureBlob", "accountId": signed, "s3Folder": "", "amazonBucketS3Compatible": nil, "azureContainer": object{"name": "c", "endpoint": site.URL}}, 400, "a shared access signature is sent to Azure's own addresses only"},
		{object{"type": "GoogleCloudStorage", "accountId": google, "s3Folder": "", "amazonBucketS3Compatible": nil, "googleBucket": object{"name": "bucket", "endpoint": site.URL}}, 400, "googleBucket: access tokens are sent over https to Google's own addresses"},
		{object{"type": "GoogleCloudStorage", "accountId": google, "s3Folder": "", "amazonBucketS3Compatible": nil, "googleBucket": object{"name": "No Bucket!"}}, 400, "is no name of a bucket"},
	} {
		if m := n.refused("POST", "/v6/ObjectStorageRepositories", with(good, c.change), c.status); !strings.Contains(m, c.message) {
			t.Errorf("%v: got %q, want %q", c.change, m, c.message)
		}
	}
	elsewhere := n.add("/v6/ObjectStorageRepositories", 200, with(good, object{"s3Folder": "elsewhere"}))
	repository := object{"name": "another", "objectStorageId": ids[1], "encryptionKeyId": key, "retentionType": "ItemLevel"}
	for message, change := range map[string]object{
		`objectStorageId: there is no restic repository in the folder "elsewhere" of "bucket"`: {"objectStorageId": elsewhere},
		"encryptionKeyId: wrong password": {"encryptionKeyId": wrongKey},
	} {
		if m := n.refused("POST", "/v6/BackupRepositories", with(repository, change), 400); !strings.Contains(m, message) {
			t.Errorf("got %q, want %q", m, message)
		}
	}
	n.finish(n.sync(ids[3]).ID)
	n.checkSecrets(data, s3.SecretKey, wrongSecret, wrongPassword, resticfixture.SecondPassword, sas, "bm90LXRvLWJlLXRvbGQ", "hunter2")
}

// TestChangedSecret changes the credentials of a repository that is attached.
func TestChangedSecret(t *testing.T) {
	t.Parallel()
	n, data, s3, ids := attachS3(t, resticfixture.Password)
	account := "/v6/Accounts/" + ids[0]
	const wrong = "guess-guess/guess+guess="
	for body, part := range map[*object]string{
		{"password": wrong}:                            "the secret key does not belong",
		{"newPassword": wrong}:                         "the secret key does not belong",
		{"userName": "AKIANOBODY"}:                     "does not know this access key",
		{"oldPassword": wrong, "newPassword": "short"}: "oldPassword is not the secret",
	} {
		if m := n.refused("PUT", account, body, 400); !strings.Contains(m, part) {
			t.Errorf("%v: got %q", *body, m)
		}
	}
	n.finish(n.sync(ids[3]).ID) // with the old ones
	n.call("PUT", account, object{"newPassword": s3.SecretKey, "oldPassword": s3.SecretKey, "description": "new"}, 200, nil)
	n.finish(n.sync(ids[3]).ID)
	n.call("PUT", "/v6/ObjectStorageRepositories/"+ids[1], object{"name": "renamed"}, 200, nil)
	if m := n.refused("PUT", "/v6/ObjectStorageRepositories/"+ids[1], object{"s3Folder": ""}, 400); !strings.Contains(m, `"the repository" does not open there`) {
		t.Errorf("got %q", m)
	}
	s3.Put(t, "other", "moved/here", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	n.call("PUT", "/v6/ObjectStorageRepositories/"+ids[1], object{"s3Folder": "moved/here", "amazonBucketS3Compatible": object{"name": "other"}}, 200, nil)
	var repo struct{ IsOutOfSync bool }
	n.call("GET", "/v6/BackupRepositories/"+ids[3], nil, 200, &repo)
	if !repo.IsOutOfSync {
		t.Error("a repository that was moved is not out of sync")
	}
	n.finish(n.sync(ids[3]).ID)
	n.checkSecrets(data, s3.SecretKey, wrong)
}

// TestDenyPrivateEndpoints starts a server that connects to no private
// address, under whatever name.
func TestDenyPrivateEndpoints(t *testing.T) {
	t.Parallel()
	s3 := servers.StartS3(t)
	s3.Put(t, "bucket", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	n := start(t, filepath.Join(t.TempDir(), "data"), "--deny-private-endpoints")
	account := n.add("/v6/Accounts", 201, object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey})
	azure := n.add("/v6/Accounts", 201, object{"accountType": "azureBlobAccount", "userName": "someaccount", "password": "a2V5"})
	for _, endpoint := range []string{s3.URL, strings.Replace(s3.URL, "127.0.0.1", "localhost", 1), "http://10.1.2.3", "http://0.0.0.0"} {
		body := object{"name": "n", "type": "AmazonS3Compatible", "accountId": account, "amazonBucketS3Compatible": object{"servicePoint": endpoint, "name": "bucket"}}
		for _, m := range []string{
			n.refused("POST", "/v6/ObjectStorageRepositories", body, 400),
			n.refused("GET", "/v6/S3CompatibleResources/buckets?accountId="+account+"&ServicePoint="+url.QueryEscape(endpoint), nil, 400),
		} {
			if !strings.Contains(m, "which this server does not connect to") {
				t.Errorf("%s: got %q", endpoint, m)
			}
		}
	}
	m := n.refused("GET", "/v6/AzureResources/containers?RegionType=Global&accountId="+azure+"&Endpoint="+url.QueryEscape(s3.URL), nil, 400)
	if !strings.Contains(m, "an address of this very machine") {
		t.Errorf("got %q", m)
	}
	if log, err := os.ReadFile(s3.AccessLog); err != nil || strings.Count(string(log), "\n") > 1 { // the first line is a title
		t.Errorf("the storage was asked: %s (%v)", log, err)
	}
}

// TestServerTrustsAuthorities reaches a storage with a certificate of its own.
func TestServerTrustsAuthorities(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, "127.0.0.1")
	s3 := servers.StartS3(t, cert, key)
	s3.Put(t, "bucket", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	for _, flags := range [][]string{nil, {"--cacert", cert}} {
		n := start(t, filepath.Join(t.TempDir(), "data"), flags...)
		account := object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey}
		storage := object{
			"type": "AmazonS3Compatible", "name": "n", "accountId": n.add("/v6/Accounts", 201, account),
			"amazonBucketS3Compatible": object{"servicePoint": s3.URL, "name": "bucket"},
		}
		if flags != nil {
			n.add("/v6/ObjectStorageRepositories", 200, storage)
		} else if m := n.refused("POST", "/v6/ObjectStorageRepositories", storage, 400); !strings.Contains(m, "issued by an authority that is not trusted here") {
			t.Errorf("got %q", m)
		}
	}
}

// TestBrowsing finds a repository from nothing but the credentials.
func TestBrowsing(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{"config": []byte("x"), "keys/a": []byte("x")}
	s3, az, gs := servers.StartS3(t), servers.StartAzure(t), servers.StartGoogle(t)
	for bucket, folder := range map[string]string{"first": "some folder/repo", "second": "a+b%2Fc"} {
		s3.Put(t, bucket, folder, files)
		az.Put(t, bucket, folder, files)
		gs.Put(t, bucket, folder, files)
	}
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	account := n.add("/v6/Accounts", 201, object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey})
	azure := n.add("/v6/Accounts", 201, object{"accountType": "azureBlobAccount", "userName": az.Account, "password": az.Key})
	google := n.add("/v6/Accounts", 201, object{"accountType": "googleCloudAccount", "userName": "test@test.example", "password": gs.KeyFile})
	for base, query := range map[string]url.Values{
		"/v6/S3CompatibleResources/buckets": {"accountId": {account}, "ServicePoint": {s3.URL}, "CustomRegionId": {s3.Region}},
		"/v6/AzureResources/containers":     {"accountId": {azure}, "RegionType": {"Global"}, "Endpoint": {az.URL}},
		"/v6/GoogleResources/buckets":       {"accountId": {google}, "Endpoint": {gs.URL}},
	} {
		names := func(path string, more ...string) []string {
			t.Helper()
			q := url.Values{}
			for k, v := range query {
				q[k] = v
			}
			for i := 0; i < len(more); i += 2 {
				q.Set(more[i], more[i+1])
			}
			var found []struct {
				Name, Path string
				Links      struct{ Self struct{ Href string } } `json:"_links"`
			}
			n.call("GET", base+path+"?"+q.Encode(), nil, 200, &found)
			all := []string{}
			for _, f := range found {
				n.call("GET", f.Links.Self.Href, nil, 200, nil)
				all = append(all, f.Name)
			}
			return all
		}
		for _, c := range []struct{ got, want []string }{
			{names(""), []string{"first", "second"}},
			{names("", "Name", "second"), []string{"second"}},
			{names("/first/folders"), []string{"some folder"}},
			{names("/first/folders", "Parent", "some folder"), []string{"repo"}},
			{names("/first/folders", "Parent", "some folder/repo"), []string{"keys"}},
			{names("/second/folders"), []string{"a+b%2Fc"}},
			{names("/first/folders", "Parent", "none"), []string{}},
		} {
			if !slices.Equal(c.got, c.want) {
				t.Errorf("%s: got %q, want %q", base, c.got, c.want)
			}
		}
		for _, path := range []string{"/none-such", "/none-such/folders", "/first/folders/none"} {
			if m := n.refused("GET", base+path+"?"+query.Encode(), nil, 404); !strings.HasPrefix(m, "there is no ") {
				t.Errorf("%s: got %q", path, m)
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(data, "catalogs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "catalogs", "none"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n.checkSecrets(data, s3.SecretKey, az.Key, gs.KeyFile, gs.Token)
}
