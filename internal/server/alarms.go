package server

import "syncline.dev/syncline/internal/watch/alarm"

// newDesk returns the desk that keeps the alarms, for a server that is alone.
func (s *Server) newDesk() *alarm.Desk {
	return &alarm.Desk{Store: s.store, Now: wall, NewID: newID, Alone: true}
}
