// Package heapgoal bounds how far the heap grows beyond what is live.
//
// The collector lets the heap grow in proportion to what is live. A process that
// keeps some hundred megabytes of tables, which take no time to mark since no
// pointers are in them, then fills as much again with garbage, always in memory
// that was never touched before: page faults cost more than the collections
// that are spared.
package heapgoal

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
)

// Room is how many bytes the heap may grow by between two collections where
// more than that is live. From 20 times as much on it is 5 % of what is live.
const Room = 96 << 20

const (
	proportional = 100 // percent of what is live; what the runtime does by itself
	least        = 5   // collections would follow one another
	starting     = 400 // until the first collection; starting fills 4 MB, at which Go would collect
)

// Bound keeps to Room from now on. Where the user has set GOGC, it does nothing.
var Bound = sync.OnceFunc(func() {
	if os.Getenv("GOGC") == "" {
		settles.Store(true)
		debug.SetGCPercent(starting)
		watch(&bound{sample: []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/gogc:percent"}}})
	}
})

// settles says that the user has not set GOGC.
var settles atomic.Bool

// Settle collects at once what the end of a large piece of work leaves, where the heap
// takes more than Room and Bound holds. Otherwise who comes next pays for it: with
// garbage that is in the way of new memory, and a collection soon.
func Settle() {
	if !settles.Load() {
		return
	}
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	if metrics.Read(sample); sample[0].Value.Uint64() > Room {
		runtime.GC()
	}
}

// bound is set anew after each collection.
type bound struct {
	sample []metrics.Sample
}

// cycle is what a collection finds unused. It has a pointer, so that the
// runtime does not put it together with others that live longer.
type cycle struct{ b *bound }

func watch(b *bound) {
	runtime.SetFinalizer(&cycle{b}, func(c *cycle) {
		c.b.adjust()
		watch(c.b)
	})
}

func (b *bound) adjust() {
	metrics.Read(b.sample)
	// Reads the present setting, because other code changes it for a time.
	if percent := percentFor(b.sample[0].Value.Uint64()); differs(percent, int(b.sample[1].Value.Uint64())) { //nolint:gosec // -1 for never
		debug.SetGCPercent(percent)
	}
}

// percentFor returns the collector's percentage for so many live bytes.
func percentFor(live uint64) int {
	if live <= Room {
		return proportional
	}
	return max(least, int(Room*100/live))
}

// differs reports whether a change is worth stopping all goroutines for.
func differs(a, b int) bool {
	return a != b && (a == proportional || b == proportional || max(a, b)*8 > min(a, b)*9)
}
