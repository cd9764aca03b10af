package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/api"
	"syncline.dev/syncline/internal/secret"
)

func TestAmazonEndpoints(t *testing.T) {
	c := &clouds{denyPrivate: true, ca: []byte("ca")}
	by := api.Access{Account: syncline.Account{UserName: "AKIA"}, Secret: secret.NewString("secret")}
	for want, s := range map[string]syncline.ObjectStorage{
		"s3.amazonaws.com":                   {Kind: syncline.KindS3, Cloud: syncline.CloudGlobal, Region: "eu-central-1"},
		"s3.cn-north-1.amazonaws.com.cn":     {Kind: syncline.KindS3, Cloud: syncline.CloudChina},
		"s3.cn-northwest-1.amazonaws.com.cn": {Kind: syncline.KindS3, Cloud: syncline.CloudChina, Region: "cn-northwest-1"},
		"s3.us-gov-west-1.amazonaws.com":     {Kind: syncline.KindS3, Cloud: syncline.CloudUSGovernment},
		"s3.us-gov-east-1.amazonaws.com":     {Kind: syncline.KindS3, Cloud: syncline.CloudUSGovernment, Region: "us-gov-east-1"},
		"http://host:9000":                   {Kind: syncline.KindS3Compatible, Endpoint: "http://host:9000"},
	} {
		s.Bucket, s.Folder = "bucket", "folder"
		got := c.s3Config(s, by)
		if got.Endpoint != want || got.Region != s.Region || got.Bucket != "bucket" || got.Prefix != "folder" {
			t.Errorf("%+v: got %+v", s, got)
		}
		if got.AccessKey != "AKIA" || got.SecretKey != "secret" || !got.DenyPrivate || string(got.CA) != "ca" {
			t.Errorf("got %+v", got)
		}
		if got.UseProfile || got.InstanceRole || got.Profile != "" {
			t.Error("what the server's own user may do is used for somebody else")
		}
	}
}

func TestAzureEndpoints(t *testing.T) {
	c := &clouds{denyPrivate: true}
	for world, suffix := range map[syncline.Cloud]string{
		syncline.CloudGlobal: "core.windows.net", syncline.CloudChina: "core.chinacloudapi.cn",
		syncline.CloudGermany: "core.cloudapi.de", syncline.CloudGovernment: "core.usgovcloudapi.net",
	} {
		for text, sas := range map[string]bool{"a2V5": false, "?sv=1&sig=x": true, "sv=1&sig=x": true} {
			by := api.Access{Account: syncline.Account{UserName: "account"}, Secret: secret.NewString(text)}
			got, err := c.azureConfig(syncline.ObjectStorage{Kind: syncline.KindAzure, Cloud: world, Bucket: "c", Folder: "f"}, by)
			if err != nil || got.EndpointSuffix != suffix || got.Account != "account" || !got.DenyPrivate || got.Container != "c" || got.Prefix != "f" {
				t.Errorf("got %+v, %v", got, err)
			}
			if (got.SAS == text) != sas || (got.Key == text) == sas {
				t.Errorf("%q was taken for something else: %+v", text, got)
			}
		}
	}
}

// TestUnknownKind is what a database of a later version may hold.
func TestUnknownKind(t *testing.T) {
	_, err := (&clouds{}).place(t.Context(), api.Place{Storage: syncline.ObjectStorage{Kind: "swift"}})
	if syncline.CodeOf(err) != syncline.CodeUnsupported {
		t.Errorf("got %v", err)
	}
}

// answering is a storage whose answers to listings and reads are made up.
func answering(t *testing.T, list, read func(http.ResponseWriter, *http.Request)) (syncline.ObjectStorage, api.Access) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amz-Request-Id", "1")
		if strings.HasSuffix(r.URL.Path, "/config") {
			read(w, r)
		} else {
			list(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return syncline.ObjectStorage{Kind: syncline.KindS3Compatible, Endpoint: server.URL, Region: "here", Bucket: "bucket", AccountID: "a"},
		api.Access{Account: syncline.Account{UserName: "AKIA"}, Secret: secret.NewString("hunter2-hunter2")}
}

func refusing(status int, code string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>hunter2-hunter2</Message></Error>", code)
	}
}

func emptyPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/xml")
	_, _ = io.WriteString(w, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
}

