package run

import "syncline.dev/syncline"

// Load returns how much work of a kind this node runs, and how much waits for its turn
// here.
func (s *Service) Load(name syncline.WorkKind) (running, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.running {
		switch {
		case t.kind.Name != name:
		case t.phase.Load() == phaseBegun:
			running++
		default:
			waiting++
		}
	}
	return running, waiting
}
