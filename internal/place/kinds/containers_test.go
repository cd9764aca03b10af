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

// parses reads an address as a place, which has a name.
func parses(t *testing.T, text string, want place.Place, name string) {
	t.Helper()
	got, err := kinds.All().Parse(text)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
	if told := kinds.All().Address(got); told != name {
		t.Errorf("Address() is %q, want %q", told, name)
	}
}

// refuses reads an address in vain, and tells nothing of a secret in it.
func refuses(t *testing.T, text, message string) {
	t.Helper()
	a, err := kinds.All().Parse(text)
	if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), message) {
		t.Errorf("got %+v, %v; want a refusal with %q", a, err, message)
	}
	if err != nil && strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error repeats a secret: %v", err)
	}
}

func TestParseB2AndSwift(t *testing.T) {
	at := func(kind syncline.StorageKind, bucket, folder string) place.Place {
		return place.Place{Storage: syncline.ObjectStorage{Kind: kind, Bucket: bucket, Folder: folder}}
	}
	for _, tt := range []struct {
		text string
		want place.Place
		name string // Address(); the text itself where empty
	}{
		{"b2:bucketname", at(syncline.KindB2, "bucketname", ""), ""},
		{"b2:bucketname:", at(syncline.KindB2, "bucketname", ""), "b2:bucketname"},
		{"b2:foobar:/", at(syncline.KindB2, "foobar", ""), "b2:foobar"},
		{"b2:bucketname:/prefix/directory", at(syncline.KindB2, "bucketname", "prefix/directory"), "b2:bucketname:prefix/directory"},
		{"b2:Bucket-1:a//b/../c:d", at(syncline.KindB2, "Bucket-1", "a/c:d"), "b2:Bucket-1:a/c:d"},
		{"swift:cnt1:/", at(syncline.KindSwift, "cnt1", ""), ""},
		{"swift:cnt2:/prefix", at(syncline.KindSwift, "cnt2", "prefix"), ""},
		{"swift:cnt3:/prefix//longer/", at(syncline.KindSwift, "cnt3", "prefix/longer"), "swift:cnt3:/prefix/longer"},
		{"swift:Cnt 4:/a:b", at(syncline.KindSwift, "Cnt 4", "a:b"), ""},
	} {
		parses(t, tt.text, tt.want, cmp.Or(tt.name, tt.text))
	}
	for text, message := range map[string]string{
		"b2:":                             "names no bucket",
		"b2:bucket_name":                  "no name of a bucket",
		"b2:short":                        "no name of a bucket",
		"b2:bucketname/prefix/directory/": "no name of a bucket",
		"b2:bucketname:../x":              "leads out",
		"swift://hostname/container":      "must have a colon and a slash",
		"swift:////":                      "must have a colon and a slash",
		"swift:////prefix":                "must have a colon and a slash",
		"swift:container":                 "must have a colon and a slash",
		"swift:container:":                "must have a colon and a slash",
		"swift:container:prefix":          "must have a colon and a slash",
		"swift:container/prefix":          "must have a colon and a slash",
		"swift:container://prefix":        "two slashes",
		"swift:container:/../prefix":      "leads out",
		"swift::/prefix":                  "names no container",
	} {
		refuses(t, text, message)
	}
}
