package swift_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
	"syncline.dev/syncline/internal/storage/swift"
)

func config(server *servers.Swift, container, prefix string) swift.Config {
	return swift.Config{
		Credentials: swift.Credentials{AuthURL: server.AuthURL, UserName: server.User, Password: server.Key},
		Container:   container, Prefix: prefix,
	}
}

func open(t *testing.T, c swift.Config) *swift.Storage {
	t.Helper()
	s, err := swift.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSwift runs all that needs a server with one, since it takes seconds to start.
func TestSwift(t *testing.T) {
	server := servers.StartSwift(t)
	t.Run("Browse", func(t *testing.T) { testBrowse(t, server) }) // before others make containers
	t.Run("Conformance", func(t *testing.T) { testConformance(t, server) })
	t.Run("LargeObjects", func(t *testing.T) { testLargeObjects(t, server) })
	t.Run("Refusals", func(t *testing.T) { testRefusals(t, server) })
	t.Run("FaultsOnTheWire", func(t *testing.T) { testFaultsOnTheWire(t, server) })
}

func testConformance(t *testing.T, server *servers.Swift) {
	var n atomic.Int64
	storagetest.Run(t, func(t *testing.T, files map[string][]byte) storage.Storage {
		container := fmt.Sprintf("container-%d", n.Add(1))
		server.Put(t, container, "some/folder", files)
		return open(t, config(server, container, "some/folder"))
	})
}

// testLargeObjects reads objects that lie in segments, of both kinds.
func testLargeObjects(t *testing.T, server *servers.Swift) {
	content := storagetest.Bytes(3, 300_000)
	server.Put(t, "segments", "", map[string][]byte{"part/1": content[:100_000], "part/2": content[100_000:250_000], "part/3": content[250_000:]})
	server.Put(t, "large", "", map[string][]byte{"repo/index/small": []byte("small"), "repo/index/empty": {}})
	manifest := `[{"path":"segments/part/1"},{"path":"segments/part/2"},{"path":"segments/part/3"}]`
	err := errors.Join(
		server.Do(t.Context(), "PUT", "large/repo/index/dynamic", nil, "X-Object-Manifest", "segments/part/"),
		server.Do(t.Context(), "PUT", "large/repo/index/static?multipart-manifest=put", []byte(manifest)),
		server.Do(t.Context(), "PUT", "large/repo/index/mark", nil, "Content-Type", "application/directory"),
		server.Do(t.Context(), "PUT", "large/repo/index/", nil),
	)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, config(server, "large", "repo"))
	got, err := storagetest.ListAll(t, s, "index")
	if want := map[string]int64{"index/dynamic": 300_000, "index/static": 300_000, "index/small": 5, "index/empty": 0}; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("listed %v, %v; want %v", got, err, want)
	}
	for _, name := range []string{"index/dynamic", "index/static"} {
		for _, part := range [][2]int64{{0, -1}, {99_990, 160_020}, {250_001, -1}, {299_999, 1}} {
			want := content[part[0]:]
			if part[1] >= 0 {
				want = want[:part[1]]
			}
			if got, err := storagetest.ReadAll(t.Context(), s, name, part[0], part[1]); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s from %d, %d bytes: got %d bytes, %v", name, part[0], part[1], len(got), err)
			}
		}
	}
}

func testRefusals(t *testing.T, server *servers.Swift) {
	server.Put(t, "container", "", map[string][]byte{"config": []byte("c")})
	account, token, err := server.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		label   string
		change  func(*swift.Config)
		code    syncline.Code
		is      error
		message string // "" for no error
	}{
		{"all is well", func(*swift.Config) {}, "", nil, ""},
		{"a token", func(c *swift.Config) { c.Credentials = swift.Credentials{StorageURL: account, AuthToken: token} }, "", nil, ""},
		{"an old token", func(c *swift.Config) { c.Credentials = swift.Credentials{StorageURL: account, AuthToken: "old"} }, syncline.CodeForbidden, fs.ErrPermission, "does not accept the token"},
		{"an old token and credentials", func(c *swift.Config) { c.StorageURL, c.AuthToken = account, "old" }, "", nil, ""},
		{"no such container", func(c *swift.Config) { c.Container = "none-such" }, syncline.CodeNoRepository, fs.ErrNotExist, `no container "none-such"`},
		{"wrong password", func(c *swift.Config) { c.Password = "wrong-secret" }, syncline.CodeForbidden, fs.ErrPermission, "does not accept these credentials"},
		{"no rights", func(c *swift.Config) { c.UserName, c.Password = server.Reader, server.Secret }, syncline.CodeForbidden, fs.ErrPermission, "these credentials may not"},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			c := config(server, "container", "")
			tt.change(&c)
			s := open(t, c)
			_, openErr := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
			_, listErr := storagetest.ListAll(t, s, "snapshots")
			for _, err := range []error{openErr, listErr} {
				switch {
				case tt.message == "" && err == nil:
				case err == nil || syncline.CodeOf(err) != tt.code || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(syncline.MessageOf(err), tt.message):
					t.Errorf("%v, want %s with %q", err, tt.code, tt.message)
				case strings.Contains(err.Error(), "wrong-secret") || strings.Contains(err.Error(), token):
					t.Errorf("%v holds a secret", err)
				}
			}
		})
	}
}

func testBrowse(t *testing.T, server *servers.Swift) {
	server.Put(t, "first", "", map[string][]byte{"repo/config": nil, "repo/keys/k": nil, "other repo/config": nil, "file": nil})
	server.Put(t, "second", "", nil)
	c, err := swift.Connect(t.Context(), config(server, "", ""))
	if err != nil {
		t.Fatal(err)
	}
	containers, err := c.ListBuckets(t.Context())
	if err != nil || !slices.Equal(containers, []string{"first", "second"}) {
		t.Errorf("ListBuckets: %q, %v", containers, err)
	}
	for name, want := range map[string]bool{"first": true, "second": true, "third": false} {
		if got, err := c.BucketExists(t.Context(), name); err != nil || got != want {
			t.Errorf("BucketExists(%q): %v, %v", name, got, err)
		}
	}
	for prefix, want := range map[string][]string{"": {"other repo", "repo"}, "repo": {"keys"}, "/repo/keys/": nil} {
		got, err := c.ListFolders(t.Context(), "first", prefix)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("ListFolders(%q): %q, %v; want %q", prefix, got, err, want)
		}
	}
}

// testFaultsOnTheWire reads through a server that fails every eighth time.
func testFaultsOnTheWire(t *testing.T, server *servers.Swift) {
	files := storagetest.SomeFiles()
	server.Put(t, "container", "repo", files)
	account, token, err := server.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	faulty := servers.StartFaulty(t, account, 1, 0.125)
	c := config(server, "container", "repo")
	c.Credentials = swift.Credentials{StorageURL: faulty.URL, AuthToken: token}
	storagetest.CheckThroughFaults(t, open(t, c), files)
	faulty.CheckMade(t)
}
