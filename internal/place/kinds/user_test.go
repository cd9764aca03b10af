package kinds

import (
	"testing"

	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage/s3"
)

// Options are read for the repository's own kind of storage, and checked for all.
func TestOptions(t *testing.T) {
	const folder, inS3, inAzure, inGCS = "/repo", "s3:host/bucket", "azure:container:/", "gs:bucket:/"
	for _, tt := range []struct {
		address string
		options []string
		want    int // connections
		ok      bool
	}{
		{folder, []string{"local.connections=3"}, 3, true},
		{inAzure, []string{"azure.connections=0x10", "s3.connections=x"}, 0, false},
		{inAzure, []string{"azure.connections=0x10", "s3.connections=4"}, 16, true},
		{inGCS, []string{"GS.connections = 7", "gs.region=eu"}, 7, true},
		{inGCS, []string{"gs.connections=0"}, 0, false},
		{inGCS, []string{"gs.connections=7", "gs.connections=8"}, 0, false},
		{"b2:bucket", []string{"b2.connections=6"}, 6, true},
		{"swift:container:/", []string{"swift.connections=8"}, 8, true},
		{inS3, []string{"s3.enable-restore=false", "s3.restore-days=7", "s3.restore-timeout=1h", "s3.restore-tier=Bulk", "sftp.args=-v"}, 0, true},
		{inS3, []string{"s3.enable-restore=true"}, 0, false},
		{folder, []string{"s3.enable-restore=true"}, 0, true},
		{inS3, []string{"s3.restore-timeout=1"}, 0, false},
		{inS3, []string{"sftp.nonsense=1"}, 0, false},
		{inS3, []string{"region=x"}, 0, false},
		{inS3, []string{"=x"}, 0, false},
	} {
		at, err := All().Name(tt.address, tt.options, place.User{Getenv: func(string) string { return "" }})
		if (err == nil) != tt.ok {
			t.Errorf("%s %q: %v", tt.address, tt.options, err)
			continue
		}
		if tt.ok && at.Access.User.Connections != tt.want {
			t.Errorf("%s %q: %d connections", tt.address, tt.options, at.Access.User.Connections)
		}
	}
}

// A command takes credentials from the environment. An account's storage takes
// none of them.
func TestVariablesOfAUser(t *testing.T) {
	variables := map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "here",
		"AZURE_ACCOUNT_NAME": "account", "AZURE_ACCOUNT_KEY": "a2V5", "AZURE_ENDPOINT_SUFFIX": "example.com",
		"GOOGLE_ACCESS_TOKEN": "token",
	}
	at := func(address string, options ...string) place.Place {
		named, err := All().Name(address, options, place.User{Getenv: func(name string) string { return variables[name] }})
		if err != nil {
			t.Fatal(err)
		}
		return named.Place
	}
	if c, err := s3Config(at("s3:http://host/bucket/folder", "s3.bucket-lookup=path"), place.Network{}); err != nil ||
		c.Endpoint != "http://host" || c.Bucket != "bucket" || c.Prefix != "folder" || c.AccessKey != "AKIA" || c.SecretKey != "secret" || c.Region != "here" || c.Sources != (s3.Sources{}) {
		t.Errorf("S3 is asked with %+v, %v", c, err)
	}
	if c, err := azureConfig(at("azure:container:/folder"), place.Network{}); err != nil ||
		c.Account != "account" || c.Key != "a2V5" || c.EndpointSuffix != "example.com" || c.Container != "container" || c.Prefix != "folder" {
		t.Errorf("Azure is asked with %+v, %v", c, err)
	}
	if c := gcsConfig(at("gs:bucket:/folder"), place.Network{}); c.AccessToken != "token" || !c.UserCredentials || c.GuardToken || c.Bucket != "bucket" || c.Prefix != "folder" {
		t.Errorf("Google is asked with %+v", c)
	}
}
