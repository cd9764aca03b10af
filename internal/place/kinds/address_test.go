package kinds_test

import (
	"cmp"
	"reflect"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/place/kinds"
)

func TestParse(t *testing.T) {
	type p = place.Place
	stored := func(kind syncline.StorageKind, endpoint, bucket, folder string) p {
		return p{Storage: syncline.ObjectStorage{Kind: kind, Endpoint: endpoint, Bucket: bucket, Folder: folder}}
	}
	s3 := func(endpoint, bucket, folder string) p {
		return stored(syncline.KindS3Compatible, endpoint, bucket, folder)
	}
	plain := func(endpoint, bucket, folder string) p { return s3("http://"+endpoint, bucket, folder) }
	local := func(path string) p { return p{Path: path} }
	azure := func(container, folder string) p { return stored(syncline.KindAzure, "", container, folder) }
	gcs := func(bucket, folder string) p { return stored(syncline.KindGCS, "", bucket, folder) }
	rest := func(endpoint, folder string) p { return stored(syncline.KindREST, endpoint, "", folder) }
	tests := []struct {
		text string
		want p
		name string // Address(); the text itself where empty
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

		{"rest:http://localhost:1234", rest("http://localhost:1234", ""), "rest:http://localhost:1234/"},
		{"rest:http://localhost:1234/", rest("http://localhost:1234", ""), ""},
		{"rest:https://HOST:443/some//folder", rest("https://host", "some/folder"), "rest:https://host/some/folder/"},
		{"rest:http://host:80/a%20b%25/", rest("http://host", "a b%"), "rest:http://host/a%20b%25/"},
		{"rest:http://[::1]:8000/repo/", rest("http://[::1]:8000", "repo"), ""},
		{"rest:http+unix:///tmp/rest.socket:/my_backup_repo/", rest("http+unix:///tmp/rest.socket", "my_backup_repo"), ""},
		{"rest:https+unix:///tmp/a%20b", rest("https+unix:///tmp/a b", ""), "rest:https+unix:///tmp/a%20b:/"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) { parses(t, tt.text, tt.want, cmp.Or(tt.name, tt.text)) })
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
		{"rest:", "names no server"},
		{"rest:localhost/", "names no server"},
		{"rest::123/", "no valid URL"},
		{"rest:ftp://user:hunter2@host/", "names no server"},
		{"rest:http://", "names no host"},
		{"rest:http://user:hunter2@:123", "names no host"},
		{"rest:http://user:hunter2@", "names no host"},
		{"rest:http://user:hunter2@host:port/", "no valid URL"},
		{"rest:https://user:hunter2@host/repo?x=1", "has a ? or a # in it"},
		{"rest:https://host/repo#x", "has a ? or a # in it"},
		{"rest:https://host/a/../../b", "leads out of the bucket"},
		{"rest:http+unix://socket/repo", "names no socket"},
		{"rest:http+unix:///", "names no socket"},
		{"rest:http+unix:///tmp/../socket:/repo", "names no socket"},
		{"sftp:host", "must have a colon after the host"},
		{"sftp:user@:/repo", "names no host"},
		{"sftp:-oProxyCommand=x:/repo", "names no host"},
		{"sftp:a@b@c@host:/repo", "names no host"},
		{"sftp://host", "names no folder"},
		{"sftp://host:dir", "no valid URL"},
		{"sftp://user:hunter2@host:dir", "no valid URL"},
		{"sftp:user@host:~/repo", "begins with ~"},
		{"sftp://user@host/%00", "NUL"},
		{"S3:host/bucket", `"S3:" is no kind of storage that is known`},
		{"foo:/bar/hunter2", "needs local: in front"},
		{"dir:name", "needs local: in front"},
	}
	for _, tt := range tests {
		t.Run(tt.text[:min(len(tt.text), 40)], func(t *testing.T) { refuses(t, tt.text, tt.message) })
	}
}

// FuzzParse checks that Parse reads the printed form of a parsed place as the
// same place.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"/srv/repo", "local:x", "s3:host/bucket/prefix", "s3:http://[::1]:80/b/%20p?q#f", "s3:https://u:p@h/b",
		"azure:c:/p", "gs:b:p//q", "rclone:r:/p", `rclone::b,a="x:""y",pass=z:p`, "rclone:./a:b", "rclone:r:..", "c:/x", "rest:http://x", "rest:https://u:p@h:1/a%2Fb/", "rest:http+unix:///a:/b/", "s3:host/b/..", "azure:c:./..x",
		"sftp:u@d@h:/p", "sftp://u%40d@[::1%25lo0]:22//a%20b", "sftp:h:../p", "swift:c:/p", "b2:bucket:p/q",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := kinds.All().Parse(text)
		if err != nil {
			if syncline.CodeOf(err) != syncline.CodeInvalid {
				t.Errorf("%q: %v is not CodeInvalid", text, err)
			}
			return
		}
		ofRclone := a.Storage.Kind == syncline.KindRclone // its names and paths are rclone's own
		if a.Storage.Bucket == "" && a.Path == "" && a.Storage.Endpoint == "" && !ofRclone {
			t.Errorf("%q gave the nameless place %+v", text, a)
		}
		ofFiles := ofRclone || a.Storage.Kind == syncline.KindSFTP // paths of a file system
		if !ofFiles && (strings.HasPrefix(a.Storage.Folder, "/") || strings.HasSuffix(a.Storage.Folder, "/") || strings.Contains("/"+a.Storage.Folder+"/", "/../")) {
			t.Errorf("%q gave the folder %q", text, a.Storage.Folder)
		}
		a.Access = place.Access{} // an address that is printed has no credentials
		name := kinds.All().Address(a)
		again, err := kinds.All().Parse(name)
		if err != nil && len(name) <= 8<<10 || err == nil && !reflect.DeepEqual(again, a) {
			t.Errorf("%q is %+v, but %q is %+v, %v", text, a, name, again, err)
		}
	})
}
