//go:build !windows

package main_test

import (
	"testing"
	"time"

	"syncline.dev/syncline/internal/pgtest"
)

// A guesser who waits on one node waits on the other, and so does one who compares. A
// sign-out on one node holds on the other.
func TestNodesCountTogether(t *testing.T) {
	t.Parallel()
	url, key := pgtest.New(t), fleetKeyFile(t)
	a := startNode(t, url, key)
	b := startNode(t, url, key)
	guess := object{"grant_type": "password", "username": "somebody", "password": "a wrong guess"}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	late := time.After(time.Minute)
	for wrong := 0; wrong < 7; { // with which the next one waits for 8 s
		switch status, _ := a.askToken("", guess); status {
		case 401:
			wrong++
		case 429:
			select {
			case <-again.C:
			case <-late:
				t.Fatalf("%d guesses in a minute", wrong)
			}
		default:
			t.Fatalf("a guess is answered with %d", status)
		}
	}
	if status, _ := b.askToken("", guess); status != 429 {
		t.Errorf("the other node answers a guess with %d", status)
	}
	b.token = a.token
	b.call("GET", "/v6/Users", nil, 200, nil)
	b.call("DELETE", "/v6/token", nil, 204, nil)
	a.await("/v6/Users", 401)
}
