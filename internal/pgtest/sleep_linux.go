package pgtest

import (
	"syscall"
	"time"
)

// sleep waits. Go's timers wake an idle process a millisecond late, which is more than
// the ways that are measured here.
func sleep(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}
