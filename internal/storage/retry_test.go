package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/storagetest"
)

// The tests run in bubbles of synctest, so waits of minutes take no time.

func TestRetryConformance(t *testing.T) {
	storagetest.Run(t, func(_ *testing.T, files map[string][]byte) storage.Storage {
		limiter := storage.NewLimiter(storage.LimitOptions{MaxConcurrent: 4})
		return storage.NewRetry(limiter.Wrap(storage.NewCounter(storagetest.Memory(files))), storage.RetryOptions{})
	})
}

func pack(n int) storagetest.Memory {
	return storagetest.Memory{"data/ab/pack": storagetest.Bytes(3, n)}
}

// script is a storage whose calls fail in the given order.
type script struct {
	storage.Storage
	mu    sync.Mutex
	steps []func(ctx context.Context, r io.ReadCloser) (io.ReadCloser, error)
	calls []string
}

func (s *script) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf("%s %d+%d", name, offset, length))
	r, err := s.Storage.Open(ctx, name, offset, length)
	if len(s.steps) == 0 || err != nil {
		return r, err
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	return step(ctx, r)
}

func refuse(e *storage.RequestError) func(context.Context, io.ReadCloser) (io.ReadCloser, error) {
	if e.Err == nil {
		e.Err = syncline.Errorf(syncline.CodeUnavailable, "busy")
	}
	return func(context.Context, io.ReadCloser) (io.ReadCloser, error) { return nil, e }
}

// breakAfter gives n bytes, then err, or silence for a nil err.
func breakAfter(n int64, err error) func(context.Context, io.ReadCloser) (io.ReadCloser, error) {
	return func(ctx context.Context, r io.ReadCloser) (io.ReadCloser, error) {
		return struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(r, n), failing{ctx, err}), r}, nil
	}
}

type failing struct {
	ctx context.Context
	err error
}

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		<-f.ctx.Done()
		return 0, f.ctx.Err()
	}
	return 0, f.err
}

func TestRetryResumesWhereItBroke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := pack(1000)
		reset := &storage.RequestError{Retryable: true, Err: errors.New("reset")}
		s := &script{Storage: files}
		s.steps = append(s.steps, refuse(&storage.RequestError{Retryable: true}), breakAfter(300, reset), breakAfter(0, reset), breakAfter(50, nil))
		var events []storage.Event
		retry := storage.NewRetry(s, storage.RetryOptions{OnEvent: func(e storage.Event) { events = append(events, e) }})
		start := time.Now()
		got, err := storagetest.ReadAll(t.Context(), retry, "data/ab/pack", 100, 800)
		if err != nil || !bytes.Equal(got, files["data/ab/pack"][100:900]) {
			t.Fatalf("read %d bytes, %v", len(got), err)
		}
		want := "[data/ab/pack 100+800 data/ab/pack 100+800 data/ab/pack 400+500 data/ab/pack 400+500 data/ab/pack 450+450]"
		if fmt.Sprint(s.calls) != want {
			t.Errorf("requests %v, want %s", s.calls, want)
		}
		if len(events) != 4 || !events[3].Stalled || events[3].Offset != 450 || events[0].Stalled || events[0].Kind != "get data" {
			t.Errorf("events %+v, want four, the last of them a stall at 450", events)
		}
		if passed := time.Since(start); passed < 30*time.Second || passed > 60*time.Second {
			t.Errorf("took %s, want the 30 s of the stall and four short waits", passed)
		}
	})
}

func TestRetryOfOpenThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{Storage: pack(10)}
		s.steps = append(s.steps, func(ctx context.Context, _ io.ReadCloser) (io.ReadCloser, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		stalls := 0
		retry := storage.NewRetry(s, storage.RetryOptions{Stall: 5 * time.Second, OnEvent: func(e storage.Event) {
			if e.Stalled {
				stalls++
			}
		}})
		if _, err := storagetest.ReadAll(t.Context(), retry, "data/ab/pack", 0, 10); err != nil || stalls != 1 {
			t.Errorf("%v with %d stalls told, want one and success", err, stalls)
		}
	})
}

