package place

import (
	"context"
	"errors"
	"fmt"
	"time"

	"syncline.dev/syncline/internal/storage"
)

// Retention looks at a sample of the files at a place, for a bounded time: until when the
// storage keeps them from removal. Storage that tells of no such thing gives a Retention that
// is not Told.
func (o *Opener) Retention(ctx context.Context, at Place) (storage.Retention, error) {
	within, cancel := context.WithTimeout(ctx, o.timeout())
	defer cancel()
	st, release, err := o.open(within, at)
	if err != nil {
		return storage.Retention{}, at.Describe(err)
	}
	r := storage.Retention{Rights: storage.RightsUnknown}
	if k, ok := st.(storage.Keeper); ok {
		tried := storage.NewRetry(st, storage.RetryOptions{MaxElapsed: o.timeout(), MaxAttempts: tryAttempts, Stall: tryStall})
		r, err = storage.LookAtRetention(within, tried, k)
	}
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = o.tooSlow(at, err)
	}
	return r, at.Describe(errors.Join(err, release()))
}

// DescribeRetention says in a sentence until when files are kept, "" where the storage does
// not tell.
func DescribeRetention(r storage.Retention) string {
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	sampled := fmt.Sprintf("in a sample of %d files", r.Looked)
	var text string
	switch {
	case !r.Told:
		text = ""
	case r.Whole && r.Kept+r.Held == 0:
		text = "the storage keeps no file from removal"
	case r.Kept == 0 && r.Held == 0:
		text = "no file is kept from removal " + sampled
	case r.Kept == 0:
		text = fmt.Sprintf("%d files have a hold without an end %s", r.Held, sampled)
	default:
		text = fmt.Sprintf("%d files are immutable until %s at the earliest and %s at the latest %s", r.Kept, day(r.Oldest), day(r.Newest), sampled)
		if r.Held > 0 {
			text += fmt.Sprintf(", and %d have a hold", r.Held)
		}
	}
	if r.Archived > 0 {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("%d of %d files lie in an archive class and cannot be read before they are brought back", r.Archived, r.Looked)
	}
	return text
}
