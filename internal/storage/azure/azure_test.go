package azure_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/azure"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

func config(server *servers.Azure, container, prefix string) azure.Config {
	return azure.Config{Endpoint: server.URL, Account: server.Account, Key: server.Key, Container: container, Prefix: prefix}
}

func open(t *testing.T, c azure.Config) *azure.Storage {
	t.Helper()
	s, err := azure.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	server := servers.StartAzure(t)
	var n atomic.Int64
	for _, prefix := range []string{"", "some/folder"} {
		t.Run("prefix="+prefix, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T, files map[string][]byte) storage.Storage {
				container := fmt.Sprintf("container-%d", n.Add(1))
				server.Put(t, container, prefix, files)
				return open(t, config(server, container, prefix))
			})
		})
	}
}

func TestBrowse(t *testing.T) {
	server := servers.StartAzure(t)
	server.Put(t, "first", "", map[string][]byte{"repo/config": nil, "repo/keys/k": nil, "other repo/config": nil, "file": nil})
	server.Put(t, "second", "", nil)
	c, err := azure.Connect(t.Context(), config(server, "", ""))
	if err != nil {
		t.Fatal(err)
	}
	containers, err := c.ListContainers(t.Context())
	if err != nil || !slices.Equal(containers, []string{"first", "second"}) {
		t.Errorf("ListContainers: %q, %v", containers, err)
	}
	for name, want := range map[string]bool{"first": true, "second": true, "third": false} {
		if got, err := c.ContainerExists(t.Context(), name); err != nil || got != want {
			t.Errorf("ContainerExists(%q): %v, %v", name, got, err)
		}
	}
	for prefix, want := range map[string][]string{"": {"other repo", "repo"}, "repo": {"keys"}, "/repo/keys/": nil} {
		got, err := c.ListFolders(t.Context(), "first", prefix)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("ListFolders(%q): %q, %v; want %q", prefix, got, err, want)
		}
	}
}

// signature makes a shared access signature for the whole account.
func signature(t *testing.T, server *servers.Azure, resources sas.AccountResourceTypes, rights sas.AccountPermissions, from, to time.Time) string {
	t.Helper()
	signed, err := server.Client(t).ServiceClient().GetSASURL(resources, rights, to, &service.GetSASURLOptions{StartTime: &from})
	if err != nil {
		t.Fatal(err)
	}
	_, query, _ := strings.Cut(signed, "?")
	return query
}

func TestRefusals(t *testing.T) {
	server := servers.StartAzure(t)
	server.Put(t, "container", "", map[string][]byte{"config": []byte("c")})
	now := time.Now()
	all := sas.AccountResourceTypes{Service: true, Container: true, Object: true}
	both := sas.AccountPermissions{Read: true, List: true}
	withSAS := func(query string) func(*azure.Config) {
		return func(c *azure.Config) { c.Key, c.SAS = "", query }
	}
	hour := func(from, to int) string {
		return signature(t, server, all, both, now.Add(time.Duration(from)*time.Hour), now.Add(time.Duration(to)*time.Hour))
	}
	good := hour(-1, 1)
	tests := []struct {
		label      string
		change     func(*azure.Config)
		code       syncline.Code
		is         error
		open, list string // parts of the messages; "" for no error
	}{
		{"a signature", withSAS("?" + good), "", nil, "", ""},
		{"no such container", func(c *azure.Config) { c.Container = "none-such" }, syncline.CodeNoRepository, fs.ErrNotExist, `no container "none-such"`, `no container "none-such"`},
		{"bad container", func(c *azure.Config) { c.Container = "A_B!" }, syncline.CodeInvalid, nil, "no name of a container", "no name of a container"},
		{"wrong key", func(c *azure.Config) { c.Key = "bm90IHRoZSBrZXk=" }, syncline.CodeForbidden, fs.ErrPermission, "key does not belong to the storage account", "key does not belong to the storage account"},
		{"forged signature", withSAS(strings.Replace(good, "sig=", "sig=AAAA", 1)), syncline.CodeForbidden, fs.ErrPermission, "signature is not valid", "signature is not valid"},
		{"expired signature", withSAS(hour(-9, -8)), syncline.CodeForbidden, fs.ErrPermission, "has expired on", "has expired on"},
		{"early signature", withSAS(hour(8, 9)), syncline.CodeForbidden, fs.ErrPermission, "does not hold before", "does not hold before"},
		{"no right to list", withSAS(signature(t, server, all, sas.AccountPermissions{Read: true}, now.Add(-time.Hour), now.Add(time.Hour))), syncline.CodeForbidden, fs.ErrPermission, "", "may not list the container"},
		{"no right to read", withSAS(signature(t, server, all, sas.AccountPermissions{List: true}, now.Add(-time.Hour), now.Add(time.Hour))), syncline.CodeForbidden, fs.ErrPermission, "may not read", ""},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			c := config(server, "container", "")
			tt.change(&c)
			s := open(t, c)
			_, openErr := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
			_, listErr := storagetest.ListAll(t, s, "snapshots")
			for want, err := range map[string]error{"open:" + tt.open: openErr, "list:" + tt.list: listErr} {
				if _, want, _ = strings.Cut(want, ":"); want == "" && err == nil {
					continue
				}
				if err == nil || syncline.CodeOf(err) != tt.code || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(syncline.MessageOf(err), want) {
					t.Errorf("%v, want %s with %q", err, tt.code, want)
				}
				checkError(t, c, err)
			}
		})
	}
}

