package storage_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/storagetest"
)

func TestCounter(t *testing.T) {
	c := storage.NewCounter(storagetest.Memory{"config": make([]byte, 10), "data/ab/p": make([]byte, 1000)})
	if _, err := storagetest.ListAll(t, c, "snapshots"); err != nil {
		t.Fatal(err)
	}
	if _, err := storagetest.ReadAll(t.Context(), c, "config", 0, -1); err != nil {
		t.Fatal(err)
	}
	r, err := c.Open(t.Context(), "data/ab/p", 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 30)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	requests, bytes, retries := c.Counts()
	want := map[string]int64{"list snapshots": 1, "get config": 1, "get data": 1}
	if !maps.Equal(requests, want) || bytes != 40 || retries != 0 {
		t.Errorf("counted %v, %d bytes, %d retries; want %v, 40 bytes (what was read), 0", requests, bytes, retries, want)
	}
}

// pages makes one request for each file of a listing.
type pages struct{ storagetest.Memory }

func (p pages) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	return p.Memory.List(ctx, dir, func(name string, size int64) error {
		storage.NoteRequest(ctx)
		return fn(name, size)
	})
}

func TestCounterCountsPages(t *testing.T) {
	c := storage.NewCounter(pages{storagetest.Memory{"index/a": nil, "index/b": nil, "index/c": nil}})
	if _, err := storagetest.ListAll(t, c, "index"); err != nil {
		t.Fatal(err)
	}
	if requests, _, _ := c.Counts(); requests["list index"] != 3 {
		t.Errorf("counted %v, want a request for each of three pages", requests)
	}
}

func TestLimiterBoundsOpenFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := storage.NewLimiter(storage.LimitOptions{MaxConcurrent: 3})
		s := limiter.Wrap(pack(100))
		opened := make(chan io.ReadCloser, 10)
		for range 5 {
			go func() {
				r, err := s.Open(t.Context(), "data/ab/pack", 0, 100)
				if err != nil {
					t.Error(err)
					return
				}
				opened <- r
			}()
		}
		synctest.Wait()
		if len(opened) != 3 {
			t.Errorf("%d files open at once, want 3", len(opened))
		}
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error)
		go func() {
			_, err := s.Open(ctx, "data/ab/pack", 0, 100)
			gaveUp <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("canceled while waiting: %v", err)
		}
		for range 5 {
			r := <-opened
			r.Close()
			r.Close() // must not give the slot back twice
			synctest.Wait()
		}
		for range 3 {
			if _, err := s.Open(t.Context(), "data/ab/pack", 0, 100); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := s.Open(ctx, "data/ab/pack", 0, 100); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a fourth file opened: %v", err)
		}
	})
}

func TestLimiterAdapts(t *testing.T) {
	limiter := storage.NewLimiter(storage.LimitOptions{MaxConcurrent: 16})
	good, busy := limiter.Wrap(pack(1)), limiter.Wrap(storagetest.NewFault(pack(1), 1, 1, storagetest.FaultBusy))
	start := limiter.Concurrent()

	full := func(n int) {
		var open []io.ReadCloser
		for range n {
			r, err := good.Open(t.Context(), "data/ab/pack", 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, r)
		}
		for _, r := range open {
			r.Close()
		}
	}
	full(1)
	if limiter.Concurrent() != start {
		t.Errorf("the limit went from %d to %d without having been reached", start, limiter.Concurrent())
	}
	for range 500 {
		full(limiter.Concurrent())
	}
	if limiter.Concurrent() != 16 {
		t.Errorf("the limit went to %d, want the bound of 16", limiter.Concurrent())
	}
	for _, want := range []int{8, 4, 2, 1, 1} {
		if _, err := busy.Open(t.Context(), "data/ab/pack", 0, 1); err == nil {
			t.Fatal("no fault made")
		}
		if limiter.Concurrent() != want {
			t.Errorf("after throttling the limit is %d, want %d", limiter.Concurrent(), want)
		}
	}
}

func TestBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := storage.NewLimiter(storage.LimitOptions{BytesPerSecond: 100_000})
		start := time.Now()
		got, err := storagetest.ReadAll(t.Context(), limiter.Wrap(pack(1_000_000)), "data/ab/pack", 0, -1)
		if err != nil || len(got) != 1_000_000 {
			t.Fatal(len(got), err)
		}
		if passed := time.Since(start); passed < 9*time.Second || passed > 11*time.Second {
			t.Errorf("1 MB at 100 kB/s took %s", passed)
		}
	})
}

// TestLimitsChange changes the limits of open files.
func TestLimitsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := storage.NewLimiter(storage.LimitOptions{MaxConcurrent: 1})
		s := limiter.Wrap(pack(1_000_000))
		first, err := s.Open(t.Context(), "data/ab/pack", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		opened := make(chan io.ReadCloser, 1)
		go func() {
			if second, err := s.Open(t.Context(), "data/ab/pack", 0, -1); err == nil {
				opened <- second
			}
		}()
		synctest.Wait()
		if len(opened) != 0 {
			t.Fatal("a second file was opened")
		}
		limiter.Set(storage.LimitOptions{MaxConcurrent: 1, BytesPerSecond: 100_000})
		start := time.Now()
		if n, err := io.Copy(io.Discard, first); err != nil || n != 1_000_000 {
			t.Fatal(n, err)
		}
		if passed := time.Since(start); passed < 9*time.Second || passed > 11*time.Second {
			t.Errorf("1 MB at 100 kB/s took %s", passed)
		}
		first.Close()
		second := <-opened
		limiter.Set(storage.LimitOptions{MaxConcurrent: 2})
		start = time.Now()
		if n, err := io.Copy(io.Discard, second); err != nil || n != 1_000_000 || time.Since(start) > time.Second {
			t.Errorf("without a bound: %d bytes, %v, in %s", n, err, time.Since(start))
		}
		second.Close()
	})
}

func TestArchived(t *testing.T) {
	err := storage.Archived("data/ab/x", "DEEP_ARCHIVE")
	if !errors.Is(err, storage.ErrArchived) || !strings.Contains(err.Error(), "DEEP_ARCHIVE") {
		t.Errorf("Archived gave %v", err)
	}
}
