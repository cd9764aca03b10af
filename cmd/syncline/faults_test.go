package main_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	catalogs "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/s3"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

// silent is a syncer.Reporter that tells nobody.
type silent struct{}

func (silent) Progress(int, syncline.SessionStatistics) {}
func (silent) Log(syncline.LogLevel, string)            {}
func (silent) Behind()                                  {}

// TestFiftySessionsThroughFaults synchronizes from a server that fails one
// request in twenty. Each session must end with the same catalog, or say that
// it failed: never with another one.
func TestFiftySessionsThroughFaults(t *testing.T) {
	sessions := 50
	if testing.Short() {
		sessions = 10
	}
	server := servers.StartS3(t)
	server.Put(t, "bucket", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	open := func(url string) storage.Storage {
		st, err := s3.Open(t.Context(), s3.Config{
			Endpoint: url, Bucket: "bucket", Prefix: "repo", Region: server.Region,
			AccessKey: server.AccessKey, SecretKey: server.SecretKey,
		})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	repo, err := resticrepo.Open(t.Context(), open(server.URL), resticfixture.Password)
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := synchronized(t, repo, open(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	var retries int64
	for i := range sessions {
		faulty := servers.StartFaulty(t, server.URL, uint64(i), 0.05)
		got, counter, err := synchronized(t, repo, open(faulty.URL))
		switch {
		case err != nil && syncline.CodeOf(err) == syncline.CodeUnavailable:
			t.Logf("session %d failed and says so: %v", i, err)
		case err != nil:
			t.Errorf("session %d: %v", i, err)
		case got != want:
			t.Errorf("session %d ended with another catalog", i)
		}
		_, _, again := counter.Counts()
		retries += again
	}
	if retries < int64(sessions)/4 {
		t.Errorf("%d sessions made %d further tries: the faults are too few to show anything", sessions, retries)
	}
}

// synchronized synchronizes into a new catalog and returns its dump.
func synchronized(t *testing.T, repo *resticrepo.Repository, st storage.Storage) (string, *storage.Counter, error) {
	t.Helper()
	counter := storage.NewCounter(st)
	retry := storage.NewRetry(counter, storage.RetryOptions{
		MinDelay: time.Millisecond, MaxDelay: 10 * time.Millisecond, Stall: 100 * time.Millisecond, MaxElapsed: time.Minute,
	})
	box, err := catalogs.Open(t.Context(), filepath.Join(t.TempDir(), "catalog"))
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Open(t.Context(), box)
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	_, err = syncer.Run(t.Context(), syncer.Params{
		Repository: repo.With(retry), Counter: counter, Catalog: cat, Reporter: silent{},
		Streams: 4, MaxRead: 2 << 10, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return "", counter, err
	}
	var dump bytes.Buffer
	if err := cat.View(t.Context(), func(v *catalog.View) error { return v.Dump(&dump) }); err != nil {
		t.Fatal(err)
	}
	return dump.String(), counter, nil
}
