package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/diskspace"
	"syncline.dev/syncline/internal/metrics"
	"syncline.dev/syncline/internal/mounts"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/internal/watch/folders"
	"syncline.dev/syncline/internal/watch/immutable"
	"syncline.dev/syncline/internal/watch/notify"
	"syncline.dev/syncline/internal/watch/schedule"
	"syncline.dev/syncline/internal/watch/series"
	"syncline.dev/syncline/resticrepo"
)

// checksAtOnce bounds the checks that run at once. A check mostly waits for its storage.
const checksAtOnce = 8

// spaceTime bounds a look at the space of a file system, which may hang.
const spaceTime = 5 * time.Second

// spaceOf is diskspace.Of for any file system.
func spaceOf(path string) (diskspace.Space, error) {
	ctx, cancel := context.WithTimeout(context.Background(), spaceTime)
	defer cancel()
	return mounts.At(ctx, path, func() (diskspace.Space, error) { return diskspace.Of(path) })
}

// newSchedule returns the service that checks the repositories by themselves. It hears
// how sessions end, and tells all others of its checks.
func (s *Server) newSchedule(dir catalogs, o Options, told *metrics.Metrics, backups *series.Service, notifier *notify.Service, looks *immutable.Service) *schedule.Service {
	checks := &schedule.Service{
		Repositories: s.store, Records: s.store, Checker: checker{s.source, dir.Directory}, Sessions: turns{s.service},
		Reporter: s.desk, Logger: o.Logger, Now: wall, AtOnce: checksAtOnce, Interval: o.SyncInterval,
		Disks: s.disks(dir.folder, o), Space: spaceOf,
	}
	s.folders = &folders.Watcher{Changed: checks.Nudge, Logger: o.Logger}
	checks.Watch = s.folders.Watch
	beat := beats(checks, s.store, notifier)
	checks.Checked = func(ctx context.Context, r syncline.Repository, c syncline.Check) {
		told.CheckEnded(c)
		backups.Checked(ctx, r, c)
		looks.Checked(c)
		beat(ctx)
	}
	s.service.Judged, told.Checks = checks.SessionEnded, checks
	return checks
}

// checker compares repositories with their catalogs.
type checker struct {
	source   *source
	catalogs catalog.Directory
}

// Check implements schedule.Checker.
func (c checker) Check(ctx context.Context, r syncline.Repository) (schedule.Found, error) {
	st, opened, err := c.source.look(ctx, r)
	if err != nil {
		return schedule.Found{}, err
	}
	look, err := syncer.Look(ctx, st, nil)
	if err = errors.Join(err, opened.Close()); err != nil {
		return schedule.Found{}, err
	}
	found, err := c.compare(ctx, r.ID, look)
	if found.Resealed {
		c.source.Forget(r.ID) // the next session tries the password again
	}
	return schedule.Found{New: found.New, Listing: found.Listing}, err
}

// compare compares what lies there with the catalog. A catalog that is missing, or that
// cannot be used, is one for a session to build.
func (c checker) compare(ctx context.Context, id syncline.ID, look *resticrepo.Look) (found syncer.Finding, err error) {
	damaged, err := c.catalogs.Damaged(ctx, id)
	if err == nil && !damaged {
		err = c.catalogs.Read(ctx, id, func(cat *catalog.Catalog) (err error) {
			found, err = syncer.Compare(ctx, look, cat)
			return err
		})
	}
	if damaged || err != nil && !errors.Is(err, syncer.ErrEmptied) && ctx.Err() == nil {
		return syncer.Compare(ctx, look, nil)
	}
	return found, err
}

// turns starts sessions of the schedule.
type turns struct{ *syncer.Service }

// Busy implements schedule.Sessions.
func (t turns) Busy(ctx context.Context, repository syncline.ID) (done string, err error) {
	newest, err := t.RepositorySessions(ctx, repository, 1, 0)
	if err != nil || len(newest) == 0 || newest[0].State.Ended() {
		return "", err
	}
	s := newest[0]
	s.Statistics.Requests, s.Statistics.RequestsByKind, s.Statistics.Retries = 0, nil, 0 // which bring nothing by themselves
	return fmt.Sprint(s.ID, s.State, s.Progress, s.Statistics), nil
}

// Succeeded implements schedule.Sessions.
func (t turns) Succeeded(ctx context.Context, repository syncline.ID) (time.Time, error) {
	newest, err := t.RepositorySessions(ctx, repository, 1, 0)
	if err != nil || len(newest) == 0 || newest[0].State != syncline.WorkSucceeded {
		return time.Time{}, err
	}
	return newest[0].EndedAt, nil
}

// disks are the file systems of the server's own, with the space that it keeps free.
func (s *Server) disks(folder string, o Options) []schedule.Disk {
	keep := func(total int64) int64 {
		if o.reserve >= 0 {
			return o.reserve
		}
		return diskspace.DefaultReserve(total)
	}
	data := schedule.Disk{Subject: "data", What: "data directory", Path: s.path, Keep: diskspace.DefaultReserve}
	switch {
	case folder == "":
		return []schedule.Disk{data}
	case o.Catalogs != "":
		return []schedule.Disk{data, {Subject: "catalogs", What: "catalogs", Path: folder, Keep: keep}}
	}
	data.What, data.Keep = "data directory with the catalogs", func(total int64) int64 { return max(keep(total), diskspace.DefaultReserve(total)) }
	return []schedule.Disk{data}
}