// TestRetryPatience shows that the time does not count as a stall in which the
// caller does not read, or waits for the limiter.
func TestRetryPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := storage.NewLimiter(storage.LimitOptions{MaxConcurrent: 1})
		retry := storage.NewRetry(limiter.Wrap(pack(1000)), storage.RetryOptions{OnEvent: func(e storage.Event) { t.Errorf("event %+v", e) }})
		first, err := retry.Open(t.Context(), "data/ab/pack", 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := storagetest.ReadAll(t.Context(), retry, "data/ab/pack", 0, 1000)
			done <- err
		}()
		time.Sleep(10 * time.Minute) //nolint:forbidigo // the bubble's own clock
		if got, err := io.ReadAll(first); err != nil || len(got) != 1000 {
			t.Errorf("read %d bytes, %v after a pause", len(got), err)
		}
		first.Close()
		if err := <-done; err != nil {
			t.Errorf("read that waited for its turn: %v", err)
		}
	})
}

func TestRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := storagetest.NewFault(pack(10), 1, 1, storagetest.FaultError)
		retry := storage.NewRetry(down, storage.RetryOptions{MaxElapsed: 2 * time.Minute})
		start := time.Now()
		_, err := retry.Open(t.Context(), "data/ab/pack", 0, 10)
		passed := time.Since(start)
		if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), "answered 500") {
			t.Errorf("error %v, want %s with the last answer", err, syncline.CodeUnavailable)
		}
		if passed < time.Minute || passed > 2*time.Minute {
			t.Errorf("gave up after %s, want nearly two minutes", passed)
		}
		retry = storage.NewRetry(down, storage.RetryOptions{MaxAttempts: 3})
		before := down.Made()[storagetest.FaultError]
		if _, err := retry.Open(t.Context(), "data/ab/pack", 0, 10); err == nil || down.Made()[storagetest.FaultError]-before != 3 {
			t.Errorf("%v after %d tries, want 3", err, down.Made()[storagetest.FaultError]-before)
		}
	})
}

// Answers of other programs are tried again: for a long time after an answer of
// the storage, and otherwise a few times.
func TestRetryOfStrangers(t *testing.T) {
	page := &storage.RequestError{Retryable: true, Err: storage.Stranger(syncline.CodeInvalid, nil, "no storage")}
	synctest.Test(t, func(t *testing.T) {
		s := &script{Storage: pack(10)}
		for range 40 {
			s.steps = append(s.steps, refuse(page))
		}
		retry := storage.NewRetry(s, storage.RetryOptions{})
		_, err := storagetest.ReadAll(t.Context(), retry, "data/ab/pack", 0, 10)
		if !errors.Is(err, storage.ErrStranger) || syncline.CodeOf(err) != syncline.CodeInvalid || len(s.calls) != 5 {
			t.Errorf("a web site was asked %d times: %v", len(s.calls), err)
		}
		if err := retry.List(t.Context(), "data", func(string, int64) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := storagetest.ReadAll(t.Context(), retry, "data/ab/pack", 0, 10); err != nil || len(s.steps) > 0 {
			t.Errorf("a page in the place of a storage that had answered: %v, with %d more to come", err, len(s.steps))
		}
	})
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{Storage: pack(10)}
		s.steps = append(s.steps, refuse(&storage.RequestError{Retryable: true, RetryAfter: time.Minute}))
		start := time.Now()
		if _, err := storage.NewRetry(s, storage.RetryOptions{}).Open(t.Context(), "data/ab/pack", 0, 10); err != nil {
			t.Fatal(err)
		}
		if passed := time.Since(start); passed != time.Minute {
			t.Errorf("waited %s, want the minute that was asked for", passed)
		}
	})
}

func TestRetryLeavesFinalErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, final := range []error{
			storage.NotExist("x", nil), storage.Refused(nil, "no"), storage.Archived("x", "GLACIER"),
			&storage.RequestError{Err: errors.New("final")},
		} {
			s := &script{Storage: pack(10)}
			s.steps = append(s.steps, func(context.Context, io.ReadCloser) (io.ReadCloser, error) { return nil, final })
			_, err := storage.NewRetry(s, storage.RetryOptions{}).Open(t.Context(), "data/ab/pack", 0, 10)
			if !errors.Is(err, final) || len(s.calls) != 1 {
				t.Errorf("%v: got %v after %d tries, want it as it is after one", final, err, len(s.calls))
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		down := storagetest.NewFault(pack(10), 1, 1, storagetest.FaultError)
		retry := storage.NewRetry(down, storage.RetryOptions{OnEvent: func(storage.Event) { cancel() }})
		if _, err := retry.Open(ctx, "data/ab/pack", 0, 10); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled while waiting: %v", err)
		}
	})
}

