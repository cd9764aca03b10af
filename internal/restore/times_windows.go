package restore

import (
	"os"

	"golang.org/x/sys/windows"

	"syncline.dev/syncline"
)

// setTimes gives an opened file its times.
func setTimes(f *os.File, e *syncline.Entry) error {
	access, modified := windows.NsecToFiletime(e.AccessTime.UnixNano()), windows.NsecToFiletime(e.ModTime.UnixNano())
	return windows.SetFileTime(windows.Handle(f.Fd()), nil, &access, &modified)
}
