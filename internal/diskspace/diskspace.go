// Package diskspace tells how much room a file system has, and reserves some of it
// in a file.
package diskspace

import (
	"errors"
	"fmt"
	"os"

	"syncline.dev/syncline"
)

// Space is the size of a file system and what is free on it for this user, in bytes.
type Space struct{ Total, Free int64 }

// ErrUnknown is the error where the system does not tell.
var ErrUnknown = errors.New("the system does not tell how much space is free")

// Size writes a number of bytes for people.
func Size(n int64) string {
	const unit = 1 << 10
	switch {
	case n < unit:
		return fmt.Sprintf("%d B", n)
	case n < unit<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/unit)
	case n < unit<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(unit<<10))
	case n < unit<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(unit<<20))
	}
	return fmt.Sprintf("%.1f TiB", float64(n)/(unit<<30))
}

// DefaultReserve is what is kept free on a file system of that size where nobody
// says how much: a twentieth, and 256 MiB at most.
func DefaultReserve(total int64) int64 { return min(total/20, 256<<20) }

// Fill makes a file of that many bytes which takes up its room on the disk. What
// was begun is removed when the room is not there.
func Fill(path string, size int64) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	if err := allocate(f, size); err == nil {
		return nil
	}
	block := make([]byte, 1<<20)
	for at := int64(0); at < size; at += int64(len(block)) {
		if _, err := f.WriteAt(block[:min(int64(len(block)), size-at)], at); err != nil {
			return syncline.WrapError(syncline.CodeUnavailable, err, "there is no room for %s", Size(size))
		}
	}
	return f.Sync()
}
