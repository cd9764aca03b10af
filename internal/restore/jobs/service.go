package jobs

import (
	"context"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/restore"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
)

// Repositories lists the attached repositories.
type Repositories interface {
	Repositories(ctx context.Context) ([]syncline.Repository, error)
}

// Points finds restore points.
type Points interface {
	Get(ctx context.Context, id syncline.ID) (syncline.RestorePoint, error)
}

// Contents reads restore points. The contract of the methods is that of
// content.Service.
type Contents interface {
	Find(ctx context.Context, point syncline.RestorePoint, path string) (*syncline.Entry, error)
	Use(ctx context.Context, point syncline.RestorePoint, fn func(content.Tree, *content.Source) error) error
}

// Service restores on the server: it is the kind of work that a restore job is. Package
// run moves the jobs. Jobs that are too many at once wait, queued.
type Service struct {
	Runs         *run.Service
	Repositories Repositories
	Points       Points
	Contents     Contents
	// Allowed are the folders that may be written into; none refuses all jobs.
	// Their paths have no symbolic links.
	Allowed []syncline.RestoreTarget
	// HasFolder fails, with CodeConflict, for a repository in a folder that only another
	// node has. Nil says that there is no other node.
	HasFolder func(ctx context.Context, r syncline.Repository) error
	// Privileged lets jobs restore set-id bits, attributes that the system
	// trusts, and devices.
	Privileged bool
	// KeepFree is as in restore.Options.
	KeepFree func(total int64) int64
	// Keep says which ended jobs are kept. Nil keeps all.
	Keep func(now time.Time) store.Keep
}

// How many jobs run at once, on all nodes together, and how many may wait.
const (
	maxRunning = 3
	maxUnended = 100
)

// Kind is the kind of work that a restore job is, for run.Service. A stop waits for the
// end of its body: another job may write into the same folder afterwards.
func (s *Service) Kind() run.Kind {
	return run.Kind{
		Name: syncline.WorkRestore, Noun: "restore job",
		Do: s.do, Check: check, Keep: s.Keep,
		AtOnce: maxRunning, InFleet: maxRunning, LogItems: maxItems, LogBatch: itemsAtOnce,
		Resumed: "The server was restarted; what is in the target already is compared, and the rest is restored",
		Stopped: "Stopped on request; what was restored stays",
		Leaving: "the repository is being removed; nothing of it can be restored",
	}
}

// Targets returns the folders that may be written into.
func (s *Service) Targets() []syncline.RestoreTarget { return s.Allowed }

// Start adds a job and starts it. It takes j's restore point, target path,
// selection and user.
func (s *Service) Start(ctx context.Context, j syncline.RestoreJob) (syncline.RestoreJob, error) {
	if err := s.complete(ctx, &j); err != nil {
		return syncline.RestoreJob{}, err
	}
	order, err := orderOf(j)
	if err != nil {
		return syncline.RestoreJob{}, err
	}
	w := store.Work{
		Work:  syncline.Work{Kind: syncline.WorkRestore, RepositoryID: j.RepositoryID, StartedBy: j.StartedBy},
		Node:  s.Runs.Here(), // where the target is
		Order: order,
	}
	return asJob(s.Runs.StartIf(ctx, w, func(unended []store.Work) error { return checkOthers(unended, w.Node, j.TargetPath) }))
}

// Stop records that a job is to stop, and stops it. A job that has ended is
// left alone.
func (s *Service) Stop(ctx context.Context, id syncline.ID) error {
	return s.Runs.Stop(ctx, syncline.WorkRestore, id)
}

// Watch is that of run.Service.
func (s *Service) Watch(job syncline.ID) (<-chan struct{}, func()) { return s.Runs.Watch(job) }

// RestoreJob returns a job as it is.
func (s *Service) RestoreJob(ctx context.Context, id syncline.ID) (syncline.RestoreJob, error) {
	return asJob(s.Runs.Get(ctx, syncline.WorkRestore, id))
}

// RestoreJobs returns one page of the jobs that a user started, of all where startedBy
// is empty, newest first.
func (s *Service) RestoreJobs(ctx context.Context, startedBy string, limit, offset int) ([]syncline.RestoreJob, error) {
	list, err := s.Runs.Page(ctx, store.WorkQuery{Kind: syncline.WorkRestore, StartedBy: startedBy, Limit: limit, Offset: offset})
	return run.Each(list, jobOf), err
}

// RestoreLog returns one page of a job's log, and how many items there are in all.
func (s *Service) RestoreLog(ctx context.Context, job syncline.ID, limit, offset int) ([]syncline.LogItem, int, error) {
	return s.Runs.Log(ctx, syncline.WorkRestore, job, limit, offset)
}

// do is the body of a job.
func (s *Service) do(ctx context.Context, t *run.Task) run.Outcome {
	rec := &recorder{task: t}
	result, err := s.restore(ctx, t, rec)
	return rec.end(result, err)
}

func (s *Service) restore(ctx context.Context, t *run.Task, rec *recorder) (result restore.Result, err error) {
	job := jobOf(t.Work())
	root, within, err := s.place(job.TargetPath)
	if err != nil {
		return result, err
	}
	o, err := options(&job)
	if err != nil {
		return result, err
	}
	if t.Resumed() && (o.Overwrite == syncline.OverwriteNever || o.Overwrite == syncline.OverwriteIfNewer) {
		return result, syncline.Errorf(syncline.CodeConflict,
			"the server was restarted meanwhile, and files that were being written would pass for ones to keep; start it again with Always or IfChanged")
	}
	o.Within, o.Reporter, o.Unprivileged = within, rec, !s.Privileged
	o.KeepFree = s.KeepFree
	point := syncline.RestorePoint{
		ID: job.RestorePointID, RepositoryID: job.RepositoryID, Snapshot: syncline.Snapshot{ID: job.SnapshotID},
	}
	err = s.Contents.Use(ctx, point, func(tree content.Tree, source *content.Source) (err error) {
		result, err = restore.Run(ctx, tree, source, root.Path, o)
		return err
	})
	return result, err
}
