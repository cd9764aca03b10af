package rest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/rest"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

func open(t *testing.T, c rest.Config) *rest.Storage {
	t.Helper()
	s, err := rest.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func config(server *servers.REST, folder string) rest.Config {
	return rest.Config{Endpoint: strings.TrimSuffix(server.URL, ":"), Folder: folder, User: server.User, Password: server.Password}
}

// oldServer is a door that lets no version but the first one of listings in.
func oldServer(t *testing.T, target string) string {
	return servers.StartDoor(t, target, func(_ http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Accept")
		return false
	})
}

func TestConformance(t *testing.T) {
	server, socket := servers.StartREST(t), servers.StartRESTSocket(t)
	old := config(server, "")
	old.Endpoint = oldServer(t, server.URL)
	var n atomic.Int64
	for label, at := range map[string]struct {
		server *servers.REST
		config rest.Config
	}{
		"sizes in the listing": {server, config(server, "")},
		"listings of names":    {server, old},
		"a socket":             {socket, config(socket, "")},
	} {
		t.Run(label, func(t *testing.T) {
			storagetest.RunRepository(t, func(t *testing.T, files map[string][]byte) storage.Storage {
				c := at.config
				c.Folder = fmt.Sprintf("of a user/repository %d", n.Add(1))
				at.server.Put(t, c.Folder, files)
				return open(t, c)
			})
		})
	}
}

// TestRequestsAsTheServerCountsThem compares the counter with the server's log.
func TestRequestsAsTheServerCountsThem(t *testing.T) {
	server := servers.StartREST(t)
	files := map[string][]byte{"config": storagetest.Bytes(1, 100), storagetest.Pack(1): storagetest.Bytes(1, 1000)}
	for i := range 300 {
		files["snapshots/"+storagetest.ID(i)] = nil
	}
	server.Put(t, "repo", files)
	old := config(server, "repo")
	old.Endpoint = oldServer(t, server.URL)
	for label, tt := range map[string]struct {
		config rest.Config
		lists  int64
	}{"sizes in the listing": {config(server, "repo"), 1}, "listings of names": {old, 301}} {
		before, err := os.ReadFile(server.Log)
		if err != nil {
			t.Fatal(err)
		}
		counter := storage.NewCounter(open(t, tt.config))
		if _, err := storagetest.ReadAll(t.Context(), counter, storagetest.Pack(1), 100, 50); err != nil {
			t.Fatal(err)
		}
		if _, err := storagetest.ListAll(t, counter, "snapshots"); err != nil {
			t.Fatal(err)
		}
		requests, read, _ := counter.Counts()
		if requests["get data"] != 1 || requests["list snapshots"] != tt.lists || read != 50 {
			t.Errorf("%s: counted %v and %d bytes; want %d for the listing and 50 bytes", label, requests, read, tt.lists)
		}
		after, err := os.ReadFile(server.Log)
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(after[len(before):], []byte{'\n'}); lines != int(tt.lists)+1 {
			t.Errorf("%s: the server counted %d requests, want %d", label, lines, tt.lists+1)
		}
	}
}

// TestHeadsAreBounded counts the requests at once for the sizes of a listing.
func TestHeadsAreBounded(t *testing.T) {
	var now, most atomic.Int64
	names := `"` + storagetest.ID(0) + `"`
	for i := 1; i < 40; i++ {
		names += `,"` + storagetest.ID(i) + `"`
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte("[" + names + "]"))
			return
		}
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		w.Header().Set("Content-Length", "7")
	}))
	defer server.Close()
	got, err := storagetest.ListAll(t, open(t, rest.Config{Endpoint: server.URL, Connections: 3}), "index")
	if err != nil || len(got) != 40 || got["index/"+storagetest.ID(39)] != 7 || most.Load() > 3 {
		t.Errorf("%d files, %v, with %d requests at once", len(got), err, most.Load())
	}
}

