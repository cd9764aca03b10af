//go:build !windows

package fleet

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/internal/watch/schedule"
	"syncline.dev/syncline/resticrepo"
)

// latency is how late the storage answers each request.
const latency = 200 * time.Millisecond

// repositories is the storage of all repositories. Each of them shows the first snapshots
// of one small repository.
type repositories struct {
	files  storage.Storage
	opened *resticrepo.Repository
	names  []string // of the snapshots, in order

	mu     sync.Mutex
	shown  map[syncline.ID]int
	grows  bool // each check finds one more snapshot
	checks int
}

const password = "bench"

// generate writes the small repository.
func generate(tb testing.TB, files, snapshots string) *repositories {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "repo")
	cmd := exec.CommandContext(tb.Context(), "go", "run", "syncline.dev/syncline/bench/genrepo",
		"-r", dir, "-files", files, "-snapshots", snapshots, "-change", "0.02")
	cmd.Env = append(os.Environ(), "RESTIC_PASSWORD="+password)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("genrepo: %v\n%s", err, out)
	}
	r := &repositories{shown: make(map[syncline.ID]int)}
	st, err := local.Open(tb.Context(), dir)
	check(tb, err)
	tb.Cleanup(func() { st.Close() })
	r.files = st
	r.opened, err = resticrepo.Open(tb.Context(), st, password)
	check(tb, err)
	written := make(map[string]time.Time)
	check(tb, filepath.Walk(filepath.Join(dir, "snapshots"), func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			name := "snapshots/" + info.Name()
			written[name], r.names = info.ModTime(), append(r.names, name)
		}
		return err
	}))
	slices.SortFunc(r.names, func(a, b string) int { return written[a].Compare(written[b]) })
	return r
}

// visible returns the snapshots that a repository shows.
func (r *repositories) visible(id syncline.ID) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.names[:min(max(r.shown[id], 1), len(r.names))]
}

func (r *repositories) grow(id syncline.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shown[id] = max(r.shown[id], 1) + 1
}

func (r *repositories) setGrows(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.grows = on
}

func (r *repositories) counted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.checks
}

// begun counts a check.
func (r *repositories) begun(id syncline.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checks++
	if r.grows {
		r.shown[id] = max(r.shown[id], 1) + 1
	}
}

// late is the storage of one repository.
type late struct {
	*repositories
	id syncline.ID
}

// wait waits for the answer of the storage.
func wait(ctx context.Context) error {
	answer := time.NewTimer(latency)
	defer answer.Stop()
	select {
	case <-answer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// List implements storage.Storage.
func (l late) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	if err := wait(ctx); err != nil {
		return err
	}
	visible := l.visible(l.id)
	return l.files.List(ctx, dir, func(name string, size int64) error {
		if strings.HasPrefix(name, "snapshots/") && !slices.Contains(visible, name) {
			return nil
		}
		return fn(name, size)
	})
}

// Open implements storage.Storage.
func (l late) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := wait(ctx); err != nil {
		return nil, err
	}
	return l.files.Open(ctx, name, offset, length)
}

// Open implements syncer.Source. The key is derived once for all, as a node derives it
// once for each repository.
func (r *repositories) Open(ctx context.Context, repository syncline.Repository, _ func(syncline.LogLevel, string)) (place.Opened, error) {
	counter := storage.NewCounter(late{r, repository.ID})
	opened, err := r.opened.Reopen(ctx, counter)
	return place.Opened{Repository: opened, Counter: counter, Close: func() error { return nil }}, err
}

// Forget implements syncer.Source.
func (r *repositories) Forget(syncline.ID) {}

// checker is that of the server.
type checker struct {
	storage  *repositories
	catalogs catalog.Directory
}

// Check implements schedule.Checker.
func (c checker) Check(ctx context.Context, r syncline.Repository) (schedule.Found, error) {
	c.storage.begun(r.ID)
	look, err := syncer.Look(ctx, late{c.storage, r.ID}, nil)
	if err != nil {
		return schedule.Found{}, err
	}
	var found syncer.Finding
	damaged, err := c.catalogs.Damaged(ctx, r.ID)
	if err == nil && !damaged {
		err = c.catalogs.Read(ctx, r.ID, func(cat *catalog.Catalog) (err error) {
			found, err = syncer.Compare(ctx, look, cat)
			return err
		})
	}
	if damaged || err != nil && ctx.Err() == nil {
		found, err = syncer.Compare(ctx, look, nil)
	}
	return schedule.Found{New: found.New, Listing: found.Listing}, err
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
