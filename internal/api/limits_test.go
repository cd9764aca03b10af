package api

import (
	"net/http"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/gate"
	"syncline.dev/syncline/internal/peer"
)

// TestPublicBodiesAreSmall looks at every operation that anyone may call.
func TestPublicBodiesAreSmall(t *testing.T) {
	public := 0
	for _, op := range newWorld(t).api.router.operations() {
		if !op.public() {
			continue
		}
		public++
		if l := op.bodyLimits(); l.bytes > 8<<10 || l.tokens > 200 {
			t.Errorf("%s takes %d bytes, %d tokens", op.id, l.bytes, l.tokens)
		}
	}
	if public < 4 {
		t.Errorf("only %d operations are public", public)
	}
	w := newWorld(t)
	body := `{"grant_type":"password","username":"administrator","rememberMe":true,"password":"` + strings.Repeat(`\u0041`, 1024) + `"}`
	if a := w.do(request{method: "POST", path: "/v6/token", token: "-", body: body}); a.status == 413 {
		t.Errorf("the longest password there is: %d %s", a.status, a.body)
	}
}

// TestAnswersInFlight has a user ask for more than may be held for one.
func TestAnswersInFlight(t *testing.T) {
	limits := gate.Default
	limits.UserBytes = 1
	g := gate.New(limits, peer.Proxies{})
	other := g.Arrive(t.Context(), "192.0.2.1", nil)
	if err := other.SignIn("ada"); err != nil {
		t.Fatal(err)
	}
	if err := other.Hold(1 << 20); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) { c.Gate = g }).populate()
	wantFailure(t, w.do(request{method: "POST", path: "/v6/EncryptionKeys", token: "the-access-token", body: `{"password":"x"}`}), 429, "hold too much")
	other.Leave()
	if a := w.do(request{method: "POST", path: "/v6/EncryptionKeys", token: "the-access-token", body: `{"password":"x"}`}); a.status != http.StatusOK {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
}

func TestRequestsOfOneUser(t *testing.T) {
	limits := gate.Default
	limits.UserRequests = 1
	g := gate.New(limits, peer.Proxies{})
	if err := g.Arrive(t.Context(), "192.0.2.1", nil).SignIn("ada"); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) { c.Gate = g })
	wantFailure(t, w.do(request{method: "GET", path: "/v6/BackupRepositories", token: "the-access-token"}), 429, "too many requests")
}

// TestStrangersDoNotFillTheLog counts the lines about requests without a user.
func TestStrangersDoNotFillTheLog(t *testing.T) {
	w := newWorld(t)
	const requests = 5 * strangerLines
	for range requests {
		w.do(request{method: "GET", path: "/v6/BackupRepositories", token: "-"})
	}
	if lines := strings.Count(w.log.String(), `"status":401`); lines >= requests || lines < strangerLines {
		t.Errorf("%d of %d refused requests are logged", lines, requests)
	}
	w.log.b.Reset()
	for range requests {
		w.do(request{method: "GET", path: "/v6/BackupRepositories", token: "the-access-token"})
	}
	if lines := strings.Count(w.log.String(), `"msg":"request"`); lines != requests {
		t.Errorf("%d of %d of a user's requests are logged", lines, requests)
	}
}

// TestClientsAddress looks at whose address failures are counted by.
func TestClientsAddress(t *testing.T) {
	proxies, err := peer.ParseProxies([]string{"127.0.0.0/8", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	for want, trusted := range map[string]peer.Proxies{"203.0.113.9": proxies, "127.0.0.1": {}} {
		w := newWorld(t, func(c *Config) { c.Gate = gate.New(gate.Default, trusted) })
		w.do(request{
			method: "POST", path: "/v6/token", token: "-", body: goodBodies["Token"],
			header: http.Header{"X-Forwarded-For": {"198.51.100.1, 203.0.113.9"}},
		})
		if got := w.auth.signIns; len(got) != 1 || !strings.HasSuffix(got[0], "|"+want) {
			t.Errorf("the sign-ins are %q, want the address %s", got, want)
		}
	}
}
