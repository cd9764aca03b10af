package schedule

import "time"

// SetInterval changes the interval of repositories without a schedule of their own. The
// service may run.
func (s *Service) SetInterval(interval time.Duration) {
	s.mu.Lock()
	s.Interval = interval
	now := s.now()
	for _, t := range s.turns {
		if own := t.repository.Schedule; t.repository.ID != "" && own.Cron == "" && own.Interval == 0 {
			s.replan(t, now)
		}
	}
	s.mu.Unlock()
	s.wakeUp()
}
