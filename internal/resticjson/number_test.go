package resticjson

import (
	"math"
	"strconv"
	"testing"
)

func TestAppendUint(t *testing.T) {
	check := func(v uint64) {
		t.Helper()
		if got := string(appendUint([]byte("before"), v)); got != "before"+strconv.FormatUint(v, 10) {
			t.Errorf("%d is written as %q", v, got)
		}
	}
	check(0)
	check(math.MaxUint64)
	for power := uint64(1); ; power *= 10 {
		check(power - 1)
		check(power)
		check(power + 1)
		if power > math.MaxUint64/10 {
			break
		}
	}
	for bit := range 64 {
		check(1<<bit - 1)
		check(1 << bit)
	}
}
