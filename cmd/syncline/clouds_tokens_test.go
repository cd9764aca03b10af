package main_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// tokenCloud stands in for the token services and the storages of Google and Azure. The
// storages are empty, and open for the right token.
type tokenCloud struct {
	mu     sync.Mutex
	bearer string // of the last request to a storage
}

func (c *tokenCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = r.ParseForm()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Metadata-Flavor", "Google")
	switch {
	case r.Form.Get("refresh_token") == "revoked", r.Form.Get("client_secret") == "wrong":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant","error_description":"free text","error_codes":[7000215]}`)
	case r.Host == "storage.googleapis.com":
		c.bearer = r.Header.Get("Authorization")
		if strings.Contains(r.URL.Path, "/o/") {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error":{"errors":[{"reason":"notFound"}]}}`)
			return
		}
		fmt.Fprint(w, `{"kind":"storage#objects"}`)
	case strings.HasSuffix(r.Host, ".blob.core.windows.net"):
		c.bearer = r.Header.Get("Authorization")
		w.Header().Set("X-Ms-Request-Id", "1")
		w.Header().Set("X-Ms-Error-Code", "ContainerNotFound")
		w.WriteHeader(http.StatusNotFound)
	case r.Host == "iamcredentials.googleapis.com":
		fmt.Fprintf(w, `{"accessToken":"for another","expireTime":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	case strings.HasSuffix(r.URL.Path, "/discovery/instance"):
		fmt.Fprint(w, `{"tenant_discovery_endpoint":"https://login.microsoftonline.com/tenant/v2.0/.well-known/openid-configuration","metadata":[{"preferred_network":"login.microsoftonline.com","preferred_cache":"login.windows.net","aliases":["login.microsoftonline.com"]}]}`)
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		fmt.Fprint(w, `{"authorization_endpoint":"https://login.microsoftonline.com/tenant/oauth2/v2.0/authorize","token_endpoint":"https://login.microsoftonline.com/tenant/oauth2/v2.0/token","issuer":"https://login.microsoftonline.com/tenant/v2.0"}`)
	default:
		by := cmp.Or(r.Form.Get("subject_token")+r.Form.Get("refresh_token")+r.Form.Get("client_secret")+r.Form.Get("client_assertion"), "machine")
		fmt.Fprintf(w, `{"access_token":"for %s","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":3600}`, by)
	}
}

// asked returns the last token that a storage was shown.
func (c *tokenCloud) asked() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	bearer := c.bearer
	c.bearer = ""
	return strings.TrimPrefix(bearer, "Bearer ")
}

type signIn struct {
	label   string
	env     []string
	token   string // that the storage sees
	message string // of a refusal
}

// trySignIns runs a command with each of the environments.
func trySignIns(t *testing.T, address string, cloud *servers.Cloud, tokens *tokenCloud, tries []signIn) {
	t.Helper()
	for _, tt := range tries {
		t.Run(tt.label, func(t *testing.T) {
			tokens.asked()
			env := slices.Concat([]string{"HOME=" + t.TempDir(), "SYNCLINE_CACHE_DIR=" + t.TempDir()}, cloud.Env(), tt.env)
			got := runProgram(t, env, "-r", address, "snapshots")
			want := map[bool]int{true: 10, false: 1}[tt.message == ""]
			if got.code != want || !strings.Contains(got.stderr, tt.message) {
				t.Errorf("exit code %d and %q, want %d and %q", got.code, got.stderr, want, tt.message)
			}
			if strings.Contains(got.stderr, "free text") || strings.Contains(got.stderr, "hunter2") {
				t.Errorf("the error repeats what it must not: %s", got.stderr)
			}
			if seen := tokens.asked(); seen != tt.token {
				t.Errorf("the storage was asked with %q, want %q", seen, tt.token)
			}
		})
	}
}

// TestGoogleSignIn gets in with all files of Google's tools, and with a machine's account.
func TestGoogleSignIn(t *testing.T) {
	t.Parallel()
	tokens := &tokenCloud{}
	cloud := servers.StartCloud(t, tokens)
	near := httptest.NewServer(tokens)
	defer near.Close()
	subjects := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "jwt-2") }))
	defer subjects.Close()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"jwt": "jwt-1"})
	file := func(name string, fields map[string]any) string {
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		writeFiles(t, dir, map[string]string{name: string(text)})
		return "GOOGLE_APPLICATION_CREDENTIALS=" + filepath.Join(dir, name)
	}
	user := func(refresh string) map[string]any {
		return map[string]any{"type": "authorized_user", "client_id": "c", "client_secret": "", "refresh_token": refresh}
	}
	federated := func(source map[string]any) map[string]any {
		return map[string]any{
			"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
			"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": "https://sts.googleapis.com/v1/token", "credential_source": source,
		}
	}
	acting := federated(map[string]any{"file": filepath.Join(dir, "jwt")})
	acting["service_account_impersonation_url"] = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:generateAccessToken"
	trySignIns(t, "gs:bucket:/repo", cloud, tokens, []signIn{
		{"a token", []string{"GOOGLE_ACCESS_TOKEN=given"}, "given", ""},
		{"a user", []string{file("user.json", user("mine"))}, "for mine", ""},
		{"a user whose sign-in has ended", []string{file("revoked.json", user("revoked"))}, "", "gives no access token for these credentials (invalid_grant)"},
		{"a federation with a file", []string{file("file.json", federated(map[string]any{"file": filepath.Join(dir, "jwt")}))}, "for jwt-1", ""},
		{"a federation with an address of the network", []string{file("url.json", federated(map[string]any{"url": subjects.URL + "/token"}))}, "for jwt-2", ""},
		{"a federation that acts for an account", []string{file("acting.json", acting)}, "for another", ""},
		{"an account that acts for another", []string{file("imp.json", map[string]any{
			"type": "impersonated_service_account", "source_credentials": user("mine"),
			"service_account_impersonation_url": acting["service_account_impersonation_url"],
		})}, "for another", ""},
		{"a machine's account", []string{"GCE_METADATA_HOST=" + strings.TrimPrefix(near.URL, "http://")}, "for machine", ""},
		{"no such file", []string{"GOOGLE_APPLICATION_CREDENTIALS=" + dir + "/none.json"}, "", "GOOGLE_APPLICATION_CREDENTIALS"},
	})
}

// TestAzureSignIn gets in with a service principal and a workload identity, and says what to
// set where there is nothing.
func TestAzureSignIn(t *testing.T) {
	t.Parallel()
	tokens := &tokenCloud{}
	cloud := servers.StartCloud(t, tokens)
	near := httptest.NewServer(tokens)
	defer near.Close()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"jwt": "jwt-1"})
	app := []string{"AZURE_ACCOUNT_NAME=account", "AZURE_TENANT_ID=tenant", "AZURE_CLIENT_ID=application", "PATH=" + t.TempDir()}
	trySignIns(t, "azure:container:/repo", cloud, tokens, []signIn{
		{"a service principal", append(app, "AZURE_CLIENT_SECRET=hunter2"), "for hunter2", ""},
		{"a wrong secret", append(app, "AZURE_CLIENT_SECRET=wrong"), "", "invalid_grant (AADSTS7000215)"},
		{"a workload identity", append(app, "AZURE_FEDERATED_TOKEN_FILE="+dir+"/jwt"), "for jwt-1", ""},
		{"a managed identity", append(app, "IDENTITY_ENDPOINT="+near.URL+"/token", "IDENTITY_HEADER=header"), "for machine", ""},
		{"nothing", []string{app[0], app[3], "AZURE_TOKEN_CREDENTIALS=dev"}, "", "neither AZURE_ACCOUNT_KEY nor AZURE_ACCOUNT_SAS is set"},
	})
}
