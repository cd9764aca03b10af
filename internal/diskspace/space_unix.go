//go:build linux || darwin || freebsd

package diskspace

import "golang.org/x/sys/unix"

// Of returns the space of the file system that holds path.
func Of(path string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Space{}, err
	}
	block := int64(s.Bsize) //nolint:unconvert // of another size on other systems
	return Space{Total: int64(s.Blocks) * block, Free: int64(s.Bavail) * block}, nil
}
