package address_test

import (
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage/address"
)

func TestParse(t *testing.T) {
	type a = address.Address
	s3 := func(endpoint, bucket, prefix string) a {
		return a{Scheme: address.S3, Endpoint: endpoint, Bucket: bucket, Prefix: prefix}
	}
	plain := func(endpoint, bucket, prefix string) a {
		return a{Scheme: address.S3, HTTP: true, Endpoint: endpoint, Bucket: bucket, Prefix: prefix}
	}
	local := func(path string) a { return a{Scheme: address.Local, Path: path} }
	azure := func(container, prefix string) a {
		return a{Scheme: address.Azure, Bucket: container, Prefix: prefix}
	}
	gcs := func(bucket, prefix string) a { return a{Scheme: address.GCS, Bucket: bucket, Prefix: prefix} }
	tests := []struct {
		text string
		want a
		name string // String(); the text itself where empty
	}{
		{"/srv/repo", local("/srv/repo"), "local:/srv/repo"},
		{"repo", local("repo"), "local:repo"},
		{"local:/srv/repo", local("/srv/repo"), ""},
		{"local:with:colon", local("with:colon"), ""},
		{"local:s3:host/bucket", local("s3:host/bucket"), ""},
		{"/srv/a:b", local("/srv/a:b"), "local:/srv/a:b"},
		{"../a:b", local("../a:b"), "local:../a:b"},
		{`..\a:b`, local(`..\a:b`), `local:..\a:b`},
		{`\\server\share:x`, local(`\\server\share:x`), `local:\\server\share:x`},
		{`C:\repo`, local(`C:\repo`), `local:C:\repo`},
		{"d:/repo", local("d:/repo"), "local:d:/repo"},
		{"s3", local("s3"), "local:s3"},

		{"s3:s3.amazonaws.com/bucket", s3("s3.amazonaws.com", "bucket", ""), "s3:https://s3.amazonaws.com/bucket"},
		{"s3:s3.amazonaws.com/bucket/", s3("s3.amazonaws.com", "bucket", ""), "s3:https://s3.amazonaws.com/bucket"},
		{"s3:s3.amazonaws.com/bucket/some//folder/", s3("s3.amazonaws.com", "bucket", "some/folder"), "s3:https://s3.amazonaws.com/bucket/some/folder"},
		{"s3:host/bucket/a/../b/./c", s3("host", "bucket", "b/c"), "s3:https://host/bucket/b/c"},
		{"s3://host/bucket/p", s3("host", "bucket", "p"), "s3:https://host/bucket/p"},
		{"s3:host:9000/bucket/p", s3("host:9000", "bucket", "p"), "s3:https://host:9000/bucket/p"},
		{"s3:https://host:9000/bucket/p", s3("host:9000", "bucket", "p"), ""},
		{"s3:https://HOST:443/bucket/p", s3("host", "bucket", "p"), "s3:https://host/bucket/p"},
		{"s3:http://host:80/bucket/p", plain("host", "bucket", "p"), "s3:http://host/bucket/p"},
		{"s3:http://127.0.0.1:9000/bucket", plain("127.0.0.1:9000", "bucket", ""), ""},
		{"s3:http://[::1]:9000/bucket/p", plain("[::1]:9000", "bucket", "p"), ""},
		{"s3:https://[::1]:443/bucket/p", s3("[::1]", "bucket", "p"), "s3:https://[::1]/bucket/p"},
		{"s3:https://host/bucket/a%20b%25", s3("host", "bucket", "a b%"), ""},
		{"s3:host/bucket/a%20b", s3("host", "bucket", "a%20b"), "s3:https://host/bucket/a%2520b"},
		{"s3:host/bucket/ümläut #?", s3("host", "bucket", "ümläut #?"), "s3:https://host/bucket/%C3%BCml%C3%A4ut%20%23%3F"},
		{"s3:https://KEY:hunter2@host/bucket/p", s3("host", "bucket", "p"), "s3:https://host/bucket/p"},
		{"s3:https://host/bucket/p?X-Amz-Signature=hunter2", s3("host", "bucket", "p"), "s3:https://host/bucket/p"},
		{"s3:httpd.example/bucket/p", s3("httpd.example", "bucket", "p"), "s3:https://httpd.example/bucket/p"},

		{"azure:container:/", azure("container", ""), ""},
		{"azure:container:", azure("container", ""), "azure:container:/"},
		{"azure:container:/some/folder", azure("container", "some/folder"), ""},
		{"azure:container:some/folder/", azure("container", "some/folder"), "azure:container:/some/folder"},
		{"azure:container://a//b:c", azure("container", "a/b:c"), "azure:container:/a/b:c"},
		{"azure:container:/../x", azure("container", "x"), "azure:container:/x"},
		{"gs:bucket:/", gcs("bucket", ""), ""},
		{"gs:bucket.example.com:/a b", gcs("bucket.example.com", "a b"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := address.Parse(tt.text)
			if err != nil || got != tt.want {
				t.Fatalf("got %+v, %v; want %+v", got, err, tt.want)
			}
			name := tt.name
			if name == "" {
				name = tt.text
			}
			if got.String() != name {
				t.Errorf("String() is %q, want %q", got, name)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ text, message string }{
		{"", "is empty"},
		{"local:", "no path"},
		{"a\x00b", "NUL"},
		{strings.Repeat("x", 10_000), "longer than"},
		{"s3:", "names no host"},
		{"s3:https://", "names no host"},
		{"s3:/bucket", "names no host"},
		{"s3:https:///bucket", "names no host"},
		{"s3:ho st/bucket", "names no host"},
		{"s3:ho?st/bucket", "names no host"},
		{"s3:host", "names no bucket; it must be like s3:host/BUCKET/FOLDER"},
		{"s3:host/", "names no bucket"},
		{"s3:host//prefix", "names no bucket"},
		{"s3:https://host", "names no bucket"},
		{"s3:host/bucket//prefix", "two slashes after the bucket"},
		{"s3:host/bucket/../other", "leads out of the bucket"},
		{"s3:https://host/bucket/a%00b", "NUL"},
		{"s3:https://host:port/bucket", "no valid URL"},
		{"s3:https://host/%zz", "no valid URL"},
		{"s3:KEY:hunter2@host/bucket", "credentials do not belong"},
		{"azure:", "must have a colon after the container, like azure:CONTAINER:/FOLDER"},
		{"azure:container", "must have a colon"},
		{"azure::/prefix", "names no container"},
		{"azure:container/x:/prefix", "names no container"},
		{"azure:container:../prefix", "leads out of the bucket"},
		{"gs:bucket/prefix", "must have a colon after the bucket"},
		{"gs::/prefix", "names no bucket"},
		{"rest:https://user:hunter2@host/", "rest: addresses of repositories cannot be read yet"},
		{"sftp:user@host:/repo", "what works is a local folder, s3:"},
		{"b2:bucket:path", "azure:CONTAINER:/FOLDER"},
		{"rclone:remote:path", "gs:BUCKET:/FOLDER"},
		{"swift:container:/path", "cannot be read yet"},
		{"S3:host/bucket", `"S3:" is no kind of storage that is known`},
		{"foo:/bar/hunter2", "needs local: in front"},
		{"dir:name", "needs local: in front"},
	}
	for _, tt := range tests {
		t.Run(tt.text[:min(len(tt.text), 40)], func(t *testing.T) {
			a, err := address.Parse(tt.text)
			if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), tt.message) {
				t.Errorf("got %+v, %v; want a refusal with %q", a, err, tt.message)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats a secret: %v", err)
			}
		})
	}
}

// FuzzParse checks that what Parse takes, it writes so that it is read as the
// same again.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"/srv/repo", "local:x", "s3:host/bucket/prefix", "s3:http://[::1]:80/b/%20p?q#f", "s3:https://u:p@h/b",
		"azure:c:/p", "gs:b:p//q", "c:/x", "rest:http://x", "s3:host/b/..", "azure:c:./..x",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := address.Parse(text)
		if err != nil {
			if syncline.CodeOf(err) != syncline.CodeInvalid {
				t.Errorf("%q: %v is not CodeInvalid", text, err)
			}
			return
		}
		if a.Scheme != address.Local && a.Bucket == "" || a.Scheme == address.Local && a.Path == "" {
			t.Errorf("%q gave the nameless place %+v", text, a)
		}
		if strings.HasPrefix(a.Prefix, "/") || strings.HasSuffix(a.Prefix, "/") || strings.Contains("/"+a.Prefix+"/", "/../") {
			t.Errorf("%q gave the folder %q", text, a.Prefix)
		}
		again, err := address.Parse(a.String())
		if err != nil && len(a.String()) <= 8<<10 || err == nil && again != a {
			t.Errorf("%q is %+v, but %q is %+v, %v", text, a, a, again, err)
		}
	})
}
