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
func (s *session) Behind() { s.behind.Do(func() { s.mark(true) }) }

func (s *session) mark(outOfSync bool) {
	s.record(func(ctx context.Context) error {
		return s.service.Repositories.SetOutOfSync(ctx, s.repository, outOfSync)
	})
}

func (s *session) synchronized(mark syncline.CatalogMark) {
	s.record(func(ctx context.Context) error {
		return s.service.Repositories.SetSynchronized(ctx, s.repository, mark)
	})
}

// record records something of the repository, also after a stop.
func (s *session) record(write func(context.Context) error) {
	ctx, cancel := s.task.Context()
	defer cancel()
	if err := write(ctx); err != nil && syncline.CodeOf(err) != syncline.CodeNotFound {
		s.service.Logger.Warn("cannot mark a repository", "repository", s.repository, "error", err)
	}
}
