package run

import (
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline"
)

// Attempts end: after an hour, at an error that stays, when nobody waits, and when
// one succeeds.
func TestRecordEnds(t *testing.T) {
	unavailable := syncline.Errorf(syncline.CodeUnavailable, "full")
	for name, c := range map[string]struct {
		fails   int // attempts
		err     error
		want    int
		longest time.Duration
	}{
		"never possible":    {1 << 30, unavailable, attempts, time.Hour},
		"possible later":    {3, unavailable, 4, 10 * time.Second},
		"pointless":         {1 << 30, syncline.Errorf(syncline.CodeConflict, "ended"), 1, 0},
		"possible at once":  {0, unavailable, 1, 0},
		"a defect of ours":  {1 << 30, syncline.Errorf(syncline.CodeInternal, "no"), 1, 0},
		"too large for it":  {1 << 30, syncline.Errorf(syncline.CodeTooLarge, "no"), 1, 0},
		"nobody is waiting": {1 << 30, unavailable, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stop, begun, calls, told := make(chan struct{}), time.Now(), 0, 0
				if name == "nobody is waiting" {
					close(stop)
				}
				attempt{stop: [3]<-chan struct{}{nil, stop}}.record(func() error {
					if calls++; calls <= c.fails {
						return c.err
					}
					return nil
				}, func(error) { told++ })
				if calls != c.want || told != min(c.fails, 1) || time.Since(begun) > c.longest {
					t.Errorf("%d attempts in %s, told %d times", calls, time.Since(begun), told)
				}
			})
		})
	}
}
