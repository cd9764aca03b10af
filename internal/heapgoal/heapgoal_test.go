package heapgoal

import (
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
)

func TestPercent(t *testing.T) {
	for _, x := range []struct {
		live uint64
		want int
	}{{0, 100}, {Room, 100}, {2 * Room, 50}, {4 * Room, 25}, {20 * Room, 5}, {100 * Room, 5}} {
		if got := percentFor(x.live); got != x.want {
			t.Errorf("%d live bytes: %d percent, want %d", x.live, got, x.want)
		}
	}
	for _, x := range []struct {
		a, b int
		want bool
	}{{100, 100, false}, {100, 99, true}, {50, 51, false}, {50, 60, true}, {60, 50, true}} {
		if got := differs(x.a, x.b); got != x.want {
			t.Errorf("%d and %d differ: %v", x.a, x.b, got)
		}
	}
}

// TestBound has the collector's goal follow what is live, up and down.
func TestBound(t *testing.T) {
	t.Setenv("GOGC", "")
	Bound()
	goal := func() uint64 {
		sample := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	// The goal is set by a finalizer, some time after a collection.
	await := func(what string, ok func() bool) {
		t.Helper()
		for range 1000 {
			if runtime.GC(); ok() {
				return
			}
			runtime.Gosched()
		}
		t.Fatalf("%s: the goal is %d MB", what, goal()>>20)
	}
	const live = 4 * Room
	func() {
		table := make([]byte, live)
		await("much is live", func() bool { return goal() < live+live/2 })
		if goal() < live {
			t.Errorf("the goal is below what is live")
		}
		runtime.KeepAlive(table)
	}()
	await("little is live", func() bool { return goal() < Room })
	percent := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	await("the percentage", func() bool { metrics.Read(percent); return percent[0].Value.Uint64() == proportional })
}

// TestStarting looks at a process that has only begun, and at what its first
// collection leaves.
func TestStarting(t *testing.T) {
	const child = "SYNCLINE_TEST_STARTING"
	if os.Getenv(child) == "" {
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStarting$", "-test.v")
		command.Env = append(slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "GOGC=") }), child+"=1")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	Bound()
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	percent := func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	if got := percent(); got != starting {
		t.Errorf("%d percent at the start, want %d", got, starting)
	}
	for range 1000 { // a finalizer sets it, some time after a collection
		if runtime.GC(); percent() == proportional {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d percent after collections, want %d", percent(), proportional)
}

// TestSettle collects where much is left, and only there.
func TestSettle(t *testing.T) {
	collections := func() uint64 {
		sample := []metrics.Sample{{Name: "/gc/cycles/forced:gc-cycles"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	t.Setenv("GOGC", "")
	Bound()
	runtime.GC()
	before := collections()
	if Settle(); collections() != before {
		t.Error("it collects what is little")
	}
	table := make([]byte, 2*Room)
	settles.Store(false)
	if Settle(); collections() != before {
		t.Error("it collects though the user has set GOGC")
	}
	settles.Store(true)
	if Settle(); collections() == before {
		t.Error("it leaves what is much")
	}
	runtime.KeepAlive(table)
}
