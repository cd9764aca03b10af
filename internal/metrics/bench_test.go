package metrics_test

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	catalogs "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/freshness"
	"syncline.dev/syncline/internal/metrics"
	stores "syncline.dev/syncline/internal/store/sqlite"
)

// BenchmarkScrape is one scrape of 100 repositories with 10 series each, of 100
// snapshots, on the real stores.
func BenchmarkScrape(b *testing.B) {
	ctx := b.Context()
	store, err := stores.Open(ctx, filepath.Join(b.TempDir(), "s.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	dir, err := catalogs.OpenDir(filepath.Join(b.TempDir(), "catalogs"), func(syncline.ID) {})
	if err != nil {
		b.Fatal(err)
	}
	defer dir.Close()
	key := syncline.EncryptionKey{ID: "00000000-0000-4000-8000-000000000000", CreatedAt: time.Now()}
	err = store.AddKey(ctx, key, []byte("x"))
	var snapshots []syncline.Snapshot
	for i := range 1000 {
		snapshots = append(snapshots, syncline.Snapshot{
			ID: syncline.Hash{2, byte(i), byte(i >> 8)}, Tree: syncline.Hash{1}, Time: time.Unix(int64(i), 0),
			Hostname: fmt.Sprintf("host%d", i%10), Paths: []string{"/home"},
		})
	}
	for i := range 100 {
		r := syncline.Repository{ID: syncline.ID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i+1)), Name: fmt.Sprint("repository ", i), Path: fmt.Sprint("/r", i), EncryptionKeyID: key.ID, CreatedAt: time.Now()}
		err = errors.Join(err, store.AddRepository(ctx, r), dir.Use(ctx, r.ID, func(c *catalog.Catalog) error {
			defer c.Unload()
			build, err := c.Build(ctx)
			if err != nil {
				return err
			}
			err = errors.Join(build.NewAdder().Add(syncline.Hash{1}, nil, nil, nil), build.Flush(ctx))
			build.Close()
			if err != nil {
				return err
			}
			_, err = c.Publish(ctx, snapshots, nil)
			return err
		}))
	}
	if err != nil {
		b.Fatal(err)
	}
	current := &freshness.Keeper{Dir: dir, Store: store, Logger: slog.New(slog.DiscardHandler)}
	m := metrics.New(current, &explore.RestorePoints{Catalogs: current, Repositories: current}, "1")
	var size int
	for b.Loop() {
		text, err := m.Text(ctx)
		if err != nil {
			b.Fatal(err)
		}
		size = len(text)
	}
	b.ReportMetric(float64(size), "bytes")
}
