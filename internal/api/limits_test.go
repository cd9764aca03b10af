package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
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
	other := g.Arrive(t.Context(), "192.0.2.1", true, nil)
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
	if err := g.Arrive(t.Context(), "192.0.2.1", true, nil).SignIn("ada"); err != nil {
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

// slowExplorer answers no comparison until its context ends.
type slowExplorer struct {
	fakeExplorer
	begun chan struct{}
}

func (s *slowExplorer) DifferenceSummary(ctx context.Context, _, _ syncline.ID, _ string) (explore.DifferenceSummary, error) {
	s.begun <- struct{}{}
	<-ctx.Done()
	return explore.DifferenceSummary{}, ctx.Err()
}

// TestQuestionsHaveATime asks what takes longer than a question may.
func TestQuestionsHaveATime(t *testing.T) {
	slow := &slowExplorer{begun: make(chan struct{}, 1)}
	w := newWorld(t, func(c *Config) { c.Explorer, c.QuestionTime = slow, time.Millisecond })
	a := w.do(request{method: "GET", path: "/v6/RestorePoints/" + pointID + "/DifferenceSummary?with=" + pointID})
	wantFailure(t, a, 413, "longer than 1ms", "smaller folder")
}

// TestQuestionsOfOneUser has a user ask as many questions at once as a user may.
func TestQuestionsOfOneUser(t *testing.T) {
	limits := gate.Default
	limits.UserQuestions, limits.UserDownloads = 1, 1
	slow := &slowExplorer{begun: make(chan struct{}, 1)}
	w := newWorld(t, func(c *Config) { c.Explorer, c.Gate = slow, gate.New(limits, peer.Proxies{}) })
	ctx, cancel := context.WithCancel(t.Context())
	path := "/v6/RestorePoints/" + pointID + "/DifferenceSummary?with=" + pointID
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer operator")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if res, err := w.server.Client().Do(req); err == nil {
			res.Body.Close()
		}
	}()
	<-slow.begun
	wantFailure(t, w.do(request{method: "GET", path: path, token: "operator"}), 429, "which may have 1")
	if a := w.do(request{method: "GET", path: "/v6/BackupRepositories", token: "operator"}); a.status != 200 {
		t.Errorf("another request: %d", a.status)
	}
	if a := w.do(request{method: "GET", path: "/v6/RestorePoints/" + pointID + "/FolderSizes", token: "viewer"}); a.status == 429 {
		t.Errorf("another user: %d %s", a.status, a.body)
	}
	cancel()
	<-ended
}

// TestQuestionsAreAllOperationsThatWalk looks for operations that explore trees
// without being bounded as questions or downloads.
func TestQuestionsAreAllOperationsThatWalk(t *testing.T) {
	known := make(map[string]bool)
	for _, op := range newWorld(t).api.router.operations() {
		known[op.id] = true
		walks := strings.Contains(op.id, "Difference") || strings.Contains(op.id, "Statistics") || strings.Contains(op.id, "Sizes") || strings.Contains(op.id, "Search")
		if walks && !questions[op.id] {
			t.Errorf("%s is no question", op.id)
		}
	}
	for _, list := range []map[string]bool{questions, downloads} {
		for id := range list {
			if !known[id] {
				t.Errorf("there is no operation %s", id)
			}
		}
	}
}
