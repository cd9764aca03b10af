package server

import (
	"math"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// processor measures the share of the machine's processors that this process uses.
type processor struct {
	now func() time.Time

	mu   sync.Mutex
	at   time.Time // of the last measurement, zero for none
	used time.Duration
	last int
}

func newProcessor(now func() time.Time) *processor { return &processor{now: now, last: -1} }

// shortest is the least time over which a share is measured.
const shortest = time.Second

// permille returns the share since the last measurement, -1 where it is not known.
func (p *processor) permille() int {
	used, known := processorTime()
	if !known {
		return -1
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	passed := now.Sub(p.at)
	if !p.at.IsZero() && passed >= 0 && passed < shortest {
		return p.last
	}
	if !p.at.IsZero() && passed > 0 {
		share := float64(used-p.used) / float64(passed) / float64(runtime.NumCPU())
		p.last = int(math.Round(1000 * min(max(share, 0), 1)))
	}
	p.at, p.used = now, used
	return p.last
}

// memoryOfProcess returns the bytes that the Go runtime has from the system.
func memoryOfProcess() int64 {
	all := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(all)
	for _, s := range all {
		if s.Value.Kind() != metrics.KindUint64 {
			return 0
		}
	}
	return int64(all[0].Value.Uint64() - all[1].Value.Uint64()) //nolint:gosec // sizes of memory
}
