package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// vendors stands in for all clouds' services. Its storages are empty.
type vendors struct{ tokenCloud }

func (v *vendors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.Host, "sts."):
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAOWN</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
			`<SessionToken>own session</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	case strings.HasSuffix(r.Host, ".amazonaws.com"):
		v.mu.Lock()
		v.bearer = r.Header.Get("X-Amz-Security-Token")
		v.mu.Unlock()
		w.Header().Set("Content-Type", "application/xml")
		if r.URL.Query().Has("prefix") {
			fmt.Fprint(w, `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated></ListBucketResult>`)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<Error><Code>NoSuchKey</Code></Error>`)
	default:
		v.tokenCloud.ServeHTTP(w, r)
	}
}

// TestOwnIdentity lets accounts use the machine's identity only where the operator allows it,
// and shows its tokens to the vendors' own addresses only.
func TestOwnIdentity(t *testing.T) {
	t.Parallel()
	cloud := &vendors{}
	world := servers.StartCloud(t, cloud)
	near := httptest.NewServer(&cloud.tokenCloud)
	defer near.Close()
	typed := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("a typed endpoint is asked: %v", r.Header) }))
	defer typed.Close()
	home := t.TempDir()
	writeFiles(t, home, map[string]string{"jwt": "jwt"})
	env := slices.Concat([]string{
		"SYNCLINE_ADMIN_PASSWORD=" + adminPassword, "HOME=" + home, "AWS_WEB_IDENTITY_TOKEN_FILE=" + home + "/jwt", "AWS_ROLE_ARN=arn:aws:iam::1:role/r",
		"GCE_METADATA_HOST=" + strings.TrimPrefix(near.URL, "http://"), "IDENTITY_ENDPOINT=" + near.URL + "/token", "IDENTITY_HEADER=h",
	}, world.Env())
	bare := startWith(t, env, filepath.Join(t.TempDir(), "data"), "--cacert", world.CAFile).as(adminPassword)
	allowed := startWith(t, env, filepath.Join(t.TempDir(), "data"), "--cacert", world.CAFile, "--allow-own-identity", "aws", "--allow-own-identity", "azure", "--allow-own-identity", "google").as(adminPassword)
	for _, c := range []struct {
		vendor  string
		account object
		storage object
		place   string // the field with the endpoint
		token   string // that the storage is shown; Azure's stand-in has no container
	}{
		{"aws", object{"accountType": "amazonS3Account"}, object{"type": "AmazonS3", "amazonBucketS3Aws": object{"name": "bucket", "regionId": "eu-north-1"}, "s3Folder": "f"}, "", "own session"},
		{"aws", object{"accountType": "amazonS3CompatibleAccount"}, object{"type": "AmazonS3Compatible", "amazonBucketS3Compatible": object{"name": "bucket", "servicePoint": "https://s3.eu-north-1.amazonaws.com", "customRegionId": "eu-north-1"}, "s3Folder": "f"}, "amazonBucketS3Compatible.servicePoint", "own session"},
		{"azure", object{"accountType": "azureBlobAccount", "userName": "account"}, object{"type": "AzureBlob", "azureContainer": object{"name": "container"}, "azureFolder": "f"}, "azureContainer.endpoint", "for machine"},
		{"google", object{"accountType": "googleCloudAccount"}, object{"type": "GoogleCloudStorage", "googleBucket": object{"name": "bucket"}, "googleFolder": "f"}, "googleBucket.endpoint", "for machine"},
	} {
		account := with(c.account, object{"method": "ownIdentity"})
		if m := bare.refused("POST", "/v6/Accounts", account, 400); !strings.Contains(m, "serve --allow-own-identity "+c.vendor) {
			t.Errorf("%s: %q", c.vendor, m)
		}
		storage := with(c.storage, object{"name": c.vendor + c.place, "accountId": allowed.add("/v6/Accounts", 201, account)})
		if bucket, field, found := strings.Cut(c.place, "."); found {
			there := with(storage[bucket].(object), object{field: typed.URL})
			if m := allowed.refused("POST", "/v6/ObjectStorageRepositories", with(storage, object{bucket: there}), 400); !strings.Contains(m, "own addresses only") {
				t.Errorf("%s at a typed endpoint: %q", c.vendor, m)
			}
		}
		cloud.asked()
		if c.vendor == "azure" {
			if m := allowed.refused("POST", "/v6/ObjectStorageRepositories", storage, 400); !strings.Contains(m, "there is no container") {
				t.Errorf("azure: %q", m)
			}
		} else {
			allowed.add("/v6/ObjectStorageRepositories", 200, storage)
		}
		if token := cloud.asked(); token != c.token {
			t.Errorf("%s is asked with %q, want %q", c.vendor, token, c.token)
		}
	}
	for _, c := range []struct {
		account object
		message string
	}{
		{object{"accountType": "amazonS3Account", "method": "ownIdentity", "userName": "AKIA"}, "userName cannot be honoured"},
		{object{"accountType": "amazonS3Account", "method": "ownIdentity", "settings": object{"roleArn": "reader"}}, "settings.roleArn must be the ARN of a role"},
		{object{"accountType": "amazonS3Account", "method": "assumeRole", "userName": "AKIA", "password": "s"}, "settings.roleArn is required"},
		{object{"accountType": "amazonS3Account", "method": "sso", "userName": "AKIA"}, "accessKey, assumeRole, ownIdentity"},
		{object{"accountType": "azureBlobAccount", "method": "servicePrincipal", "userName": "account", "password": "s", "settings": object{"clientId": "c"}}, "settings.tenantId is required"},
		{object{"accountType": "googleCloudAccount", "method": "ownIdentity", "settings": object{"serviceAccount": "x"}}, "settings.serviceAccount must be the address"},
	} {
		if m := allowed.refused("POST", "/v6/Accounts", c.account, 400); !strings.Contains(m, c.message) {
			t.Errorf("%v: %q, want %q", c.account, m, c.message)
		}
	}
	if out := runProgram(t, nil, "serve", "--data", t.TempDir(), "--allow-own-identity", "oracle"); out.code == 0 || !strings.Contains(out.stderr, `"oracle" is no cloud`) {
		t.Errorf("%+v", out)
	}
}

