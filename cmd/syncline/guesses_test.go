package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// token asks for tokens, as a reverse proxy does for a client, and returns the
// status and the refresh token.
func (n *node) askToken(client string, fields object) (int, string) {
	n.t.Helper()
	body, err := json.Marshal(fields)
	if err != nil {
		n.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodPost, n.url+"/v6/token", bytes.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if client != "" {
		req.Header.Set("X-Forwarded-For", client)
	}
	res, err := n.client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	var grant struct {
		Refresh string `json:"refresh_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&grant); err != nil {
		n.t.Fatal(err)
	}
	return res.StatusCode, grant.Refresh
}

func (n *node) signInFrom(client, user, password string) int {
	n.t.Helper()
	status, _ := n.askToken(client, object{"grant_type": "password", "username": user, "password": password})
	return status
}

// guess tries so many names with a wrong password, and returns the last status.
func (n *node) guess(names int, client func(int) string) (status int) {
	n.t.Helper()
	for i := range names {
		status = n.signInFrom(client(i), fmt.Sprint("guess ", i), "wrong password")
	}
	return status
}

// TestGuesserLocksNobodyOut has one client guess behind the reverse proxy that
// the administrator's requests come through, too.
func TestGuesserLocksNobodyOut(t *testing.T) {
	t.Parallel()
	n := start(t, filepath.Join(t.TempDir(), "data")) // signs in once
	none := func(int) string { return "" }
	if n.guess(7, none); n.signInFrom("", "administrator", adminPassword) != 200 {
		t.Error("seven guesses hold the administrator up")
	}
	if last := n.guess(20, none); last != 429 {
		t.Errorf("the guesser's last answer is %d", last)
	}
	status, refresh := n.askToken("", object{"username": "administrator", "password": adminPassword, "grant_type": "password"})
	if status != 200 {
		t.Errorf("many guesses hold the administrator up: %d", status)
	}
	last := 0
	for range 40 {
		last, _ = n.askToken("", object{"grant_type": "refresh_token", "refresh_token": strings.Repeat("A", 43)})
	}
	if last != 429 {
		t.Errorf("the last random refresh token is answered %d", last)
	}
	if status, _ = n.askToken("", object{"grant_type": "refresh_token", "refresh_token": refresh}); status != 200 {
		t.Errorf("random refresh tokens hold up a real one: %d", status)
	}
}

func TestTrustedProxy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		flags []string
		other int // how another client's attempt is answered after the guesses
	}{
		{"without one the header counts for nothing", nil, 429},
		{"with one the client's address counts", []string{"--trusted-proxy", "192.0.2.0/24", "--trusted-proxy", "127.0.0.1/32"}, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := start(t, filepath.Join(t.TempDir(), "data"), c.flags...)
			// The guesser writes addresses of its own before the proxy's word.
			last := n.guess(20, func(i int) string { return fmt.Sprintf("198.51.100.%d, 203.0.113.5, 192.0.2.1", i) })
			if last != 429 {
				t.Errorf("the guesser's last answer is %d", last)
			}
			if got := n.signInFrom("203.0.113.6", "somebody", "wrong password"); got != c.other {
				t.Errorf("another client is answered %d, want %d", got, c.other)
			}
		})
	}
	for _, wrong := range []string{"10.0.0.0/33", "10.0.0.1/8", "proxy", "0.0.0.0/0", "::/0"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // where it runs after all
		defer cancel()
		out, err := exec.CommandContext(ctx, program, "serve", "--data", filepath.Join(t.TempDir(), "data"),
			"--listen", "127.0.0.1:0", "--trusted-proxy", "192.0.2.1", "--trusted-proxy", wrong).CombinedOutput()
		if err == nil || !strings.Contains(string(out), `--trusted-proxy: "`+wrong+`"`) {
			t.Errorf("%s: %v: %s", wrong, err, out)
		}
	}
}
