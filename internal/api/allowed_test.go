package api

import (
	"io"
	"net/http"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// TestDownloadsEndWithTheUser has a client take the first bytes of a large file,
// or of an archive that holds it, and then nothing for a while. Meanwhile the
// user is removed, or gets another role.
func TestDownloadsEndWithTheUser(t *testing.T) {
	w := newContentWorld(t)
	for what, path := range map[string]string{
		"file": w.path("large.html"), "archive": "/v6/RestorePoints/" + pointID + "/Archive?format=tar",
	} {
		for name, change := range map[string]func(f *fakeAuth){
			"removed":    func(f *fakeAuth) { f.revoked = true },
			"other role": func(f *fakeAuth) { f.role = syncline.RoleViewer },
			"nothing":    func(*fakeAuth) {},
		} {
			t.Run(what+" "+name, func(t *testing.T) {
				w.serve(t, func(c *Config) { c.Heartbeat = 5 * time.Millisecond })
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer administrator")
				res, err := w.server.Client().Do(req)
				if err != nil || res.StatusCode != http.StatusOK {
					t.Fatalf("%v %v", res, err)
				}
				defer res.Body.Close()
				if _, err := io.ReadFull(res.Body, make([]byte, 10)); err != nil {
					t.Fatal(err)
				}
				w.auth.mu.Lock()
				change(w.auth)
				asked := w.auth.continued
				w.auth.mu.Unlock()
				w.auth.waitContinued(t, asked+1)
				if name != "nothing" {
					w.open.Wait() // the server gives up while the client takes nothing
				}
				_, err = io.Copy(io.Discard, res.Body)
				if (err == nil) != (name == "nothing") {
					t.Errorf("the rest: %v", err)
				}
				w.open.Wait()
			})
		}
	}
}
