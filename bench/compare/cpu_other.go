//go:build !linux

package main

import (
	"errors"
	"time"
)

// cpuOf reads the CPU clock of a process.
func cpuOf(int) (time.Duration, error) {
	return 0, errors.New("the CPU time of a server can be measured on Linux only")
}
