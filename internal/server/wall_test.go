package server

import (
	"testing"
	"time"

	"syncline.dev/syncline/internal/metrics"
)

// TestWall holds that the services that look for a sleep of the machine, or for a clock
// that was set back, see the clock of the wall alone.
func TestWall(t *testing.T) {
	s := &Server{DataDir: &DataDir{}}
	s.desk = s.newDesk()
	backups := s.newSeries(nil, nil, &metrics.Metrics{}, Options{})
	for what, now := range map[string]func() time.Time{"series": backups.Now, "alarms": s.desk.Now} {
		if at := now(); at != at.Round(0) || time.Since(at).Abs() > time.Hour {
			t.Errorf("%s: %s", what, at)
		}
	}
}
