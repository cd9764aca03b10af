package place

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// DescribeRetention says until when files are kept, what is kept of new files, and what the
// credentials may do. It leaves out what the storage does not tell, and is "" where it tells
// nothing.
func DescribeRetention(r storage.Retention) string {
	texts := []string{describeKept(r)}
	if r.Told && r.Rule != "" {
		texts = append(texts, "the rule for new files is "+r.Rule)
	}
	if r.Archived > 0 {
		texts = append(texts, fmt.Sprintf("%d of %d files lie in an archive class and cannot be read before they are brought back", r.Archived, r.Looked))
	}
	switch r.Rights {
	case storage.RightsRead:
		texts = append(texts, "the credentials can only read")
	case storage.RightsChange:
		texts = append(texts, "the credentials can also write, which Syncline does not need")
	}
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), "; ")
}

func describeKept(r storage.Retention) string {
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	sampled := fmt.Sprintf("in a sample of %d files", r.Looked)
	switch {
	case !r.Told:
		return ""
	case r.Whole && r.Kept+r.Held == 0:
		return "the storage keeps no file from removal"
	case r.Kept == 0 && r.Held == 0:
		return "no file is kept from removal " + sampled
	case r.Kept == 0:
		return fmt.Sprintf("%d files have a hold without an end %s", r.Held, sampled)
	}
	text := fmt.Sprintf("%d files are immutable until %s at the earliest and %s at the latest %s", r.Kept, day(r.Oldest), day(r.Newest), sampled)
	if r.Held > 0 {
		text += fmt.Sprintf(", and %d have a hold", r.Held)
	}
	return text
}