func TestRefusals(t *testing.T) {
	server, private := servers.StartREST(t, "--append-only"), servers.StartREST(t, "--private-repos")
	for _, s := range []*servers.REST{server, private} {
		for _, folder := range []string{"reader/repo", "other/repo"} {
			s.Put(t, folder, map[string][]byte{"config": []byte("c"), "keys/" + storagetest.ID(1): []byte("k"), "snapshots/" + storagetest.ID(1): nil})
		}
	}
	for label, tt := range map[string]struct {
		server         *servers.REST
		folder         string
		user, password string
		code           syncline.Code
		is             error
		message        string
	}{
		"an append-only server":   {server, "other/repo", "reader", server.Password, "", nil, ""},
		"a private repository":    {private, "reader/repo", "reader", server.Password, "", nil, ""},
		"nobody":                  {server, "other/repo", "", "", syncline.CodeForbidden, fs.ErrPermission, "asks for a user name and a password, and none are given"},
		"a wrong password":        {server, "other/repo", "reader", "guess-guess", syncline.CodeForbidden, fs.ErrPermission, "does not accept the user name with this password"},
		"an unknown user":         {server, "other/repo", "nobody", server.Password, syncline.CodeForbidden, fs.ErrPermission, "does not accept the user name"},
		"of somebody else":        {private, "other/repo", "reader", server.Password, syncline.CodeForbidden, fs.ErrPermission, "private repositories gives a user only those below a folder of the user's name"},
		"no repository":           {server, "none", "reader", server.Password, syncline.CodeNotFound, fs.ErrNotExist, "is not in the storage"},
		"deeper than it can know": {server, "a/b/c", "reader", server.Password, syncline.CodeNotFound, fs.ErrNotExist, "is not in the storage"},
	} {
		t.Run(label, func(t *testing.T) {
			s := open(t, rest.Config{Endpoint: tt.server.URL, Folder: tt.folder, User: tt.user, Password: tt.password})
			_, openErr := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
			_, listErr := storagetest.ListAll(t, s, "snapshots")
			for _, err := range []error{openErr, listErr} {
				if syncline.CodeOf(err) != tt.code || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(syncline.MessageOf(err), tt.message) || storage.IsRetryable(err) {
					t.Errorf("%v, want %s with %q", err, tt.code, tt.message)
				}
				if err != nil && tt.password != "" && strings.Contains(err.Error(), tt.password) {
					t.Errorf("%v tells the password", err)
				}
			}
		})
	}
}

func TestConfigRefused(t *testing.T) {
	for _, tt := range []struct {
		config  rest.Config
		message string
	}{
		{rest.Config{}, "must be like https://HOST:PORT"},
		{rest.Config{Endpoint: "host:8000"}, "must be like"},
		{rest.Config{Endpoint: "ftp://host"}, "must be like"},
		{rest.Config{Endpoint: "http://user:secret@host"}, "must be like"},
		{rest.Config{Endpoint: "http://host/folder"}, "must be like"},
		{rest.Config{Endpoint: "http+unix://socket"}, "must be like"},
		{rest.Config{Endpoint: "http://host", Folder: "a/../b"}, "no valid name"},
		{rest.Config{Endpoint: "http://host", User: "a:b"}, "cannot have a colon"},
		{rest.Config{Endpoint: "https://host", CA: []byte("no PEM")}, "CA bundle"},
	} {
		_, err := rest.Open(tt.config)
		if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), tt.message) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v, want a refusal with %q", tt.config, err, tt.message)
		}
	}
	server := open(t, rest.Config{Endpoint: "http://127.0.0.1:1", DenyPrivate: true})
	if _, err := storagetest.ListAll(t, server, "keys"); syncline.CodeOf(err) != syncline.CodeInvalid {
		t.Errorf("a server at this machine: %v", err)
	}
	if _, err := storagetest.ListAll(t, server, "data/00"); syncline.CodeOf(err) != syncline.CodeUnsupported {
		t.Errorf("a folder that the protocol does not list: %v", err)
	}
}

// TestReadBreaksOff cuts an answer in its middle.
func TestReadBreaksOff(t *testing.T) {
	content := storagetest.Bytes(1, 100_000)
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range"))
		if len(asked) == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:70_000])
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	defer server.Close()
	s := storage.NewRetry(open(t, rest.Config{Endpoint: server.URL}), storage.RetryOptions{MinDelay: time.Millisecond, MaxDelay: time.Millisecond})
	got, err := storagetest.ReadAll(t.Context(), s, storagetest.Pack(1), 0, -1)
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	if len(asked) != 2 || asked[0] != "" || !strings.HasPrefix(asked[1], "bytes=") || asked[1] == "bytes=0-" {
		t.Errorf("asked for %q; the second request must go on where the first broke off", asked)
	}
}

// TestFaultsOnTheWire reads through a server that fails every eighth time.
func TestFaultsOnTheWire(t *testing.T) {
	server := servers.StartREST(t, "--no-auth")
	files := storagetest.SomeFiles()
	server.Put(t, "repo", files)
	for label, target := range map[string]string{"sizes in the listing": server.URL, "listings of names": oldServer(t, server.URL)} {
		t.Run(label, func(t *testing.T) {
			rate := 0.125
			if target != server.URL {
				rate = 0.002 // a listing is as many requests as it has names
			}
			faulty := servers.StartFaulty(t, target, 1, rate)
			storagetest.CheckThroughFaults(t, open(t, rest.Config{Endpoint: faulty.URL, Folder: "repo"}), files, "snapshots")
			if target == server.URL {
				faulty.CheckMade(t)
			}
		})
	}
}
