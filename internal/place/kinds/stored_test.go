package kinds

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/storage/s3"
)

func TestAmazonEndpoints(t *testing.T) {
	network := place.Network{DenyPrivate: true, CA: []byte("ca")}
	by := place.Access{Account: syncline.Account{UserName: "AKIA"}, Secrets: map[string]secret.String{place.Password: secret.NewString("secret")}}
	for want, s := range map[string]syncline.ObjectStorage{
		"s3.amazonaws.com":                   {Kind: syncline.KindS3, Cloud: syncline.CloudGlobal, Region: "eu-central-1"},
		"s3.cn-north-1.amazonaws.com.cn":     {Kind: syncline.KindS3, Cloud: syncline.CloudChina},
		"s3.cn-northwest-1.amazonaws.com.cn": {Kind: syncline.KindS3, Cloud: syncline.CloudChina, Region: "cn-northwest-1"},
		"s3.us-gov-west-1.amazonaws.com":     {Kind: syncline.KindS3, Cloud: syncline.CloudUSGovernment},
		"s3.us-gov-east-1.amazonaws.com":     {Kind: syncline.KindS3, Cloud: syncline.CloudUSGovernment, Region: "us-gov-east-1"},
		"http://host:9000":                   {Kind: syncline.KindS3Compatible, Endpoint: "http://host:9000"},
	} {
		s.Bucket, s.Folder = "bucket", "folder"
		got, err := s3Config(place.Place{Storage: s, Access: by}, network)
		if err != nil || got.Endpoint != want || got.Region != s.Region || got.Bucket != "bucket" || got.Prefix != "folder" {
			t.Errorf("%+v: got %+v", s, got)
		}
		if got.AccessKey != "AKIA" || got.SecretKey != "secret" || !got.DenyPrivate || string(got.CA) != "ca" {
			t.Errorf("got %+v", got)
		}
		if got.Sources != (s3.Sources{}) {
			t.Error("what the server's own user may do is used for somebody else")
		}
	}
}

func TestAzureEndpoints(t *testing.T) {
	network := place.Network{DenyPrivate: true}
	for world, suffix := range map[syncline.Cloud]string{
		syncline.CloudGlobal: "core.windows.net", syncline.CloudChina: "core.chinacloudapi.cn",
		syncline.CloudGermany: "core.cloudapi.de", syncline.CloudGovernment: "core.usgovcloudapi.net",
	} {
		for text, sas := range map[string]bool{"a2V5": false, "?sv=1&sig=x": true, "sv=1&sig=x": true} {
			by := place.Access{Account: syncline.Account{UserName: "account"}, Secrets: map[string]secret.String{place.Password: secret.NewString(text)}}
			got, err := azureConfig(place.Place{Storage: syncline.ObjectStorage{Kind: syncline.KindAzure, Cloud: world, Bucket: "c", Folder: "f"}, Access: by}, network)
			if err != nil || got.EndpointSuffix != suffix || got.Account != "account" || !got.DenyPrivate || got.Container != "c" || got.Prefix != "f" {
				t.Errorf("got %+v, %v", got, err)
			}
			if (got.SAS == text) != sas || (got.Key == text) == sas {
				t.Errorf("%q was taken for something else: %+v", text, got)
			}
		}
	}
}

// TestUnknownKind takes a kind that the database of a later version may have.
func TestUnknownKind(t *testing.T) {
	opener := place.Opener{Kinds: All()}
	_, _, err := opener.Reach(t.Context(), place.Place{Storage: syncline.ObjectStorage{Kind: "tape"}}, nil)
	if syncline.CodeOf(err) != syncline.CodeUnsupported {
		t.Errorf("got %v", err)
	}
}

// answering is a storage whose answers to listings and reads are made up.
func answering(t *testing.T, list, read func(http.ResponseWriter, *http.Request)) place.Place {
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
	return place.Place{
		Storage: syncline.ObjectStorage{Kind: syncline.KindS3Compatible, Endpoint: server.URL, Region: "here", Bucket: "bucket", AccountID: "a"},
		Access:  place.Access{Account: syncline.Account{UserName: "AKIA"}, Secrets: map[string]secret.String{place.Password: secret.NewString("hunter2-hunter2")}},
	}
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

// TestRights tries storages that allow one request and refuse another.
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
			at := answering(t, c.list, c.read)
			err := (&place.Opener{Kinds: All()}).Try(t.Context(), at)
			if syncline.CodeOf(err) != c.code || err != nil && !strings.Contains(syncline.MessageOf(err), c.message) {
				t.Errorf("got %v (%s), want %q (%s)", err, syncline.CodeOf(err), c.message, c.code)
			}
			if strings.Contains(fmt.Sprintf("%+v %v", err, at), "hunter2") {
				t.Errorf("the secret is in %+v or in %v", err, at)
			}
		})
	}
}

// TestStorageThatHangs ends the trial of a silent storage, with an error that
// says what to check.
func TestStorageThatHangs(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	at := answering(t, hang, hang)
	c := &place.Opener{Kinds: All(), Patience: 50 * time.Millisecond}
	_, bucketsErr := c.Buckets(t.Context(), at)
	_, checkErr := c.Check(t.Context(), at, "p")
	for label, err := range map[string]error{
		"try": c.Try(t.Context(), at), "check": checkErr, "buckets": bucketsErr,
	} {
		if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), "did not answer within 50ms") {
			t.Errorf("%s: got %v", label, err)
		}
	}
}
