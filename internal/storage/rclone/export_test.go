package rclone

import "time"

// SetConnectionTests changes after which silence a connection is tested, and for how long.
func SetConnectionTests(after, patience time.Duration) { testAfter, testFor = after, patience }

// SetQueue changes how long a request waits for the end of another program, and returns the
// time before.
func SetQueue(d time.Duration) time.Duration {
	d, queue = queue, d
	return d
}

// SetLookTime changes how long the look at the names of remotes may take, and returns the
// time before.
func SetLookTime(d time.Duration) time.Duration {
	d, lookTime = lookTime, d
	return d
}

// Busy reports whether each program has a request.
func (p *Programs) Busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.longestIdle() == nil
}

// Requests returns how many requests are under way.
func (p *Programs) Requests() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		n += l.uses
	}
	return n
}

// SetEnded has f called between the end of a program and its record, until the test ends.
func SetEnded(t interface{ Cleanup(func()) }, f func()) {
	before := ended
	t.Cleanup(func() { ended = before })
	ended = f
}
