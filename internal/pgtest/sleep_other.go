//go:build !linux && !windows

package pgtest

import "time"

func sleep(d time.Duration) { time.Sleep(d) }
