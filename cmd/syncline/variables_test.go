package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"syncline.dev/syncline/internal/storage/address"
)

// withVariables is an environment after the command line was read.
func withVariables(t *testing.T, variables map[string]string, args ...string) (*environment, error) {
	t.Helper()
	e := &environment{getenv: func(name string) string { return variables[name] }}
	cmd := &cobra.Command{}
	e.addGlobalFlags(cmd.PersistentFlags())
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return e, e.check(cmd)
}

// Variables stand for their flags, which go before them.
func TestVariables(t *testing.T) {
	e, err := withVariables(t, map[string]string{
		"RESTIC_KEY_HINT": "ab12", "RESTIC_PROGRESS_FPS": "0.5", "RESTIC_CACHE_DIR": "/cache", "RESTIC_HTTP_USER_AGENT": "me", "RESTIC_PACK_SIZE": "bad",
		"AZURE_ACCOUNT_NAME": "account", "AZURE_ENDPOINT_SUFFIX": "example.com",
	}, "--pack-size", "16", "--stuck-request-timeout", "2m")
	if err != nil {
		t.Fatal(err)
	}
	if e.keyHint != "ab12" || e.progressInterval(true, 0) != 2*time.Second || e.progressInterval(false, 0) != 2*time.Second || e.userAgent != "me" {
		t.Errorf("read as %+v", e)
	}
	if dir, err := e.catalogDir(); dir != filepath.Join("/cache", "syncline") || err != nil {
		t.Errorf("catalogs lie in %s, %v", dir, err)
	}
	if _, c, err := e.transport(); c.UserAgent != "me" || c.Patience != 2*time.Minute || err != nil {
		t.Errorf("requests are made with %+v, %v", c, err)
	}
	if key := azureKey(e, nil); key != "\naccount\nexample.com" {
		t.Errorf("the place is known by %q", key)
	}
	c := e.azureConfig(address.Address{Bucket: "container"}, nil)
	if c.Account != "account" || c.EndpointSuffix != "example.com" || c.Container != "container" {
		t.Errorf("Azure is asked with %+v", c)
	}
	if e, err = withVariables(t, map[string]string{"RESTIC_KEY_HINT": "ab12", "RESTIC_PROGRESS_FPS": "0"}, "--key-hint", "cd"); err != nil || e.keyHint != "cd" {
		t.Errorf("read as %+v, %v", e, err)
	}
	if e.progressInterval(true, time.Second) != time.Second || e.progressInterval(false, time.Second) != plainInterval {
		t.Error("without a rate progress is shown as before")
	}
}

// Options are read for the repository's own kind of storage, and checked for all.
func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		scheme  address.Scheme
		options []string
		want    int // connections
		ok      bool
	}{
		{address.Local, []string{"local.connections=3"}, 3, true},
		{address.Azure, []string{"azure.connections=0x10", "s3.connections=x"}, 0, false},
		{address.Azure, []string{"azure.connections=0x10", "s3.connections=4"}, 16, true},
		{address.GCS, []string{"GS.connections = 7", "gs.region=eu"}, 7, true},
		{address.GCS, []string{"gs.connections=0"}, 0, false},
		{address.GCS, []string{"gs.connections=7", "gs.connections=8"}, 0, false},
		{address.S3, []string{"s3.enable-restore=false", "s3.restore-days=7", "s3.restore-timeout=1h", "s3.restore-tier=Bulk", "sftp.args=-v"}, 0, true},
		{address.S3, []string{"s3.enable-restore=true"}, 0, false},
		{address.Local, []string{"s3.enable-restore=true"}, 0, true},
		{address.S3, []string{"s3.restore-timeout=1"}, 0, false},
		{address.S3, []string{"sftp.nonsense=1"}, 0, false},
		{address.S3, []string{"region=x"}, 0, false},
		{address.S3, []string{"=x"}, 0, false},
	} {
		o, err := (&environment{options: tt.options}).backendOptions(tt.scheme)
		if (err == nil) != tt.ok {
			t.Errorf("%s %q: %v", tt.scheme, tt.options, err)
			continue
		}
		if n, err := o.connections(); tt.ok && (n != tt.want || err != nil) {
			t.Errorf("%s %q: %d connections, %v", tt.scheme, tt.options, n, err)
		}
	}
}
