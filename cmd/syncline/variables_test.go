package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/cobra"
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
	t.Parallel()
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
	if n, err := e.network(t.Context()); n.Client.UserAgent != "me" || n.Client.Patience != 2*time.Minute || err != nil {
		t.Errorf("requests are made with %+v, %v", n, err)
	}
	e.repo = "azure:container:/"
	if at, err := e.location(t.Context()); at.Name != e.repo || at.Key != e.repo+"\naccount\nexample.com" || err != nil {
		t.Errorf("the place is known by %q, %v", at.Key, err)
	}
	if e, err = withVariables(t, map[string]string{"RESTIC_KEY_HINT": "ab12", "RESTIC_PROGRESS_FPS": "0"}, "--key-hint", "cd"); err != nil || e.keyHint != "cd" {
		t.Errorf("read as %+v, %v", e, err)
	}
	if e.progressInterval(true, time.Second) != time.Second || e.progressInterval(false, time.Second) != plainInterval {
		t.Error("without a rate progress is shown as before")
	}
}
