package b2_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/b2"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

func config(server *servers.B2, bucket, prefix string) b2.Config {
	return b2.Config{Endpoint: server.URL, KeyID: server.ID, Key: server.Key, Bucket: bucket, Prefix: prefix}
}

func open(t *testing.T, c b2.Config) *b2.Storage {
	t.Helper()
	s, err := b2.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	server := servers.StartB2(t)
	var n atomic.Int64
	for _, prefix := range []string{"", "some/folder"} {
		t.Run("prefix="+prefix, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T, files map[string][]byte) storage.Storage {
				bucket := fmt.Sprintf("bucket-%d", n.Add(1))
				server.Put(bucket, prefix, files)
				return open(t, config(server, bucket, prefix))
			})
		})
	}
}

// TestCalls counts the calls as Backblaze bills them: sign-ins and listings are
// dear, downloads are cheap.
func TestCalls(t *testing.T) {
	server := servers.StartB2(t)
	files := map[string][]byte{"config": []byte("c")}
	for i := range 20 {
		files[fmt.Sprintf("snapshots/%d", i)] = storagetest.Bytes(uint64(i), 300)
	}
	server.Put("bucket", "repo", files)
	server.Allow(servers.B2Key{ID: "limited", Key: "k", Bucket: "bucket", Prefix: "repo/", Capabilities: []string{"listFiles", "readFiles"}})
	limited := config(server, "bucket", "repo")
	limited.KeyID, limited.Key = "limited", "k"
	for _, tt := range []struct {
		label string
		c     b2.Config
		want  map[string]int
	}{
		{"a key of the account", config(server, "bucket", "repo"), map[string]int{"b2_authorize_account": 1, "b2_list_buckets": 1, "b2_list_file_names": 3, "b2_download_file_by_name": 21}},
		{"a key of the folder", limited, map[string]int{"b2_authorize_account": 1, "b2_list_file_names": 3, "b2_download_file_by_name": 21}},
	} {
		before := server.Calls()
		counter := storage.NewCounter(open(t, tt.c))
		for _, dir := range []string{"keys", "snapshots", "index"} {
			if _, err := storagetest.ListAll(t, counter, dir); err != nil {
				t.Fatal(err)
			}
		}
		for name, content := range files {
			if got, err := storagetest.ReadAll(t.Context(), counter, name, 0, -1); err != nil || string(got) != string(content) {
				t.Fatalf("%s: %v", name, err)
			}
		}
		made, sum := 0, int64(0)
		for call, n := range server.Calls() {
			if n -= before[call]; n != tt.want[call] {
				t.Errorf("%s: %d calls of %s, want %d", tt.label, n, call, tt.want[call])
			} else {
				made += n
			}
		}
		requests, _, _ := counter.Counts()
		for _, n := range requests {
			sum += n
		}
		if sum != int64(made) {
			t.Errorf("%s: counted %v, made %d", tt.label, requests, made)
		}
	}
}

func TestRefusals(t *testing.T) {
	server := servers.StartB2(t)
	server.Put("bucket", "repo", map[string][]byte{"config": []byte("c")})
	server.Put("other-bucket", "", nil)
	all := []string{"listBuckets", "listFiles", "readFiles"}
	server.Allow(servers.B2Key{ID: "other", Key: "k", Bucket: "other-bucket", Capabilities: all})
	server.Allow(servers.B2Key{ID: "elsewhere", Key: "k", Bucket: "bucket", Prefix: "else/", Capabilities: all})
	server.Allow(servers.B2Key{ID: "no-buckets", Key: "k", Capabilities: all[1:]})
	server.Allow(servers.B2Key{ID: "no-list", Key: "k", Bucket: "bucket", Capabilities: all[2:]})
	server.Allow(servers.B2Key{ID: "no-read", Key: "k", Bucket: "bucket", Capabilities: all[:2]})
	tests := []struct {
		label      string
		change     func(*b2.Config)
		code       syncline.Code
		open, list string // parts of the messages; "" for no error
	}{
		{"all is well", func(*b2.Config) {}, "", "", ""},
		{"no such bucket", func(c *b2.Config) { c.Bucket = "none-such" }, syncline.CodeNoRepository, `no bucket "none-such"`, `no bucket "none-such"`},
		{"wrong key", func(c *b2.Config) { c.Key = "not-to-be-told" }, syncline.CodeForbidden, "does not accept the application key", "does not accept the application key"},
		{"another bucket", func(c *b2.Config) { c.KeyID, c.Key = "other", "k" }, syncline.CodeForbidden, "opens another bucket", "opens another bucket"},
		{"another folder", func(c *b2.Config) { c.KeyID, c.Key = "elsewhere", "k" }, syncline.CodeForbidden, "may not read", "may not list this folder"},
		{"no right to list buckets", func(c *b2.Config) { c.KeyID, c.Key = "no-buckets", "k" }, syncline.CodeForbidden, "", "may not list buckets"},
		{"no right to list", func(c *b2.Config) { c.KeyID, c.Key = "no-list", "k" }, syncline.CodeForbidden, "", "may not list this folder"},
		{"no right to read", func(c *b2.Config) { c.KeyID, c.Key = "no-read", "k" }, syncline.CodeForbidden, `may not read "config"`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			c := config(server, "bucket", "repo")
			tt.change(&c)
			s := open(t, c)
			_, openErr := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
			_, listErr := storagetest.ListAll(t, s, "snapshots")
			for want, err := range map[string]error{"open:" + tt.open: openErr, "list:" + tt.list: listErr} {
				if _, want, _ = strings.Cut(want, ":"); want == "" && err == nil {
					continue
				}
				if want == "" || syncline.CodeOf(err) != tt.code || storage.IsRetryable(err) || !strings.Contains(syncline.MessageOf(err), want) {
					t.Errorf("%v, want %s with %q", err, tt.code, want)
				}
				if err != nil && strings.Contains(err.Error(), "not-to-be-told") {
					t.Errorf("%v holds a secret", err)
				}
			}
		})
	}
}

