package place

import (
	"context"
	"io"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// Opener opens places.
type Opener struct {
	Kinds   Kinds
	Network Network              // after the first use, SetCertificates changes it
	Retry   storage.RetryOptions // of what Reach returns
	// Watch, where there is one, returns a storage that tells of the calls of another.
	Watch func(storage.Storage) storage.Storage
	// LocalStreams is how many packs are read at once from a folder of this
	// machine; 0 for one a core.
	LocalStreams int
	// Shares, where there are any, are the parts of accounts' limits that this node has
	// beside other nodes. Without them it has the whole.
	Shares Shares
	// Patience bounds the time of Try, Check, Buckets, HasBucket and Folders;
	// tryTimeout when zero.
	Patience time.Duration

	mu       sync.Mutex
	limiters map[syncline.ID]*storage.Limiter // by account
}

// Shares keeps several nodes within the limits of accounts.
type Shares interface {
	// Limiter returns the limiter of an account, the same one for every call.
	Limiter(account syncline.ID, o storage.LimitOptions) *storage.Limiter
	// Changed is told of an account whose limits this node has changed, and Forget of one
	// that is removed.
	Changed(account syncline.ID)
	Forget(account syncline.ID)
	Remembered() []syncline.ID
}

// farStreams is the number of packs that are read at once from object storage. The
// limiter finds out how many of these the storage bears.
const farStreams = 16

// maxLocalRead bounds a read of a pack on a local disk, so that the workers share
// the last packs.
const maxLocalRead = 4 << 20

// Reach opens the storage at a place, with the limits of its account. It tries
// failed requests again, and reports them to told. The Opened has no repository
// yet. Reach makes no request.
func (o *Opener) Reach(ctx context.Context, at Place, told func(storage.Event)) (storage.Storage, Opened, error) {
	retry := o.Retry
	retry.OnEvent = told
	return o.reach(ctx, at, retry)
}

// lookRetries bound the tries of a look that is made again later.
var lookRetries = storage.RetryOptions{MaxElapsed: 30 * time.Second, MaxAttempts: 4}

// ReachForLook is Reach for a look that is made again later: it gives up soon.
func (o *Opener) ReachForLook(ctx context.Context, at Place) (storage.Storage, Opened, error) {
	retry := lookRetries
	retry.MinDelay, retry.Stall = o.Retry.MinDelay, o.Retry.Stall
	return o.reach(ctx, at, retry)
}

func (o *Opener) reach(ctx context.Context, at Place, retry storage.RetryOptions) (storage.Storage, Opened, error) {
	st, release, err := o.open(ctx, at)
	if err != nil {
		return nil, Opened{}, err
	}
	if o.Watch != nil {
		st = o.Watch(st)
	}
	opened := Opened{Counter: storage.NewCounter(st), Close: release, Streams: farStreams}
	if at.Path != "" {
		opened.Streams, opened.MaxRead = o.LocalStreams, maxLocalRead
	}
	if u := at.Access.User; u != nil {
		retry.MaxAttempts = u.Tries
		if at.Path != "" && u.Connections > 0 {
			opened.Streams = u.Connections
		}
	}
	return storage.NewRetry(o.limited(opened.Counter, at), retry), opened, nil
}

// open opens the storage at a place. It makes no request.
func (o *Opener) open(ctx context.Context, at Place) (st storage.Storage, release func() error, err error) {
	kind, err := o.Kinds.of(at)
	if err != nil {
		return nil, nil, err
	}
	if at.Path != "" && at.Access.User != nil {
		// A folder needs no certificates. Wrong ones are an error all the same.
		if err := o.network().Check(); err != nil {
			return nil, nil, err
		}
	}
	st, err = kind.Open(ctx, at, o.network())
	if err != nil {
		return nil, nil, err
	}
	release = func() error { return nil }
	if c, ok := st.(io.Closer); ok {
		release = c.Close
	}
	return st, release, nil
}

// limited puts object storage within the limits of its account, which all its
// readers share.
func (o *Opener) limited(st storage.Storage, at Place) storage.Storage {
	if at.Path != "" {
		return st
	}
	if o.Shares != nil && at.Access.User == nil {
		return o.Shares.Limiter(at.Storage.AccountID, at.Access.limits()).Wrap(st)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.limiters == nil {
		o.limiters = make(map[syncline.ID]*storage.Limiter)
	}
	l := o.limiters[at.Storage.AccountID]
	if l == nil {
		l = storage.NewLimiter(at.Access.limits())
		o.limiters[at.Storage.AccountID] = l
	}
	return l.Wrap(st)
}

func (o *Opener) network() Network {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Network
}

// SetCertificates changes the certificates that are trusted beside the system's, for
// storage that is opened from then on.
func (o *Opener) SetCertificates(pem []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Network.CA = pem
}

// SetLimits changes the limits of an account, also for open storage.
func (o *Opener) SetLimits(a syncline.Account) {
	if o.Shares != nil {
		o.Shares.Changed(a.ID)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if l := o.limiters[a.ID]; l != nil {
		l.Set(limitsOf(a))
	}
}

// Remembered returns the accounts whose limits are kept.
func (o *Opener) Remembered() (ids []syncline.ID) {
	if o.Shares != nil {
		ids = o.Shares.Remembered()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.AppendSeq(ids, maps.Keys(o.limiters))
}

// Forget drops the limits of an account that is removed. Storage that is open keeps
// them.
func (o *Opener) Forget(account syncline.ID) {
	if o.Shares != nil {
		o.Shares.Forget(account)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.limiters, account)
}

func (a Access) limits() storage.LimitOptions {
	if a.User != nil {
		return storage.LimitOptions{MaxConcurrent: a.User.Connections, BytesPerSecond: a.User.BytesPerSecond}
	}
	return limitsOf(a.Account)
}

func limitsOf(a syncline.Account) storage.LimitOptions {
	return storage.LimitOptions{MaxConcurrent: a.Limits.Connections, BytesPerSecond: int(min(a.Limits.BytesPerSecond, math.MaxInt))}
}
