package pgpool

import (
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	var times Times
	for _, d := range []time.Duration{0, 500 * time.Microsecond, 500*time.Microsecond + 1, time.Second, time.Minute} {
		times.Took(CallQuery, d)
	}
	for _, one := range times.All() {
		if one.Call != "query" {
			if one.Count != 0 || one.Sum != 0 {
				t.Errorf("got %+v", one)
			}
			continue
		}
		if one.Count != 5 || one.Up[0.0005] != 2 || one.Up[0.001] != 3 || one.Up[0.5] != 3 || one.Up[1] != 4 || one.Up[30] != 4 || one.Sum != 61*time.Second+time.Millisecond+1 {
			t.Errorf("got %+v", one)
		}
	}
}