// TestTokenEnds reads and lists on with another token.
func TestTokenEnds(t *testing.T) {
	server := servers.StartB2(t)
	server.Put("bucket", "", map[string][]byte{"config": []byte("c"), "keys/a": []byte("k")})
	s := open(t, config(server, "bucket", ""))
	for range 3 {
		if _, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1); err != nil {
			t.Fatal(err)
		}
		server.Forget()
		if got, err := storagetest.ListAll(t, s, "keys"); err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
	}
	if n := server.Calls()["b2_authorize_account"]; n != 4 {
		t.Errorf("signed in %d times", n)
	}
}

func TestMissing(t *testing.T) {
	server := servers.StartB2(t)
	server.Put("bucket", "", map[string][]byte{"config": nil})
	counter := storage.NewCounter(open(t, config(server, "bucket", "none")))
	for range 3 {
		_, err := storagetest.ReadAll(t.Context(), counter, "config", 0, -1)
		if syncline.CodeOf(err) != syncline.CodeNotFound || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v, want CodeNotFound", err)
		}
	}
	if requests, _, _ := counter.Counts(); requests["get config"] != 5 {
		t.Errorf("%v; a sign-in and looking for the bucket once must do", requests)
	}
}

func TestBrowse(t *testing.T) {
	server := servers.StartB2(t)
	server.Put("first-bucket", "", map[string][]byte{"repo/config": nil, "repo/keys/k": nil, "other repo/config": nil, "file": nil})
	server.Put("second-bucket", "", nil)
	c, err := b2.Connect(t.Context(), config(server, "", ""))
	if err != nil {
		t.Fatal(err)
	}
	buckets, err := c.ListBuckets(t.Context())
	if err != nil || !slices.Equal(buckets, []string{"first-bucket", "second-bucket"}) {
		t.Errorf("ListBuckets: %q, %v", buckets, err)
	}
	for name, want := range map[string]bool{"first-bucket": true, "second-bucket": true, "third-bucket": false} {
		if got, err := c.BucketExists(t.Context(), name); err != nil || got != want {
			t.Errorf("BucketExists(%q): %v, %v", name, got, err)
		}
	}
	for prefix, want := range map[string][]string{"": {"other repo", "repo"}, "repo": {"keys"}, "/repo/keys/": nil} {
		got, err := c.ListFolders(t.Context(), "first-bucket", prefix)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("ListFolders(%q): %q, %v; want %q", prefix, got, err, want)
		}
	}
}

func TestConfigRefused(t *testing.T) {
	tests := []struct {
		config  b2.Config
		message string
	}{
		{b2.Config{}, "id of the application key"},
		{b2.Config{KeyID: "a"}, "application key is missing"},
		{b2.Config{KeyID: "a", Key: "k"}, "name of the bucket is missing"},
		{b2.Config{KeyID: "a", Key: "k", Bucket: "a_bucket"}, "no name of a bucket"},
		{b2.Config{KeyID: "a", Key: "k", Bucket: "short"}, "no name of a bucket"},
		{b2.Config{KeyID: "a", Key: "k", Bucket: "bucket", Prefix: "../x"}, "no valid name"},
		{b2.Config{KeyID: "a", Key: "k", Bucket: "bucket", Endpoint: "https://u:p@host"}, "must be a host's name"},
		{b2.Config{KeyID: "a", Key: "k", Bucket: "bucket", CA: []byte("no PEM")}, "CA bundle"},
	}
	for _, tt := range tests {
		_, err := b2.Open(t.Context(), tt.config)
		if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), tt.message) {
			t.Errorf("%+v: %v, want a refusal with %q", tt.config, err, tt.message)
		}
	}
}
