//go:build linux || darwin || freebsd

package api

import "golang.org/x/sys/unix"

func statfs(path string) (space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return space{}, err
	}
	block := int64(s.Bsize) //nolint:unconvert // of another size on other systems
	return space{capacity: int64(s.Blocks) * block, free: int64(s.Bavail) * block}, nil
}
