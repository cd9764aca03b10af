//go:build linux || darwin || freebsd

package diskspace

import "golang.org/x/sys/unix"

// Of returns the space of the file system that holds path.
func Of(path string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Space{}, err
	}
	var f unix.Stat_t
	if err := unix.Stat(path, &f); err != nil {
		return Space{}, err
	}
	block := int64(s.Bsize) //nolint:unconvert // of another size on other systems
	return Space{
		Total: int64(s.Blocks) * block, Free: int64(s.Bavail) * block,
		Device: uint64(f.Dev), //nolint:unconvert,gosec // of another type on other systems
	}, nil
}
