//go:build unix && !linux

package restore

import (
	"os"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline"
)

// setTimes gives an opened file its times, to the microsecond.
func setTimes(f *os.File, e *syncline.Entry) error {
	times := []unix.Timeval{unix.NsecToTimeval(e.AccessTime.UnixNano()), unix.NsecToTimeval(e.ModTime.UnixNano())}
	return unix.Futimes(int(f.Fd()), times)
}