// TestRights tries storages that let us do one thing and not the other.
func TestRights(t *testing.T) {
	oneByte := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", "bytes 0-0/1")
		w.Header().Set("Last-Modified", "Mon, 23 Nov 2026 10:00:00 GMT")
		w.Header().Set("Etag", `"x"`)
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write([]byte("x"))
	}
	for label, c := range map[string]struct {
		list, read func(http.ResponseWriter, *http.Request)
		code       syncline.Code
		message    string
	}{
		"everything":          {emptyPage, oneByte, "", ""},
		"nothing there":       {emptyPage, refusing(404, "NoSuchKey"), "", ""},
		"no right to list":    {refusing(403, "AccessDenied"), oneByte, syncline.CodeForbidden, "(s3:ListBucket)"},
		"no right to read":    {emptyPage, refusing(403, "AccessDenied"), syncline.CodeForbidden, "(s3:GetObject)"},
		"a clock that is off": {refusing(403, "RequestTimeTooSkewed"), oneByte, syncline.CodeUnavailable, "clock"},
		"another region":      {refusing(400, "AuthorizationHeaderMalformed"), oneByte, syncline.CodeInvalid, "another region"},
		"an overload":         {refusing(503, "SlowDown"), oneByte, syncline.CodeUnavailable, "cannot answer now"},
	} {
		t.Run(label, func(t *testing.T) {
			s, by := answering(t, c.list, c.read)
			err := (&clouds{}).Try(t.Context(), s, by)
			if syncline.CodeOf(err) != c.code || err != nil && !strings.Contains(syncline.MessageOf(err), c.message) {
				t.Errorf("got %v (%s), want %q (%s)", err, syncline.CodeOf(err), c.message, c.code)
			}
			if strings.Contains(fmt.Sprintf("%+v %v", err, by), "hunter2") {
				t.Errorf("the secret is in %+v or in %v", err, by)
			}
		})
	}
}

// TestStorageThatHangs is given up, with a word on what to look at.
func TestStorageThatHangs(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	s, by := answering(t, hang, hang)
	c := &clouds{patience: 50 * time.Millisecond}
	_, bucketsErr := c.Buckets(t.Context(), s, by)
	for label, err := range map[string]error{
		"try": c.Try(t.Context(), s, by), "check": c.check(t.Context(), api.Place{Storage: s, Access: by}, "p"), "buckets": bucketsErr,
	} {
		if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), "did not answer within 50ms") {
			t.Errorf("%s: got %v", label, err)
		}
	}
}

// taking is a store that takes any change of an account.
type taking struct{ accountStore }

func (taking) UpdateAccount(context.Context, syncline.Account, []byte) error { return nil }

// TestLimitsAreTheAccounts shares a limiter among the storages of an account.
func TestLimitsAreTheAccounts(t *testing.T) {
	c := &clouds{}
	for _, account := range []syncline.ID{"a", "b", "a"} {
		c.limited(nil, api.Place{Storage: syncline.ObjectStorage{AccountID: account}})
	}
	c.limited(nil, api.Place{Path: "/local"})
	// A changed limit holds at once, for what is open too.
	if n := c.limiters["a"].Concurrent(); n < 2 {
		t.Fatalf("a new account may read %d files at once", n)
	}
	changed := accounts{taking{}, c}
	if err := changed.UpdateAccount(t.Context(), syncline.Account{ID: "a", Limits: syncline.Limits{Connections: 1}}, nil); err != nil {
		t.Fatal(err)
	}
	if n := c.limiters["a"].Concurrent(); n != 1 {
		t.Errorf("after the change %d files are read at once, want 1", n)
	}
	c.limited(nil, api.Place{
		Storage: syncline.ObjectStorage{AccountID: "c"}, Access: api.Access{Account: syncline.Account{ID: "c", Limits: syncline.Limits{Connections: 2}}},
	})
	if n := c.limiters["c"].Concurrent(); n != 2 {
		t.Errorf("a limit that was stored: %d files at once, want 2", n)
	}
	delete(c.limiters, "c")
	if len(c.limiters) != 2 || c.limiters["a"] == nil || c.limiters["a"] == c.limiters["b"] {
		t.Errorf("got %v", c.limiters)
	}
}
