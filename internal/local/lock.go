package local

import (
	"context"
	"errors"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
)

// The times between two looks at the locks of a repository.
const firstLook, maxLook = time.Second, 30 * time.Second

// waitUnlocked waits for the end of the exclusive lock that explains err, at most
// for the time of RetryLock. It reports whether the lock has ended.
func (e *Engine) waitUnlocked(ctx context.Context, r *place.Opened, err error, until time.Time) bool {
	if syncline.CodeOf(err) != syncline.CodeLocked || e.RetryLock <= 0 {
		return false
	}
	for pause := firstLook; time.Now().Before(until); pause = min(2*pause, maxLook) {
		l, held, err := r.Repository.ExclusiveLock(ctx)
		if err != nil {
			return false
		}
		if !held {
			return true
		}
		if pause == firstLook {
			e.Note("objects are missing, and %s (process %d) has locked the repository; waiting up to %s for it to end", l.Hostname, l.PID, e.RetryLock)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(min(pause, time.Until(until))):
		}
	}
	return false
}

// explainLock adds the exclusive lock to an error about missing objects, if the
// repository has one.
func explainLock(ctx context.Context, r *place.Opened, err error) error {
	if syncline.CodeOf(err) != syncline.CodeDamaged || errors.Is(err, syncline.ErrArchived) {
		return err
	}
	l, held, lookErr := r.Repository.ExclusiveLock(ctx)
	if lookErr != nil || !held {
		return err
	}
	return syncline.WrapError(syncline.CodeLocked, err, "%s; the repository is locked exclusively by %s (process %d), so this may be passing: try again when that has ended",
		MessageOf(err), l.Hostname, l.PID)
}
