package syncer

import (
	"context"
	"sync"

	"syncline.dev/syncline"
	runs "syncline.dev/syncline/internal/run"
)

// session is a session's Reporter: it tells the work and the repository how the
// synchronization goes.
type session struct {
	service    *Service
	task       *runs.Task
	repository syncline.ID
	base       int // percent at which this run of the session began

	behind sync.Once
}

// Progress implements Reporter. A session that is resumed goes on from where it stood.
func (s *session) Progress(percent int, stats syncline.SessionStatistics) {
	s.task.Progress(s.base+(percentLast-min(s.base, percentLast))*percent/percentLast, stats)
}

// Log implements Reporter.
func (s *session) Log(level syncline.LogLevel, message string) { s.task.Log(level, message) }

// Behind implements Reporter: the repository is out of sync until the session succeeds.
func (s *session) Behind() { s.behind.Do(s.outOfSync) }

func (s *session) outOfSync() {
	s.record(func(ctx context.Context, id syncline.ID, epoch int64) error {
		return s.service.Repositories.SetBehind(ctx, id, epoch)
	})
}

func (s *session) synchronized(mark syncline.CatalogMark) {
	s.record(func(ctx context.Context, id syncline.ID, epoch int64) error {
		return s.service.Repositories.SetSynchronized(ctx, id, epoch, mark)
	})
}

// record records something of the repository, also after a stop. A session that another
// node has taken, and one of a repository that is gone, record nothing.
func (s *session) record(write func(ctx context.Context, session syncline.ID, epoch int64) error) {
	ctx, cancel := s.task.Context()
	defer cancel()
	w := s.task.Work()
	err := write(ctx, w.ID, w.Epoch)
	if code := syncline.CodeOf(err); err != nil && code != syncline.CodeNotFound && code != syncline.CodeConflict {
		s.service.Logger.Warn("cannot mark a repository", "repository", s.repository, "error", err)
	}
}
