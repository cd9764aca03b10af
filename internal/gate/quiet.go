package gate

import (
	"context"
	"time"
)

// Bounds of Quiet.
const (
	// quiet is how long no request has come or gone before work in the background goes
	// on. A person's console and a page of it ask several times within it.
	quiet = 100 * time.Millisecond
	// patience bounds one wait, so that work also goes on beside requests that do not end.
	patience = time.Second
)

// stir notes that a request comes or goes.
func (g *Gate) stir() { g.stirred.Store(time.Now().UnixNano()) }

// Quiet waits until no request has come or gone for a tenth of a second, for one second
// at most. Work that nobody waits for calls it before each of its parts, since a request
// beside such a part takes several times as long. A request that stays, such as a stream
// of events, does not count while it stays.
func (g *Gate) Quiet(ctx context.Context) {
	end := time.Now().Add(patience)
	for {
		now := time.Now()
		left := min(time.Unix(0, g.stirred.Load()).Add(quiet).Sub(now), end.Sub(now))
		if left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}
