package main_test

import (
	"crypto/sha1" //nolint:gosec // Amazon's tools name files so
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// amazonCloud stands in for Amazon's services, and gives the keys of an S3 server.
type amazonCloud struct {
	server *servers.S3
	token  string // that is valid for the sign-on portal
}

func (a *amazonCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	until := time.Now().Add(time.Hour)
	switch r.Host + r.URL.Path {
	case "portal.sso.eu-north-1.amazonaws.com/federation/credentials":
		if r.Header.Get("X-Amz-Sso_bearer_token") != a.token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"roleCredentials":{"accessKeyId":%q,"secretAccessKey":%q,"sessionToken":"","expiration":%d}}`, a.server.AccessKey, a.server.SecretKey, until.UnixMilli())
	case "oidc.eu-north-1.amazonaws.com/token":
		fmt.Fprintf(w, `{"accessToken":%q,"expiresIn":3600,"refreshToken":"next"}`, a.token)
	case "sts.amazonaws.com/", "sts.eu-north-1.amazonaws.com/":
		if err := r.ParseForm(); err != nil || r.PostForm.Get("WebIdentityToken") == "stale" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>ExpiredTokenException</Code><Message>free text</Message></Error></ErrorResponse>`)
			return
		}
		action := r.PostForm.Get("Action")
		fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>%[2]s</AccessKeyId><SecretAccessKey>%[3]s</SecretAccessKey>`+
			`<Expiration>%[4]s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`, action, a.server.AccessKey, a.server.SecretKey, until.UTC().Format(time.RFC3339))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// writeFiles writes files below a folder.
func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAmazonSignIn gets in with profiles, sign-ons and roles as Amazon's tools have them,
// and as restic does where it knows them.
func TestAmazonSignIn(t *testing.T) {
	t.Parallel()
	server := servers.StartS3(t)
	server.Put(t, "bucket", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	vendor := &amazonCloud{server, "signed-on"}
	cloud := servers.StartCloud(t, vendor)
	home := t.TempDir()
	sum := sha1.Sum([]byte("corp")) //nolint:gosec // a file's name
	cache := ".aws/sso/cache/" + hex.EncodeToString(sum[:]) + ".json"
	signOn := func(token string, until time.Time, more string) map[string]string {
		return map[string]string{cache: fmt.Sprintf(`{"accessToken":%q,"expiresAt":%q,"region":"eu-north-1","kept":[1]%s}`, token, until.UTC().Format(time.RFC3339), more)}
	}
	keys := fmt.Sprintf("aws_access_key_id = %s\naws_secret_access_key = %s\n", server.AccessKey, server.SecretKey)
	writeFiles(t, home, map[string]string{
		".aws/config": "[profile plain]\n" + keys + "[profile proc]\ncredential_process = cat '" + home + "/printed.json'\n" +
			"[profile sso]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = reader\n[sso-session corp]\nsso_region = eu-north-1\nsso_start_url = https://corp.awsapps.com/start\n" +
			"[profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = plain\nregion = eu-north-1\n",
		"printed.json": fmt.Sprintf(`{"Version":1,"AccessKeyId":%q,"SecretAccessKey":%q}`, server.AccessKey, server.SecretKey),
		"jwt":          "jwt", "stale": "stale",
	})
	soon, refresh := time.Now().Add(-time.Minute), `,"refreshToken":"first","clientId":"c","clientSecret":"s"`
	for _, tt := range []struct {
		label   string
		env     []string
		files   map[string]string
		asked   string
		message string
	}{
		{"a profile in the configuration file", []string{"AWS_PROFILE=plain"}, nil, "", ""},
		{"a program that prints keys", []string{"AWS_PROFILE=proc"}, nil, "", ""},
		{"a sign-on", []string{"AWS_PROFILE=sso"}, signOn("signed-on", time.Now().Add(time.Hour), ""), "portal.sso.eu-north-1.amazonaws.com/federation/credentials", ""},
		{"a sign-on that is renewed", []string{"AWS_PROFILE=sso"}, signOn("old", soon, refresh), "oidc.eu-north-1.amazonaws.com/token", ""},
		{"a sign-on that has ended", []string{"AWS_PROFILE=sso"}, signOn("old", soon, ""), "", `has ended; sign on with: aws sso login --profile sso`},
		{"a sign-on that the portal refuses", []string{"AWS_PROFILE=sso"}, signOn("other", time.Now().Add(time.Hour), ""), "", `has ended; sign on with: aws sso login --profile sso`},
		{"a profile with a role", []string{"AWS_PROFILE=role"}, nil, "sts.eu-north-1.amazonaws.com/", ""},
		{"a web identity", []string{"AWS_WEB_IDENTITY_TOKEN_FILE=" + home + "/jwt", "AWS_ROLE_ARN=arn:aws:iam::1:role/r"}, nil, "sts.amazonaws.com/", ""},
		{"a web identity that has ended", []string{"AWS_WEB_IDENTITY_TOKEN_FILE=" + home + "/stale", "AWS_ROLE_ARN=arn:aws:iam::1:role/r"}, nil, "", `sts.amazonaws.com answers "ExpiredTokenException"`},
		{"a web identity and another role", []string{"AWS_WEB_IDENTITY_TOKEN_FILE=" + home + "/jwt", "AWS_ROLE_ARN=arn:aws:iam::1:role/r", "RESTIC_AWS_ASSUME_ROLE_ARN=arn:aws:iam::2:role/s", "RESTIC_AWS_ASSUME_ROLE_REGION=eu-north-1"}, nil, "sts.eu-north-1.amazonaws.com/", ""},
		{"variables of MinIO", []string{"MINIO_ROOT_USER=" + server.AccessKey, "MINIO_ROOT_PASSWORD=" + server.SecretKey}, nil, "", ""},
	} {
		t.Run(tt.label, func(t *testing.T) {
			writeFiles(t, home, tt.files)
			cloud.Seen()
			env := slices.Concat([]string{"HOME=" + home, "SYNCLINE_CACHE_DIR=" + t.TempDir()}, cloud.Env(), tt.env)
			got := runProgram(t, env, "-r", "s3:"+server.URL+"/bucket/repo", "snapshots")
			if (got.code == 0) != (tt.message == "") || !strings.Contains(got.stderr, tt.message) || strings.Contains(got.stderr, "free text") {
				t.Errorf("exit code %d and %q, want %q", got.code, got.stderr, tt.message)
			}
			if seen := cloud.Seen(); tt.asked != "" && !slices.Contains(seen, tt.asked) {
				t.Errorf("%q was asked, and not %s", seen, tt.asked)
			}
		})
	}
	renewed, err := os.ReadFile(filepath.Join(home, cache))
	if err != nil || !strings.Contains(string(renewed), `"kept":[1]`) {
		t.Errorf("the sign-on's file is %q, %v", renewed, err)
	}
}