// TestRoleOfAccount reads a bucket with a role that an account's access key assumes.
func TestRoleOfAccount(t *testing.T) {
	t.Parallel()
	server, _ := inS3(t, resticfixture.Unpack(t, "v2-old"))
	d := openDoor(t, server.URL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.PostForm.Get("ExternalId") != "them" || r.PostForm.Get("RoleSessionName") != "syncline" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>AccessDenied</Code><Message>free text</Message></Error></ErrorResponse>`)
			return
		}
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey>`+
			`<Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`, server.AccessKey, server.SecretKey, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}), false)
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	account := object{
		"accountType": "amazonS3CompatibleAccount", "method": "assumeRole", "userName": "AKIABASE", "password": "hunter2-hunter2",
		"settings": object{"roleArn": "arn:aws:iam::123456789012:role/reader", "externalId": "them", "tokenService": d.URL},
	}
	storage := object{"type": "AmazonS3Compatible", "s3Folder": "some folder/repo", "amazonBucketS3Compatible": object{"name": "bucket", "servicePoint": server.URL}}
	_, _, _, id := n.attachIn(account, storage, resticfixture.Password)
	if got := n.finish(n.sync(id).ID); got.Statistics.SnapshotsTotal == 0 {
		t.Errorf("the session ended as %+v", got)
	}
	wrong := n.add("/v6/Accounts", 201, with(account, object{"settings": object{"roleArn": "arn:aws:iam::123456789012:role/reader", "tokenService": d.URL}}))
	m := n.refused("POST", "/v6/ObjectStorageRepositories", with(storage, object{"name": "wrong", "accountId": wrong}), 400)
	if !strings.Contains(m, `the role arn:aws:iam::123456789012:role/reader cannot be taken: `) || !strings.Contains(m, "AccessDenied") || strings.Contains(m, "free text") {
		t.Errorf("a role that is refused: %q", m)
	}
	n.checkSecrets(data, "hunter2-hunter2")
}
