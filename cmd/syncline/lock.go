package main

import (
	"context"
	"errors"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
)

// The times between two looks at the locks of a repository.
const firstLook, maxLook = time.Second, 30 * time.Second

// waitUnlocked waits for an exclusive lock to go that explains err, until the
// time that --retry-lock allows. It reports whether another try makes sense.
func (e *environment) waitUnlocked(ctx context.Context, r *place.Opened, err error, until time.Time) bool {
	if syncline.CodeOf(err) != syncline.CodeLocked || e.retryLock <= 0 {
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
			e.note("objects are missing, and %s (process %d) has locked the repository; waiting up to %s for it to end", l.Hostname, l.PID, e.retryLock)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(min(pause, time.Until(until))):
		}
	}
	return false
}

// explainLock says of an error about missing objects that an exclusive lock
// explains it, where there is one.
func explainLock(ctx context.Context, r *place.Opened, err error) error {
	if syncline.CodeOf(err) != syncline.CodeDamaged || errors.Is(err, syncline.ErrArchived) {
		return err
	}
	l, held, lookErr := r.Repository.ExclusiveLock(ctx)
	if lookErr != nil || !held {
		return err
	}
	return syncline.WrapError(syncline.CodeLocked, err, "%s; the repository is locked exclusively by %s (process %d), so this may be passing: try again when that has ended",
		messageOf(err), l.Hostname, l.PID)
}
