package objects

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// maxDocument bounds answers that are no files: pages of listings, errors,
// lists of buckets. The largest one is a page of 5,000 escaped names of 1 KB.
const maxDocument = 32 << 20

// Call records the events on the wire of one call of a back end, since vendors'
// libraries lose some of them. Its methods are safe for concurrent use.
type Call struct {
	maxBody int64 // bound of successful answers; negative: none

	mu     sync.Mutex
	host   string
	status int
	header http.Header
	err    error
}

type callKey struct{}

// Document begins a call whose answer is a document.
func Document(ctx context.Context) (context.Context, *Call) {
	return begin(ctx, maxDocument)
}

// maxListing bounds a listing that is one document of any number of names. Its
// reader takes them one by one.
const maxListing = 1 << 30

// Listing begins a call whose answer is a whole listing.
func Listing(ctx context.Context) (context.Context, *Call) { return begin(ctx, maxListing) }

// File begins a call whose answer is a file, of any length.
func File(ctx context.Context) (context.Context, *Call) { return begin(ctx, -1) }

func begin(ctx context.Context, maxBody int64) (context.Context, *Call) {
	c := &Call{maxBody: maxBody}
	return context.WithValue(ctx, callKey{}, c), c
}

func (c *Call) start(host string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.host, c.status, c.header, c.err = host, 0, nil, nil
}

func (c *Call) answered(r *http.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status, c.header = r.StatusCode, r.Header
}

func (c *Call) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// Status returns the last answer's status, or 0 for none.
func (c *Call) Status() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Header returns a header of the last answer.
func (c *Call) Header(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.header.Get(name)
}

// Date returns the storage's clock in the last answer, or the zero time.
func (c *Call) Date() time.Time {
	t, err := http.ParseTime(c.Header("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Trouble returns the error of failures that every storage can have: an ended
// context, a network failure, an answer that asks for patience. It returns nil
// if the answer's own error code decides. The back end then reads that code.
func (c *Call) Trouble(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return networkError(c.host, c.err)
	}
	throttled := c.status == http.StatusTooManyRequests || c.status == http.StatusServiceUnavailable
	retryable := throttled || c.status == http.StatusRequestTimeout || c.status >= 500 && c.status != http.StatusNotImplemented
	if !retryable {
		return nil
	}
	return &storage.RequestError{
		Retryable: true, Throttled: throttled, RetryAfter: retryAfter(c.header, time.Now()),
		Err: syncline.Errorf(syncline.CodeUnavailable, "the storage at %s cannot answer now (%d %s)",
			c.host, c.status, http.StatusText(c.status)),
	}
}

// maxRetryAfter bounds the wait that a storage can ask for.
const maxRetryAfter = time.Hour

// retryAfter reads Retry-After: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	var d time.Duration
	if seconds, err := strconv.ParseUint(v, 10, 31); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if t, err := http.ParseTime(v); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// Answer makes a cause from an answer's error code. It leaves out the answer's
// text, which may repeat parts of the request.
func (c *Call) Answer(code string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(code) > 80 {
		code = code[:80]
	}
	return fmt.Errorf("%s answered %d %q", c.host, c.status, code)
}

// Opaque removes the address from an error of an HTTP client, because it can
// contain a signature.
func Opaque(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// MaxFolders bounds the result of browsing.
const MaxFolders = 10_000

// TooManyFolders is the error of more than MaxFolders folders.
func TooManyFolders() error {
	return syncline.Errorf(syncline.CodeTooLarge, "there are more than %d folders here; name the folder instead of browsing for it", MaxFolders)
}