// checkError looks for texts that no final error may contain.
func checkError(t *testing.T, c azure.Config, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if storage.IsRetryable(err) {
		t.Errorf("%v: would be tried again", err)
	}
	query, _ := url.ParseQuery(c.SAS)
	for _, secret := range []string{c.Key, c.SAS, query.Get("sig"), url.QueryEscape(query.Get("sig"))} {
		if secret != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("%v holds a secret", err)
		}
	}
}

func TestConfigRefused(t *testing.T) {
	tests := []struct {
		config  azure.Config
		message string
	}{
		{azure.Config{}, "name of the storage account is missing"},
		{azure.Config{Account: "evil.example/x"}, "no name of a storage account"},
		{azure.Config{Account: "a"}, `no credentials for the storage account "a"`},
		{azure.Config{Account: "a", Key: "not base64!"}, "base64"},
		{azure.Config{Account: "a", SAS: "sv=1"}, "signature is not valid"},
		{azure.Config{Account: "a", Key: "YQ==", EndpointSuffix: "x@evil"}, "endpoint of the blob service"},
		{azure.Config{Account: "a", Key: "YQ==", Endpoint: "ftp://host"}, "endpoint of the blob service"},
		{azure.Config{Account: "a", Key: "YQ=="}, "name of the container is missing"},
		{azure.Config{Account: "a", Key: "YQ==", Container: "a/b"}, "no name of a container"},
		{azure.Config{Account: "a", Key: "YQ==", Container: "abc", Prefix: "../x"}, "no valid name"},
		{azure.Config{Account: "a", Key: "YQ==", Container: "abc", CA: []byte("no PEM")}, "CA bundle"},
	}
	for _, tt := range tests {
		_, err := azure.Open(t.Context(), tt.config)
		if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), tt.message) {
			t.Errorf("%+v: %v, want a refusal with %q", tt.config, err, tt.message)
		}
	}
}

func TestArchived(t *testing.T) {
	server := servers.StartAzure(t)
	server.Put(t, "container", "", map[string][]byte{"data/ab/pack": []byte("cold")})
	file := server.Client(t).ServiceClient().NewContainerClient("container").NewBlobClient("data/ab/pack")
	if _, err := file.SetTier(t.Context(), blob.AccessTierArchive, nil); err != nil {
		t.Fatal(err)
	}
	_, err := storagetest.ReadAll(t.Context(), open(t, config(server, "container", "")), "data/ab/pack", 0, 2)
	if !errors.Is(err, storage.ErrArchived) || storage.IsRetryable(err) || !strings.Contains(syncline.MessageOf(err), "archive class Archive") {
		t.Errorf("%v, want ErrArchived and no retry", err)
	}
}

// answer is a server that gives every request the same answer.
func answer(t *testing.T, status int, header map[string]string, body string) azure.Config {
	t.Helper()
	given := http.Header{}
	for name, value := range header {
		given.Set(name, value)
	}
	return azure.Config{Endpoint: storagetest.Answering(t, status, given, body), Account: "account", Key: "YQ==", Container: "container"}
}

