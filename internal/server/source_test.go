package server

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	catalogfiles "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/place/kinds"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
	"syncline.dev/syncline/internal/syncer"
)

// attached is a repository in object storage with all that the server puts
// behind its sessions, and a door before the storage.
type attached struct {
	t       *testing.T
	service *syncer.Service
	data    *DataDir
	dir     *catalogfiles.Dir
	// answer, where it is set, answers in the storage's place and says so.
	answer atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
}

const attachedID = syncline.ID("c6d1fc1b-1aef-411f-9a7f-de35e546c615")

func newAttached(t *testing.T, retry storage.RetryOptions) *attached {
	t.Helper()
	ctx, logger := t.Context(), slog.New(slog.DiscardHandler)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	repo := resticfixture.Unpack(t, "v2-old")
	s3 := servers.StartS3(t)
	s3.Put(t, "bucket", "repo", servers.ReadFolder(t, repo))
	a := &attached{t: t}
	url := servers.StartDoor(t, s3.URL, func(w http.ResponseWriter, r *http.Request) bool {
		answer := a.answer.Load()
		return answer != nil && (*answer)(w, r)
	})
	var err error
	folder := t.TempDir()
	a.data, err = openDataDir(ctx, folder, keyIn(""), logger)
	must(err)
	t.Cleanup(func() { a.data.store.Close() })
	a.dir, err = catalogfiles.OpenDir(filepath.Join(folder, "catalogs"), func(syncline.ID) {})
	must(err)
	t.Cleanup(func() { a.dir.Close() })
	seal := sealer{a.data.box}
	for id, plain := range map[syncline.ID]string{"key": resticfixture.Password, "account": s3.SecretKey} {
		sealed, err := seal.Seal(id, []byte(plain))
		must(err)
		if id == "key" {
			must(a.data.store.AddKey(ctx, syncline.EncryptionKey{ID: id}, sealed))
		} else {
			must(a.data.store.AddAccount(ctx, syncline.Account{ID: id, Kind: syncline.KindS3Compatible, UserName: s3.AccessKey}, sealed))
		}
	}
	must(a.data.store.AddObjectStorage(ctx, syncline.ObjectStorage{
		ID: "storage", Name: "storage", Kind: syncline.KindS3Compatible, AccountID: "account",
		Endpoint: url, Region: s3.Region, Bucket: "bucket", Folder: "repo",
	}))
	must(a.data.store.AddRepository(ctx, syncline.Repository{ID: attachedID, Name: "repository", ObjectStorageID: "storage", EncryptionKeyID: "key"}))
	runs := &run.Service{Store: a.data.store, Node: "node", Logger: logger, Now: time.Now, NewID: newID}
	a.service = &syncer.Service{
		Runs: runs, Repositories: a.data.store, Catalogs: a.dir,
		Source: &source{store: a.data.store, sealer: seal, places: &place.Opener{Kinds: kinds.All(), Retry: retry}}, Logger: logger,
	}
	must(runs.Open(ctx, a.service.Kind()))
	t.Cleanup(runs.Close)
	return a
}

// sync runs a session to its end and returns it with its log.
func (a *attached) sync() (syncline.Session, string) {
	a.t.Helper()
	ctx := a.t.Context()
	s, err := a.service.Start(ctx, attachedID)
	if err != nil {
		a.t.Fatal(err)
	}
	if s, err = a.service.Wait(ctx, s.ID); err != nil {
		a.t.Fatal(err)
	}
	items, _, err := a.service.Log(ctx, s.ID, 1000, 0)
	if err != nil {
		a.t.Fatal(err)
	}
	var log strings.Builder
	for _, i := range items {
		fmt.Fprintf(&log, "%s %s\n", i.Level, i.Message)
	}
	return s, log.String()
}

// shown returns how many snapshots the catalog shows.
func (a *attached) shown() (n int) {
	a.t.Helper()
	err := a.dir.Use(a.t.Context(), attachedID, func(c *catalog.Catalog) error {
		return c.View(a.t.Context(), func(v *catalog.View) error {
			all, err := v.Snapshots()
			n = len(all)
			return err
		})
	})
	if err != nil {
		a.t.Error(err)
	}
	return n
}

