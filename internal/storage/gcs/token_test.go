package gcs_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/gcs"
)

// keyFile makes a service account's key that asks for tokens at address.
func keyFile(t *testing.T, address string) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "test@project.example", "private_key_id": "1", "token_uri": address,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// google gives tokens, and an empty listing for a token.
type google struct {
	*httptest.Server
	tokens atomic.Int64
	answer func(w http.ResponseWriter) bool // nil for tokens
}

func startGoogle(t *testing.T, lifetime int) *google {
	t.Helper()
	g := &google{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			n := g.tokens.Add(1)
			if g.answer != nil && g.answer(w) {
				return
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":%d}`, n, lifetime)
			return
		}
		if want := fmt.Sprintf("Bearer token-%d", g.tokens.Load()); r.Header.Get("Authorization") != want {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"kind":"storage#objects"}`)
	}))
	t.Cleanup(g.Close)
	return g
}

func list(ctx context.Context, s storage.Storage) error {
	return s.List(ctx, "keys", func(string, int64) error { return nil })
}

func TestServiceAccount(t *testing.T) {
	for lifetime, want := range map[int]int64{3600: 1, 30: 4} {
		server := startGoogle(t, lifetime)
		s := open(t, gcs.Config{Endpoint: server.URL, Bucket: "bucket", KeyFile: keyFile(t, server.URL+"/token")})
		for range 4 {
			if err := list(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		if got := server.tokens.Load(); got != want {
			t.Errorf("asked for %d tokens of %d s, want %d", got, lifetime, want)
		}
	}
}

// TestOneTokenForAll makes many calls that need a token at once.
func TestOneTokenForAll(t *testing.T) {
	server := startGoogle(t, 3600)
	s := open(t, gcs.Config{Endpoint: server.URL, Bucket: "bucket", KeyFile: keyFile(t, server.URL+"/token")})
	var g errgroup.Group
	for range 16 {
		g.Go(func() error { return list(t.Context(), s) })
	}
	if err := g.Wait(); err != nil || server.tokens.Load() != 1 {
		t.Errorf("%v after %d tokens, want 1", err, server.tokens.Load())
	}
}

// TestUserCredentials reads the file that the environment names.
func TestUserCredentials(t *testing.T) {
	server := startGoogle(t, 3600)
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, keyFile(t, server.URL+"/token"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
	c := gcs.Config{Endpoint: server.URL, Bucket: "bucket", UserCredentials: true}
	if err := list(t.Context(), open(t, c)); err != nil {
		t.Error(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path+".none")
	err := list(t.Context(), open(t, c))
	if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), "GOOGLE_APPLICATION_CREDENTIALS") {
		t.Errorf("%v, want a hint at the variable", err)
	}
}

func TestTokenRefused(t *testing.T) {
	tests := []struct {
		label     string
		answer    func(w http.ResponseWriter) bool
		code      syncline.Code
		retryable bool
		message   string
	}{
		{"deleted key", func(w http.ResponseWriter) bool {
			http.Error(w, `{"error":"invalid_grant","error_description":"free text"}`, http.StatusBadRequest)
			return true
		}, syncline.CodeForbidden, false, "the key was deleted"},
		{"clock", func(w http.ResponseWriter) bool {
			w.Header().Set("Date", "Mon, 01 Jan 2024 00:00:00 GMT")
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return true
		}, syncline.CodeUnavailable, false, "clock differs from Google's"},
		{"busy", func(w http.ResponseWriter) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}, syncline.CodeUnavailable, true, "cannot answer now"},
		{"broken off", func(http.ResponseWriter) bool { panic(http.ErrAbortHandler) }, syncline.CodeUnavailable, true, "cannot be reached"},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			server := startGoogle(t, 3600)
			server.answer = tt.answer
			err := list(t.Context(), open(t, gcs.Config{Endpoint: server.URL, Bucket: "bucket", KeyFile: keyFile(t, server.URL+"/token")}))
			if syncline.CodeOf(err) != tt.code || storage.IsRetryable(err) != tt.retryable || !strings.Contains(syncline.MessageOf(err), tt.message) {
				t.Errorf("%v (retryable: %v), want %s with %q", err, storage.IsRetryable(err), tt.code, tt.message)
			}
			if err != nil && (strings.Contains(err.Error(), "free text") || strings.Contains(err.Error(), "PRIVATE")) {
				t.Errorf("%v repeats what it must not", err)
			}
		})
	}
}

// TestTokenEndsWithItsCall stops a call that waits for its token.
func TestTokenEndsWithItsCall(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	server := startGoogle(t, 3600)
	defer close(release)
	server.answer = func(http.ResponseWriter) bool {
		close(asked)
		<-release
		return true
	}
	s := open(t, gcs.Config{Endpoint: server.URL, Bucket: "bucket", KeyFile: keyFile(t, server.URL+"/token")})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- list(ctx, s) }()
	<-asked
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// TestTokenAddressIsGuarded uses a key file that leads to a machine's metadata.
func TestTokenAddressIsGuarded(t *testing.T) {
	server := startGoogle(t, 3600)
	s := open(t, gcs.Config{Endpoint: server.URL, Bucket: "bucket", KeyFile: keyFile(t, "http://169.254.169.254/token")})
	err := list(t.Context(), s)
	if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), "link-local") {
		t.Errorf("%v, want a refusal of the address", err)
	}
}
