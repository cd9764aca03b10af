package azure_test

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/azure"
)

// entra is a sign-in service and a blob service in one.
type entra struct {
	*httptest.Server
	mu     sync.Mutex
	forms  []string // bodies of questions for tokens
	bearer string   // of the last request to the storage
	answer func(w http.ResponseWriter)
	life   int
}

func startEntra(t *testing.T) *entra {
	t.Helper()
	e := &entra{life: 3600}
	e.Server = httptest.NewUnstartedServer(http.HandlerFunc(e.serve))
	e.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	e.StartTLS()
	t.Cleanup(e.Close)
	t.Setenv("AZURE_AUTHORITY_HOST", e.URL)
	return e
}

func (e *entra) serve(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/discovery/instance"):
		_ = json.NewEncoder(w).Encode(map[string]any{"tenant_discovery_endpoint": e.URL + "/tenant/v2.0/.well-known/openid-configuration", "metadata": []any{}})
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		_ = json.NewEncoder(w).Encode(map[string]any{"authorization_endpoint": e.URL + "/tenant/oauth2/v2.0/authorize", "token_endpoint": e.URL + "/tenant/oauth2/v2.0/token", "issuer": e.URL + "/tenant/v2.0"})
	case strings.HasSuffix(r.URL.Path, "/token"):
		_ = r.ParseForm()
		e.forms = append(e.forms, r.Form.Encode())
		if e.answer != nil {
			e.answer(w)
			return
		}
		fmt.Fprintf(w, `{"token_type":"Bearer","access_token":"token-%d","expires_in":%d,"expires_on":%q,"resource":"https://storage.azure.com"}`, len(e.forms), e.life, "4102444800")
	default:
		e.bearer = r.Header.Get("Authorization")
		w.Header().Set("X-Ms-Request-Id", "1")
		w.Header().Set("X-Ms-Error-Code", "ContainerNotFound")
		w.WriteHeader(http.StatusNotFound)
	}
}

func (e *entra) config(id *azure.Identity) azure.Config {
	return azure.Config{
		Account: "account", Endpoint: e.URL, Container: "container", Identity: id,
		CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.Certificate().Raw}),
	}
}

// ask lists with an identity.
func (e *entra) ask(t *testing.T, id *azure.Identity) error {
	t.Helper()
	st, err := azure.Open(t.Context(), e.config(id))
	if err != nil {
		return err
	}
	return st.List(t.Context(), "keys", func(string, int64) error { return nil })
}

const secretOfApp = "hunter2"

// A service principal gets a token with its secret, and errors name the service's code.
func TestServicePrincipal(t *testing.T) {
	e := startEntra(t)
	id := &azure.Identity{Principal: &azure.Principal{Tenant: "tenant", Client: "application", Secret: secretOfApp}}
	if err := e.ask(t, id); syncline.CodeOf(err) != syncline.CodeNoRepository || e.bearer != "Bearer token-1" {
		t.Fatalf("%v, asked with %q", err, e.bearer)
	}
	if !strings.Contains(e.forms[0], "client_id=application") || !strings.Contains(e.forms[0], "storage.azure.com") {
		t.Errorf("the token was asked for with %s", e.forms[0])
	}
	for _, tt := range []struct {
		label     string
		answer    func(http.ResponseWriter)
		code      syncline.Code
		retryable bool
		message   string
	}{
		{"a wrong secret", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"free text hunter2","error_codes":[7000215]}`)
		}, syncline.CodeForbidden, false, "invalid_client (AADSTS7000215)"},
		{"overload", func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, syncline.CodeUnavailable, true, "gives no tokens now (503"},
		{"a web site", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<html>free text")
		}, syncline.CodeUnavailable, false, "does not answer like"},
		{"broken off", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, syncline.CodeUnavailable, true, "cannot be reached now"},
	} {
		e.answer = tt.answer
		err := e.ask(t, id)
		if syncline.CodeOf(err) != tt.code || storage.IsRetryable(err) != tt.retryable || !strings.Contains(syncline.MessageOf(err), tt.message) {
			t.Errorf("%s: %v (%s, retryable %v); want %q", tt.label, err, syncline.CodeOf(err), storage.IsRetryable(err), tt.message)
		}
		if err != nil && (strings.Contains(err.Error(), secretOfApp) || strings.Contains(err.Error(), "free text")) {
			t.Errorf("%s: %v repeats what it must not", tt.label, err)
		}
	}
}

// A managed identity comes from the agent beside the program, and a workload identity from
// the token in a file.
func TestMachineIdentity(t *testing.T) {
	e := startEntra(t)
	agent := httptest.NewServer(http.HandlerFunc(e.serve))
	defer agent.Close()
	t.Setenv("IDENTITY_ENDPOINT", agent.URL+"/token")
	t.Setenv("IDENTITY_HEADER", "header")
	mine := rand.Text() // Azure's library keeps tokens of managed identities for the whole process
	if err := e.ask(t, &azure.Identity{Machine: &azure.Machine{ClientID: mine}}); syncline.CodeOf(err) != syncline.CodeNoRepository || e.bearer != "Bearer token-1" || !strings.Contains(e.forms[0], "client_id="+mine) {
		t.Errorf("%v, asked with %q after %q", err, e.bearer, e.forms)
	}
	file := t.TempDir() + "/jwt"
	writeText(t, file, "jwt-1")
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", file)
	t.Setenv("AZURE_CLIENT_ID", "application")
	t.Setenv("AZURE_TENANT_ID", "tenant")
	for _, id := range []*azure.Identity{{Machine: &azure.Machine{}}, {User: true}} {
		e.forms = nil
		if err := e.ask(t, id); syncline.CodeOf(err) != syncline.CodeNoRepository || len(e.forms) != 1 || !strings.Contains(e.forms[0], "client_assertion=jwt-1") {
			t.Errorf("%v after %q", err, e.forms)
		}
	}
}

// A user without any identity reads what to set, and no metadata service outside of a cloud is
// waited for.
func TestNoIdentity(t *testing.T) {
	e := startEntra(t)
	t.Setenv("PATH", t.TempDir())
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "dev")
	err := e.ask(t, &azure.Identity{User: true})
	if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), "neither AZURE_ACCOUNT_KEY nor AZURE_ACCOUNT_SAS is set") {
		t.Errorf("%v", err)
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
