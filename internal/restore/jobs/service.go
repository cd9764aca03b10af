package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/restore"
	"syncline.dev/syncline/internal/unrecorded"
)

// Store is where jobs are recorded. The contract of the methods is that of
// store.RestoreJobs.
type Store interface {
	AddRestoreJob(ctx context.Context, j syncline.RestoreJob) error
	RestoreJob(ctx context.Context, id syncline.ID) (syncline.RestoreJob, error)
	UnendedRestoreJobs(ctx context.Context) ([]syncline.RestoreJob, error)
	UpdateRestoreJob(ctx context.Context, j syncline.RestoreJob) error
	RequestRestoreStop(ctx context.Context, id syncline.ID) (syncline.RestoreJob, error)
	AppendRestoreLog(ctx context.Context, job syncline.ID, items ...syncline.LogItem) error
}

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
	Use(ctx context.Context, point syncline.RestorePoint, fn func(*catalog.View, catalog.TreeRef, *content.Source) error) error
}

// Service runs the server's restores. Those that are too many at once wait,
// queued.
type Service struct {
	Jobs         Store
	Repositories Repositories
	Points       Points
	Contents     Contents
	// Allowed are the folders that may be written into; none refuses all jobs.
	// Their paths have no symbolic links.
	Allowed []syncline.RestoreTarget
	// Privileged lets jobs restore set-id bits, attributes that the system
	// trusts, and devices.
	Privileged bool
	// KeepFree is as in restore.Options.
	KeepFree func(total int64) int64

	Logger *slog.Logger
	Now    func() time.Time
	NewID  func() syncline.ID

	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	slots   chan struct{}
	closing chan struct{} // closed with the service

	starting sync.Mutex // held while a job is checked and added

	shown unrecorded.Set[syncline.RestoreJob] // as they are, where the store could not take it

	mu       sync.Mutex
	running  map[syncline.ID]*task
	leaving  map[syncline.ID]bool // repositories that are being removed
	watchers map[syncline.ID]map[chan struct{}]bool
	closed   bool
}

// How many jobs run at once, and how many may wait.
const (
	maxRunning = 3
	maxUnended = 100
)

// task is a job in this process.
type task struct {
	job     syncline.RestoreJob
	cancel  context.CancelCauseFunc
	removed chan struct{} // closed when the repository is being removed
	done    chan struct{} // closed when the job is recorded as ended, or given up
}

var (
	errStopRequested = errors.New("stop requested")
	errShutdown      = errors.New("server is shutting down")
)

// Open begins the service and continues the jobs that a crash or a shutdown
// left unended, under their own ids.
func (s *Service) Open(ctx context.Context) error {
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.slots = make(chan struct{}, maxRunning)
	s.closing = make(chan struct{})
	s.running = make(map[syncline.ID]*task)
	s.leaving = make(map[syncline.ID]bool)
	s.watchers = make(map[syncline.ID]map[chan struct{}]bool)
	left, err := s.Jobs.UnendedRestoreJobs(ctx)
	if err != nil {
		return err
	}
	for _, job := range left {
		if !job.State.Ended() {
			s.launch(job)
			continue
		}
		// Its record is damaged: nobody knows what it was to restore.
		s.Logger.Error("a restore job cannot be continued", "job", job.ID, "error", job.Error)
		job.EndedAt = s.Now()
		if err := s.Jobs.UpdateRestoreJob(ctx, job); err != nil {
			s.Logger.Error("cannot record the end of a restore job", "job", job.ID, "error", err)
			s.shown.Put(job.ID, job)
		}
	}
	return nil
}

// AsItIs returns a job as it is, where the store could not take what became of it.
func (s *Service) AsItIs(stored syncline.RestoreJob) syncline.RestoreJob {
	now, ok := s.shown.Get(stored.ID)
	if !ok || stored.State.Ended() {
		return stored
	}
	now.StopRequested = stored.StopRequested
	return now
}

// Close stops what runs and waits for it. The jobs stay unended in the store,
// so that the next Open continues them.
func (s *Service) Close() {
	s.mu.Lock()
	if !s.closed {
		close(s.closing)
	}
	s.closed = true
	for _, t := range s.running {
		t.cancel(errShutdown)
	}
	s.mu.Unlock()
	s.wg.Wait()
	s.cancel()
}

// Targets returns the folders that may be written into.
func (s *Service) Targets() []syncline.RestoreTarget { return s.Allowed }

