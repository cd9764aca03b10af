package folders

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline/internal/mounts"
)

// remote are the kinds of file systems whose changes come from elsewhere, by the magic
// numbers in statfs(2).
var remote = map[uint32]bool{
	0x6969:     true, // NFS
	0x517b:     true, // SMB
	0xfe534d42: true, // SMB 2
	0xff534d42: true, // CIFS
	0x65735546: true, // FUSE
	0x01021997: true, // 9P
	0x00c36400: true, // Ceph
	0x5346414f: true, // AFS
	0x6b414653: true, // kAFS
	0x73757245: true, // Coda
	0x01161970: true, // GFS2
	0x7461636f: true, // OCFS2
	0x0bd00bd0: true, // Lustre
	0x47504653: true, // GPFS
	0x786f4256: true, // VirtualBox's shared folders
}

// lookTime bounds a look at a folder, whose file system may hang.
const lookTime = 5 * time.Second

// isLocal reports whether the file system of a folder tells of all changes.
func isLocal(path string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	return mounts.At(ctx, path, func() (bool, error) {
		var s unix.Statfs_t
		if err := unix.Statfs(path, &s); err != nil {
			return false, err
		}
		return !remote[uint32(s.Type)], nil //nolint:gosec // the numbers have 32 bits
	})
}