// isData reports whether a request is for a pack.
func isData(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/bucket/repo/data/") }

// TestStallIsToldInTheLog lets the first read of a pack fall silent.
func TestStallIsToldInTheLog(t *testing.T) {
	a := newAttached(t, storage.RetryOptions{MinDelay: time.Millisecond, Stall: 200 * time.Millisecond})
	var stalled atomic.Int32
	silent := func(_ http.ResponseWriter, r *http.Request) bool {
		if !isData(r) || stalled.Add(1) > 1 {
			return false
		}
		<-r.Context().Done()
		return true
	}
	a.answer.Store(&silent)
	s, log := a.sync()
	if s.State != syncline.WorkSucceeded || stalled.Load() < 2 || s.Statistics.Retries == 0 {
		t.Errorf("the session ended as %+v, with %d reads", s, stalled.Load())
	}
	for _, want := range []string{"Warning the reading of data/", " failed and is tried again in ", ": the storage sent nothing for 200ms", "further tries", "Info Made "} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}
}

// TestArchivedPacks asks for packs of which one, or all, lie in an archive
// class: each is named once, asked for once, and the rest is there.
func TestArchivedPacks(t *testing.T) {
	a := newAttached(t, storage.RetryOptions{})
	var one atomic.Pointer[string]
	var all atomic.Bool
	var refused atomic.Int32
	archived := func(w http.ResponseWriter, r *http.Request) bool {
		if !isData(r) {
			return false
		}
		one.CompareAndSwap(nil, &r.URL.Path)
		if !all.Load() && *one.Load() != r.URL.Path {
			return false
		}
		refused.Add(1)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<Error><Code>InvalidObjectState</Code><StorageClass>GLACIER</StorageClass></Error>")
		return true
	}
	a.answer.Store(&archived)
	for _, everything := range []bool{false, true} {
		all.Store(everything)
		refused.Store(0)
		s, log := a.sync()
		named := strings.Count(log, "Error \"data/")
		if s.State != syncline.WorkFailed || !strings.Contains(s.Error, "in an archive class; bring back what the log names") || s.Statistics.Retries != 0 {
			t.Errorf("all %v: the session ended as %+v", everything, s)
		}
		if named == 0 || int(refused.Load()) != named || !strings.Contains(log, "lies in the archive class") || !strings.Contains(log, "bring it back") {
			t.Errorf("all %v: %d packs are named, and %d requests were made for them:\n%s", everything, named, refused.Load(), log)
		}
		if !everything && s.Statistics.TreesAdded == 0 {
			t.Error("nothing of what can be read was read")
		}
	}
	a.answer.Store(nil)
	if s, log := a.sync(); s.State != syncline.WorkSucceeded || a.shown() != 5 {
		t.Errorf("after all was brought back: %+v, %d snapshots\n%s", s, a.shown(), log)
	}
}

// TestRefusalsInSessions lets a storage that was good when it was attached
// refuse a session.
func TestRefusalsInSessions(t *testing.T) {
	a := newAttached(t, storage.RetryOptions{})
	if s, log := a.sync(); s.State != syncline.WorkSucceeded {
		t.Fatalf("%+v\n%s", s, log)
	}
	for code, message := range map[string]string{
		"AccessDenied": "(s3:GetObject)", "RequestTimeTooSkewed": "clock differs", "NoSuchBucket": `there is no bucket "bucket"`,
		"AuthorizationHeaderMalformed": "another region", "SignatureDoesNotMatch": "the secret key does not belong",
	} {
		refuse := func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
			return true
		}
		a.answer.Store(&refuse)
		s, log := a.sync()
		if s.State != syncline.WorkFailed || !strings.Contains(s.Error, message) || !strings.Contains(log, "Error "+s.Error) || s.Statistics.Retries != 0 || a.shown() != 5 {
			t.Errorf("%s: the session ended as %+v with %d snapshots, want %q:\n%s", code, s, a.shown(), message, log)
		}
	}
	a.answer.Store(nil)
	if s, log := a.sync(); s.State != syncline.WorkSucceeded {
		t.Errorf("%+v\n%s", s, log)
	}
}
