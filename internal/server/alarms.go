package server

import (
	"time"

	"syncline.dev/syncline/internal/watch/alarm"
)

// newDesk returns the desk that keeps the alarms.
func (s *Server) newDesk() *alarm.Desk {
	return &alarm.Desk{Store: s.store, Now: time.Now, NewID: newID}
}