func TestAnswers(t *testing.T) {
	isAzure := map[string]string{"x-ms-request-id": "1", "Content-Type": "application/xml"}
	with := func(name, value string) map[string]string {
		return map[string]string{"x-ms-request-id": "1", name: value}
	}
	const start = `<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://x/" ContainerName="container"><Blobs>`
	item := `<Blob><Name>snapshots/a</Name><Properties><Content-Length>5</Content-Length></Properties></Blob>`
	tests := []struct {
		label     string
		status    int
		header    map[string]string
		body      string
		code      syncline.Code
		retryable bool
		message   string
	}{
		{"a web site", 200, nil, "<html><body>Hello</body></html>", syncline.CodeInvalid, true, "does not answer like Azure"},
		{"a missing page", 404, nil, "not found", syncline.CodeInvalid, true, "does not answer like Azure"},
		{"a redirect", 302, map[string]string{"Location": "/login"}, "", syncline.CodeInvalid, true, "does not answer like Azure"},
		{"nothing", 200, isAzure, "", syncline.CodeUnavailable, true, "without its content"},
		{"another document", 200, isAzure, "<Other/>", syncline.CodeUnavailable, true, "without its content"},
		{"cut off", 200, isAzure, start + item[:20], syncline.CodeUnavailable, true, "is cut off"},
		{"other files", 200, isAzure, start + strings.ReplaceAll(item, "snapshots", "keys") + `</Blobs></EnumerationResults>`, syncline.CodeUnavailable, true, "not asked for"},
		{"no size", 200, isAzure, start + `<Blob><Name>snapshots/a</Name><Properties/></Blob></Blobs></EnumerationResults>`, syncline.CodeUnavailable, true, "not asked for"},
		{"a circle", 200, isAzure, start + `</Blobs><NextMarker>again</NextMarker></EnumerationResults>`, syncline.CodeUnavailable, true, "repeats a page"},
		{"busy", 503, with("x-ms-error-code", "ServerBusy"), "", syncline.CodeUnavailable, true, "cannot answer now"},
		{"broken", 500, with("x-ms-error-code", "InternalError"), "", syncline.CodeUnavailable, true, "cannot answer now"},
		{"clock", 403, map[string]string{"x-ms-error-code": "AuthenticationFailed", "Date": "Mon, 01 Jan 2024 00:00:00 GMT"}, "", syncline.CodeUnavailable, false, "clock differs"},
		{"wrong key", 403, with("x-ms-error-code", "AuthenticationFailed"), "", syncline.CodeForbidden, false, "the key does not belong to the storage account \"account\""},
		{"firewall", 403, with("x-ms-error-code", "AuthorizationFailure"), "", syncline.CodeForbidden, false, "firewall"},
		{"no keys allowed", 403, with("x-ms-error-code", "KeyBasedAuthenticationNotPermitted"), "", syncline.CodeForbidden, false, "allows no access with its key"},
		{"disabled", 403, with("x-ms-error-code", "AccountIsDisabled"), "", syncline.CodeUnavailable, false, "is disabled"},
		{"something new", 418, with("x-ms-error-code", "Teapot"), "", syncline.CodeUnavailable, false, `refused a request with "Teapot"`},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			c := answer(t, tt.status, tt.header, tt.body)
			err := open(t, c).List(t.Context(), "snapshots", func(string, int64) error { return nil })
			storagetest.CheckRefusal(t, "List", err, tt.code, tt.retryable, tt.message, c.Key)
			if tt.status < 300 && tt.header != nil {
				return // the rest is for answers that are no file
			}
			_, err = storagetest.ReadAll(t.Context(), open(t, c), "config", 0, -1)
			storagetest.CheckRefusal(t, "Open", err, tt.code, tt.retryable, tt.message, c.Key)
		})
	}
}

// TestEveryRequestIsMadeOnce counts the requests to a failing service: only the
// decorator tries again.
func TestEveryRequestIsMadeOnce(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	counter := storage.NewCounter(open(t, azure.Config{Endpoint: server.URL, Account: "account", Key: "YQ==", Container: "container"}))
	_, err := counter.Open(t.Context(), "config", 0, -1)
	var request *storage.RequestError
	if !errors.As(err, &request) || !request.Throttled || request.RetryAfter != 7*time.Second {
		t.Errorf("%#v, want a throttled request that is to wait for 7 s", err)
	}
	requests, _, _ := counter.Counts()
	if asked.Load() != 1 || requests["get config"] != 1 {
		t.Errorf("the service was asked %d times, counted were %v; want 1", asked.Load(), requests)
	}
}

// TestReadBreaksOff cuts an answer in its middle.
func TestReadBreaksOff(t *testing.T) {
	content := storagetest.Bytes(1, 100_000)
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("x-ms-range"))
		w.Header().Set("x-ms-request-id", "1")
		if len(asked) == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:70_000])
			panic(http.ErrAbortHandler)
		}
		r.Header.Set("Range", r.Header.Get("x-ms-range"))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	defer server.Close()
	s := storage.NewRetry(open(t, azure.Config{Endpoint: server.URL, Account: "account", Key: "YQ==", Container: "container"}),
		storage.RetryOptions{MinDelay: time.Millisecond, MaxDelay: time.Millisecond})
	got, err := storagetest.ReadAll(context.WithoutCancel(t.Context()), s, "data/ab/pack", 0, -1)
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	if len(asked) != 2 || asked[0] != "" || !strings.HasPrefix(asked[1], "bytes=") || asked[1] == "bytes=0-" {
		t.Errorf("asked for %q; the second request must go on where the first broke off", asked)
	}
}

// TestFaultsOnTheWire reads through a server that fails every eighth time.
func TestFaultsOnTheWire(t *testing.T) {
	server := servers.StartAzure(t)
	files := storagetest.SomeFiles()
	server.Put(t, "container", "repo", files)
	faulty := servers.StartFaulty(t, server.URL, 1, 0.125)
	c := config(server, "container", "repo")
	c.Endpoint = faulty.URL
	storagetest.CheckThroughFaults(t, open(t, c), files)
	faulty.CheckMade(t)
}
