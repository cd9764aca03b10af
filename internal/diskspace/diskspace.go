// Package diskspace returns the free space of a file system, and reserves space
// in a file.
package diskspace

import (
	"errors"
	"fmt"
	"os"

	"syncline.dev/syncline"
)

// Space is the size of a file system and its free space for this user, in
// bytes. Device tells file systems apart; it is 0 where that is not known, and
// may change with a restart of the machine.
type Space struct {
	Total, Free int64
	Device      uint64
}

// ErrUnknown means that the system does not say.
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

// DefaultReserve returns the default reserve on a file system of a size: a
// twentieth, and 256 MiB at most.
func DefaultReserve(total int64) int64 { return min(total/20, 256<<20) }

// Fill makes a file of size bytes that takes up its space on the disk. Without
// enough space it removes the file.
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