// Start adds a job and starts it. Of j it takes restore point, target path,
// selection and who started it.
func (s *Service) Start(ctx context.Context, j syncline.RestoreJob) (syncline.RestoreJob, error) {
	if err := s.check(ctx, &j); err != nil {
		return syncline.RestoreJob{}, err
	}
	s.starting.Lock()
	defer s.starting.Unlock()
	s.mu.Lock()
	leaving := s.leaving[j.RepositoryID]
	s.mu.Unlock()
	if leaving {
		return syncline.RestoreJob{}, syncline.Errorf(syncline.CodeConflict, "the repository is being removed; nothing of it can be restored")
	}
	if err := s.checkOthers(ctx, &j); err != nil {
		return syncline.RestoreJob{}, err
	}
	j.ID, j.State, j.CreatedAt = s.NewID(), syncline.SessionQueued, s.Now()
	if err := s.Jobs.AddRestoreJob(ctx, j); err != nil {
		return syncline.RestoreJob{}, err
	}
	s.launch(j)
	return j, nil
}

// Stop records that a job is to stop, and stops it. A job that has ended is
// left alone.
func (s *Service) Stop(ctx context.Context, id syncline.ID) error {
	job, err := s.Jobs.RequestRestoreStop(ctx, id)
	if err != nil || job.State.Ended() {
		return err
	}
	s.mu.Lock()
	t := s.running[id]
	s.mu.Unlock()
	if t != nil {
		t.cancel(errStopRequested)
	}
	return nil
}

// Forget stops a repository's jobs, waits for their end and calls remove, which
// is to remove the repository. No job of the repository starts meanwhile.
func (s *Service) Forget(ctx context.Context, repository syncline.ID, remove func(context.Context) error) error {
	waits, err := s.keepOut(repository)
	if err != nil {
		return err
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.leaving, repository)
	}()
	for _, done := range waits {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return remove(ctx)
}

func (s *Service) keepOut(repository syncline.ID) (waits []chan struct{}, err error) {
	s.starting.Lock()
	defer s.starting.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving[repository] {
		return nil, syncline.Errorf(syncline.CodeConflict, "the repository is being removed already")
	}
	s.leaving[repository] = true
	for _, t := range s.running {
		if t.job.RepositoryID == repository {
			t.cancel(errStopRequested)
			select {
			case <-t.removed: // by a removal that was given up
			default:
				close(t.removed)
			}
			waits = append(waits, t.done)
		}
	}
	return waits, nil
}

// Watch returns a channel that is signaled at every change of a job. It holds
// one signal; the watcher reads the job from the store. The function ends the
// watch.
func (s *Service) Watch(job syncline.ID) (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers[job] == nil {
		s.watchers[job] = make(map[chan struct{}]bool)
	}
	s.watchers[job][ch] = true
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers[job], ch)
		if len(s.watchers[job]) == 0 {
			delete(s.watchers, job)
		}
	}
}

func (s *Service) notify(job syncline.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.watchers[job] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// launch runs a job in its own goroutine.
func (s *Service) launch(job syncline.RestoreJob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	t := &task{job: job, cancel: cancel, removed: make(chan struct{}), done: make(chan struct{})}
	s.running[job.ID] = t
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		defer cancel(nil)
		rec := &recorder{service: s, removed: t.removed, job: job}
		result, err := s.run(ctx, t, rec)
		rec.end(result, err, context.Cause(ctx))
		s.mu.Lock()
		delete(s.running, job.ID)
		s.mu.Unlock()
		close(t.done)
		s.notify(job.ID)
	}()
}

// run takes a job from where it stands to its end.
func (s *Service) run(ctx context.Context, t *task, rec *recorder) (result restore.Result, err error) {
	// A stop may have been recorded before the job was known here.
	if now, err := s.Jobs.RestoreJob(s.ctx, t.job.ID); err == nil && now.StopRequested {
		t.cancel(errStopRequested)
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
	}
	// When the service closes, the jobs hear of it one after another, and the
	// first to end must not let one begin that has yet to hear.
	select {
	case <-s.closing:
		<-ctx.Done()
	default:
	}
	if ctx.Err() != nil {
		return result, ctx.Err()
	}
	began := !t.job.StartedAt.IsZero()
	if err := rec.start(began); err != nil {
		return result, err
	}
	root, within, err := s.place(t.job.TargetPath)
	if err != nil {
		return result, err
	}
	o, err := options(&t.job)
	if err != nil {
		return result, err
	}
	if began && (o.Overwrite == restore.Never || o.Overwrite == restore.IfNewer) {
		return result, syncline.Errorf(syncline.CodeConflict,
			"the server was restarted meanwhile, and files that were being written would pass for ones to keep; start it again with Always or IfChanged")
	}
	o.Within, o.Reporter, o.Unprivileged = within, rec, !s.Privileged
	o.KeepFree = s.KeepFree
	point := syncline.RestorePoint{
		ID: t.job.RestorePointID, RepositoryID: t.job.RepositoryID, Snapshot: syncline.Snapshot{ID: t.job.SnapshotID},
	}
	err = s.Contents.Use(ctx, point, func(v *catalog.View, tree catalog.TreeRef, source *content.Source) (err error) {
		result, err = restore.Run(ctx, v, tree, source, root.Path, o)
		return err
	})
	return result, err
}