// TestRetryUnexplainedEnd takes a body that ends early, because the file does
// or because the answer was cut. One more request tells which.
func TestRetryUnexplainedEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{Storage: pack(1000)}
		s.steps = append(s.steps, breakAfter(400, io.EOF))
		got, err := storagetest.ReadAll(t.Context(), storage.NewRetry(s, storage.RetryOptions{}), "data/ab/pack", 0, 1000)
		if err != nil || !bytes.Equal(got, storagetest.Bytes(3, 1000)) {
			t.Errorf("cut without a word: %d bytes, %v", len(got), err)
		}
		s.calls = nil
		got, err = storagetest.ReadAll(t.Context(), storage.NewRetry(s, storage.RetryOptions{}), "data/ab/pack", 0, 1001)
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != 1000 || len(s.calls) != 2 {
			t.Errorf("a file that is too short: %d bytes, %v, %d requests; want io.ErrUnexpectedEOF after 2", len(got), err, len(s.calls))
		}
	})
}

func TestRetryList(t *testing.T) {
	files := storagetest.Memory{}
	for i := range 500 {
		files[fmt.Sprintf("index/%03d", i)] = nil
	}
	for _, kind := range []storagetest.FaultKind{
		storagetest.FaultReset, storagetest.FaultStall, storagetest.FaultCutShort, storagetest.FaultRepeat,
	} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for seed := range uint64(20) {
					fault := storagetest.NewFault(files, seed, 0.3, kind)
					got, err := storagetest.ListAll(t, storage.NewRetry(fault, storage.RetryOptions{}), "index")
					if err == nil && len(got) != 500 || err != nil && !errors.Is(err, storage.ErrIncomplete) {
						t.Errorf("seed %d: %d files, %v; want all 500 or a plain failure", seed, len(got), err)
					}
				}
				always := storagetest.NewFault(files, 1, 1, kind)
				_, err := storagetest.ListAll(t, storage.NewRetry(always, storage.RetryOptions{}), "index")
				if err == nil {
					t.Error("a listing that never came whole succeeded")
				}
			})
		})
	}
	stop := errors.New("enough")
	err := storage.NewRetry(files, storage.RetryOptions{}).List(t.Context(), "index", func(string, int64) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("fn's error came back as %v", err)
	}
}

// TestFaults reads everything, in parallel, through all kinds of faults. Each
// read gives the right bytes or an error.
func TestFaults(t *testing.T) {
	files := storagetest.Memory{}
	for i := range 60 {
		files[fmt.Sprintf("data/%02d", i)] = storagetest.Bytes(uint64(i), 5000+i)
	}
	synctest.Test(t, func(t *testing.T) {
		fault := storagetest.NewFault(files, 42, 0.2)
		counter := storage.NewCounter(fault)
		limiter := storage.NewLimiter(storage.LimitOptions{})
		retry := storage.NewRetry(limiter.Wrap(counter), storage.RetryOptions{})
		var wg sync.WaitGroup
		for name, want := range files {
			wg.Go(func() {
				got, err := storagetest.ReadAll(t.Context(), retry, name, 0, int64(len(want)))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %d bytes, %v", name, len(got), err)
				}
			})
		}
		wg.Wait()
		made := 0
		for n := range maps.Values(fault.Made()) {
			made += n
		}
		requests, _, retries := counter.Counts()
		if made == 0 || retries == 0 || requests["get data"] != 60+retries {
			t.Errorf("%d faults, %d retries, requests %v; want some, and each retry a request", made, retries, requests)
		}
	})
}

func TestMissingThroughAllDecorators(t *testing.T) {
	limiter := storage.NewLimiter(storage.LimitOptions{})
	s := storage.NewRetry(limiter.Wrap(storage.NewCounter(storagetest.Memory{})), storage.RetryOptions{})
	for range 100 { // more than the limiter has slots: each must be given back
		if _, err := s.Open(t.Context(), "config", 0, -1); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("Open: %v", err)
		}
	}
}

// TestEventForPeople says what failed, when it is tried again and why.
func TestEventForPeople(t *testing.T) {
	why := syncline.Errorf(syncline.CodeUnavailable, "the storage is away")
	for want, e := range map[string]storage.Event{
		"the listing of index failed and is tried again in 3.3s: the storage is away":      {Kind: "list index", Name: "index", Delay: 3270 * time.Millisecond, Err: why},
		"the reading of data/ab/c failed and is tried again in 100ms: the storage is away": {Kind: "get data", Name: "data/ab/c", Delay: time.Microsecond, Err: why},
	} {
		if got := e.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
