package storagetest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// FaultKind is a way in which a request fails.
type FaultKind string

// The kinds of faults.
const (
	FaultError    FaultKind = "500"       // refused once, without a reason
	FaultBusy     FaultKind = "503"       // refused, with a request to slow down
	FaultThrottle FaultKind = "429"       // refused, with a request to come back in a second
	FaultReset    FaultKind = "reset"     // ends with an error at a random place
	FaultShort    FaultKind = "short"     // ends too early at a random place
	FaultStall    FaultKind = "stall"     // silent from a random place on
	FaultRepeat   FaultKind = "repeat"    // listings only: a page repeats
	FaultCutShort FaultKind = "cut short" // listings only: ends early, with an error
	FaultFlip     FaultKind = "flip"      // reads only, and only where it is named: one byte is wrong
)

var (
	openFaults = []FaultKind{FaultError, FaultBusy, FaultThrottle, FaultReset, FaultShort, FaultStall}
	listFaults = []FaultKind{FaultError, FaultBusy, FaultThrottle, FaultReset, FaultStall, FaultRepeat, FaultCutShort}
)

// Fault makes a share of all calls fail. The seed and the order of the calls
// choose them.
type Fault struct {
	storage storage.Storage
	rate    float64
	only    []FaultKind

	mu     sync.Mutex
	random *rand.Rand
	made   map[FaultKind]int
}

// NewFault makes the share rate (0 to 1) of the calls to s fail, in the ways
// named in only. Without names it uses all ways but FaultFlip, which no storage
// can notice.
func NewFault(s storage.Storage, seed uint64, rate float64, only ...FaultKind) *Fault {
	return &Fault{storage: s, rate: rate, only: only, random: rand.New(rand.NewPCG(seed, 2)), made: map[FaultKind]int{}}
}

// Made returns the number of faults of each kind so far.
func (f *Fault) Made() map[FaultKind]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.made)
}

// draw chooses a kind for one call, or "", and the share of the call before the
// fault.
func (f *Fault) draw(kinds []FaultKind) (FaultKind, float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.random.Float64() >= f.rate {
		return "", 0
	}
	if len(f.only) > 0 {
		kinds = f.only
	}
	kind := kinds[f.random.IntN(len(kinds))]
	f.made[kind]++
	return kind, f.random.Float64()
}

// refusal returns the error of a kind that fails at once, or nil.
func refusal(kind FaultKind) error {
	e := &storage.RequestError{Retryable: true}
	switch kind {
	case FaultError:
	case FaultBusy:
		e.Throttled = true
	case FaultThrottle:
		e.Throttled, e.RetryAfter = true, time.Second
	default:
		return nil
	}
	e.Err = syncline.Errorf(syncline.CodeUnavailable, "made on purpose: the storage answered %s", kind)
	return e
}

func broken(cause error) error {
	return &storage.RequestError{Retryable: true, Err: syncline.WrapError(syncline.CodeUnavailable, cause, "made on purpose: the answer broke off")}
}

// List implements storage.Storage.
func (f *Fault) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	kind, part := f.draw(listFaults)
	if err := refusal(kind); err != nil {
		return err
	}
	if kind == "" || kind == FaultShort || kind == FaultFlip {
		return f.storage.List(ctx, dir, fn)
	}
	type file struct {
		name string
		size int64
	}
	var files []file
	err := f.storage.List(ctx, dir, func(name string, size int64) error {
		files = append(files, file{name, size})
		return nil
	})
	if err != nil {
		return err
	}
	until := int(part * float64(len(files)))
	if kind == FaultRepeat {
		files = append(files, files...)
		until = len(files)
	}
	for _, file := range files[:until] {
		if err := fn(file.name, file.size); err != nil {
			return err
		}
	}
	switch kind {
	case FaultStall:
		<-ctx.Done()
		return ctx.Err()
	case FaultReset:
		return broken(syscall.ECONNRESET)
	case FaultCutShort:
		return storage.Incomplete(dir, "ended before its end")
	}
	return nil
}

// Open implements storage.Storage.
func (f *Fault) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	kind, part := f.draw(openFaults)
	if err := refusal(kind); err != nil {
		return nil, err
	}
	r, err := f.storage.Open(ctx, name, offset, length)
	if err != nil || kind == "" {
		return r, err
	}
	expect := length
	if expect < 0 {
		expect = 4096
	}
	if kind == FaultFlip && length < 0 {
		expect = 64 // the length of the shortest file
	}
	return &faultyReader{ReadCloser: r, ctx: ctx, kind: kind, left: int(part * float64(expect))}, nil
}

// faultyReader fails after left bytes.
type faultyReader struct {
	io.ReadCloser
	ctx  context.Context
	kind FaultKind
	left int
}

func (r *faultyReader) Read(p []byte) (int, error) {
	if r.left > 0 {
		n, err := r.ReadCloser.Read(p[:min(len(p), r.left)])
		r.left -= n
		return n, err
	}
	switch r.kind {
	case FaultReset:
		return 0, broken(syscall.ECONNRESET)
	case FaultShort:
		return 0, broken(fmt.Errorf("short body: %w", io.ErrUnexpectedEOF))
	case FaultStall:
		<-r.ctx.Done()
		return 0, r.ctx.Err()
	}
	n, err := r.ReadCloser.Read(p)
	if r.kind == FaultFlip && n > 0 {
		p[0] ^= 0x20
		r.kind = ""
	}
	return n, err
}
