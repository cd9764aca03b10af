package series

import (
	"testing"
	"time"

	"syncline.dev/syncline"
)

// TestJudgeClockSetBack has a look whose time lies in the future, after the clock was set
// back: a series whose backup is not due yet is not late for that.
func TestJudgeClockSetBack(t *testing.T) {
	now := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	x := &syncline.Series{LastSeen: now.Add(-time.Hour), Rhythm: 24 * time.Hour}
	look := &syncline.Look{LookedAt: now.Add(365 * 24 * time.Hour)}
	if v := judge(x, nil, look, true, now); v.state != syncline.MachineInTime {
		t.Errorf("%s", v.state)
	}
	if v := judge(x, nil, look, true, now.Add(48*time.Hour)); v.state != syncline.MachineLate {
		t.Errorf("%s two days later", v.state)
	}
}
