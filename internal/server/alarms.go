package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"syncline.dev/syncline/internal/watch/alarm"
)

// newDesk returns the desk that keeps the alarms.
func (s *Server) newDesk() *alarm.Desk {
	return &alarm.Desk{Store: s.store, Now: time.Now, NewID: newID}
}

// keepAlarms does the desk's own work until stop is called, which waits for its end.
func keepAlarms(ctx context.Context, desk *alarm.Desk, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { desk.Run(ctx, log) })
	return func() {
		cancel()
		running.Wait()
	}
}
