package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// cpuOf reads the CPU clock of a process.
func cpuOf(pid int) (time.Duration, error) {
	const sched = 2 // the clock of the time that a process runs
	var at unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &at); err != nil {
		return 0, fmt.Errorf("read the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(at.Nano()), nil
}
