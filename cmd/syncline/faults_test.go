package main_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	catalogs "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/s3"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

// silent is a syncer.Reporter that tells nobody.
type silent struct{}

func (silent) Progress(int, syncline.SessionStatistics) {}
func (silent) Log(syncline.LogLevel, string)            {}
func (silent) Behind()                                  {}

// inBucket opens the folder "repo" of a server's bucket at an address, which may be
// that of a proxy in front of the server.
func inBucket(t *testing.T, server *servers.S3, url string) storage.Storage {
	t.Helper()
	st, err := s3.Open(t.Context(), s3.Config{
		Endpoint: url, Bucket: "bucket", Prefix: "repo", Region: server.Region,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// wanted returns the repository there, and the catalog that a session without
// faults makes of it.
func wanted(t *testing.T, server *servers.S3) (repo *resticrepo.Repository, catalog string) {
	t.Helper()
	repo, err := resticrepo.Open(t.Context(), inBucket(t, server, server.URL), resticfixture.Password)
	if err != nil {
		t.Fatal(err)
	}
	catalog, _, err = synchronized(t, repo, inBucket(t, server, server.URL))
	if err != nil {
		t.Fatal(err)
	}
	return repo, catalog
}

// TestFiftySessionsThroughFaults synchronizes from a server that fails one
// request in twenty. Each session must end with the same catalog, or say that
// it failed: never with another one.
func TestFiftySessionsThroughFaults(t *testing.T) {
	t.Parallel()
	sessions := 50
	if testing.Short() {
		sessions = 10
	}
	server := servers.StartS3(t)
	server.Put(t, "bucket", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	repo, want := wanted(t, server)
	var retries int64
	for i := range sessions {
		faulty := servers.StartFaulty(t, server.URL, uint64(i), 0.05)
		got, counter, err := synchronized(t, repo, inBucket(t, server, faulty.URL))
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

// TestFlippedAnswers opens and synchronizes a repository from a server that
// changes one byte of one answer in twenty, whatever it is of. That is no
// damage: what is asked again comes right.
func TestFlippedAnswers(t *testing.T) {
	t.Parallel()
	server := servers.StartS3(t)
	folder := resticfixture.Unpack(t, "v2-old")
	server.Put(t, "bucket", "repo", servers.ReadFolder(t, folder))
	quick := storage.RetryOptions{MinDelay: time.Millisecond, MaxDelay: 10 * time.Millisecond, Stall: 100 * time.Millisecond, MaxElapsed: time.Minute}
	_, want := wanted(t, server)
	for i := range 25 {
		flipping := inBucket(t, server, servers.StartFaulty(t, server.URL, uint64(i), 0.05, "flip").URL)
		repo, err := resticrepo.Open(t.Context(), storage.NewRetry(flipping, quick), resticfixture.Password)
		if err != nil {
			t.Errorf("run %d: the repository is not opened: %v", i, err)
			continue
		}
		got, _, err := synchronized(t, repo, flipping)
		if err != nil || got != want {
			t.Errorf("run %d: %v, and the catalog is right: %v", i, err, got == want)
		}
	}
}

// synchronized synchronizes into a new catalog and returns its dump.
func synchronized(t *testing.T, repo *resticrepo.Repository, st storage.Storage) (string, *storage.Counter, error) {
	t.Helper()
	return synchronizedInto(t, filepath.Join(t.TempDir(), "catalog"), repo, st, storage.RetryOptions{
		MinDelay: time.Millisecond, MaxDelay: 10 * time.Millisecond, Stall: 100 * time.Millisecond, MaxElapsed: time.Minute,
	})
}

// synchronizedInto does so into the catalog in a file.
func synchronizedInto(t *testing.T, file string, repo *resticrepo.Repository, st storage.Storage, o storage.RetryOptions) (string, *storage.Counter, error) {
	t.Helper()
	counter := storage.NewCounter(st)
	box, err := catalogs.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Open(t.Context(), box)
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	_, err = syncer.Run(t.Context(), syncer.Params{
		Opened:  place.Opened{Repository: repo.With(storage.NewRetry(counter, o)), Counter: counter, Streams: 4, MaxRead: 2 << 10},
		Catalog: cat, Reporter: silent{}, Logger: slog.New(slog.DiscardHandler),
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

// cutOff is a storage that cannot be reached for some time, from the third
// read of a pack on.
type cutOff struct {
	storage.Storage
	length time.Duration
	reads  atomic.Int32
	ends   atomic.Pointer[time.Time]
}

func (c *cutOff) check() error {
	if ends := c.ends.Load(); ends != nil && time.Now().Before(*ends) {
		return &storage.RequestError{Retryable: true, Err: syncline.Errorf(syncline.CodeUnavailable, "the storage cannot be reached now (connection refused)")}
	}
	return nil
}

func (c *cutOff) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.Storage.List(ctx, dir, fn)
}

func (c *cutOff) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if strings.HasPrefix(name, "data/") && c.reads.Add(1) == 3 {
		ends := time.Now().Add(c.length)
		c.ends.Store(&ends)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	r, err := c.Storage.Open(ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	return cutOffReader{r, c}, nil
}

type cutOffReader struct {
	io.ReadCloser
	from *cutOff
}

func (r cutOffReader) Read(p []byte) (int, error) {
	if err := r.from.check(); err != nil {
		return 0, err
	}
	return r.ReadCloser.Read(p)
}

// TestStorageCutOff cuts the storage off in the middle of a session: for two
// minutes, which the session sits out, and for longer than the budget of
// tries, after which it fails, and the next one goes on from what was kept.
// The clock is the bubble's.
func TestStorageCutOff(t *testing.T) {
	t.Parallel()
	folder := resticfixture.Unpack(t, "v2-old")
	files := storagetest.Memory(servers.ReadFolder(t, folder))
	repo, err := resticrepo.Open(t.Context(), files, resticfixture.Password)
	if err != nil {
		t.Fatal(err)
	}
	want, whole, err := synchronized(t, repo, files)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for length, survives := range map[time.Duration]bool{2 * time.Minute: true, 20 * time.Minute: false} {
		synctest.Test(t, func(t *testing.T) {
			file := filepath.Join(dir, length.String())
			storm, start := &cutOff{Storage: files, length: length}, time.Now()
			told := make(chan storage.Event, 1000)
			got, _, err := synchronizedInto(t, file, repo, storm, storage.RetryOptions{OnEvent: func(e storage.Event) { told <- e }})
			tries := len(told)
			if tries == 0 || time.Since(start) < min(length, 10*time.Minute) {
				t.Errorf("cut off for %s: ended after %s and %d further tries", length, time.Since(start), tries)
			}
			if survives {
				if err != nil || got != want {
					t.Errorf("cut off for %s: %v, and the catalog is right: %v", length, err, got == want)
				}
				return
			}
			if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), "connection refused") {
				t.Errorf("cut off for %s: %v", length, err)
			}
			got, counter, err := synchronizedInto(t, file, repo, files, storage.RetryOptions{})
			if err != nil || got != want {
				t.Errorf("the next session: %v, and the catalog is right: %v", err, got == want)
			}
			requests, _, _ := counter.Counts()
			all, _, _ := whole.Counts()
			if requests["get data"] == 0 || requests["get data"] >= all["get data"] {
				t.Errorf("the next session read %d times, an undisturbed one %d times: nothing was kept", requests["get data"], all["get data"])
			}
		})
	}
}
