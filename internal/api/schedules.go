package api

import (
	"context"
	"errors"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/watch/cron"
)

// Checks tells of the checks of repositories.
type Checks interface {
	checkReader
	// Reschedule tells that repositories or their schedules have changed.
	Reschedule()
	// Retry lets a repository be checked at once, and a session begin however the last one
	// ended: what opens the repository has changed.
	Retry(repository syncline.ID)
}

// checkReader tells of the checks of repositories. A check that has found something has
// marked its repository as out of sync before, and its series are judged afterwards. So
// checks are read before repositories and series that are shown beside them.
type checkReader interface {
	// LastCheck returns the last check of a repository, whose At is zero if there was
	// none, and the time of the next one, zero if none is planned.
	LastCheck(repository syncline.ID) (last syncline.Check, next time.Time)
	// LastChecks returns LastCheck as it is at this moment.
	LastChecks() func(repository syncline.ID) (last syncline.Check, next time.Time)
}

// lastChecks is what LastChecks returns.
type lastChecks = func(repository syncline.ID) (last syncline.Check, next time.Time)

// mergeSchedule takes over a schedule that a client sends, and checks it.
func mergeSchedule(to *syncline.Schedule, from *v6.SynchronizationFromClient) error {
	if from == nil {
		return nil
	}
	s := syncline.Schedule{Cron: deref(from.Cron), TimeZone: deref(from.TimeZone)}
	s.Disabled = from.Enabled != nil && !*from.Enabled
	if text := deref(from.Interval); text != "" {
		var err error
		if s.Interval, err = syncline.ParseInterval(text); err != nil {
			return syncline.WrapError(syncline.CodeInvalid, err, "synchronization.interval %s", syncline.MessageOf(err))
		}
	}
	switch {
	case s.Cron != "" && s.Interval != 0:
		return invalid("synchronization.interval and synchronization.cron cannot be given together; leave one of them out")
	case s.Cron != "":
		if _, err := cron.Parse(s.Cron, s.TimeZone); err != nil {
			return syncline.WrapError(syncline.CodeInvalid, err, "synchronization.%s", syncline.MessageOf(err))
		}
	case s.TimeZone != "":
		return invalid("synchronization.timeZone has no meaning without synchronization.cron; leave it out")
	}
	*to = s
	return nil
}

func scheduleJSON(s syncline.Schedule) v6.Synchronization {
	answer := v6.Synchronization{Enabled: !s.Disabled, Cron: present(s.Cron), TimeZone: present(s.TimeZone)}
	if s.Interval > 0 {
		answer.Interval = present(syncline.FormatInterval(s.Interval))
	}
	return answer
}

// showCheck adds the last and the next check of a repository.
func showCheck(r *v6.BackupRepository, last syncline.Check, next time.Time) {
	r.LastCheckTime, r.NextCheckTime = timeJSON(last.At), timeJSON(next)
	r.LastCheckResult, r.LastCheckError = present(string(last.Result)), present(last.Error)
}

// SynchronizeBackupRepositories answers POST /v6/BackupRepositories/Sync.
func (h *sessions) SynchronizeBackupRepositories(ctx context.Context, _ v6.SynchronizeBackupRepositoriesRequestObject) (v6.SynchronizeBackupRepositoriesResponseObject, error) {
	all, err := h.repositories.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	var started []syncline.Session
	var leftOut []syncline.ID
	var failures []error
	for _, r := range all {
		s, err := h.runner.Start(ctx, r.ID)
		switch {
		case err == nil:
			started = append(started, s)
		case ctx.Err() != nil:
			return nil, ctx.Err()
		default: // one that is just being removed, or all if the database fails
			leftOut = append(leftOut, r.ID)
			failures = append(failures, err)
		}
	}
	if len(leftOut) > 0 && len(leftOut) == len(all) {
		return nil, errors.Join(failures...)
	}
	sayIncomplete(ctx, leftOut)
	return v6.SynchronizeBackupRepositories200JSONResponse(h.sessionsJSON(ctx, started)), nil
}
