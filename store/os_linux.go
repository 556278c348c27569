package store

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/switchman-dr/switchman/dr"
)

// networkFS maps statfs magic numbers of file systems on which SQLite's locks or its shared memory
// don't work between machines.
func networkFS(magic int64) string {
	switch uint32(magic) {
	case 0x6969:
		return "NFS"
	case 0x517B, 0xFF534D42, 0xFE534D42:
		return "SMB"
	case 0x5346414F, 0x6B414653:
		return "AFS"
	case 0x00C36400:
		return "Ceph"
	case 0x01021997:
		return "9P"
	case 0x73757245:
		return "Coda"
	case 0x0BD00BD0:
		return "Lustre"
	case 0x01161970:
		return "GFS2"
	case 0x7461636F:
		return "OCFS2"
	case 0x786F4256:
		return "a VirtualBox share"
	case 0x19830326:
		return "BeeGFS"
	case 0x47504653:
		return "GPFS"
	}
	return ""
}

func refuseNetwork(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("asking what file system %s is on: %w", dir, err)
	}
	if name := networkFS(int64(st.Type)); name != "" {
		return dr.Errorf(dr.Unavailable, "the state directory %s is on %s, a network file system: SQLite cannot keep its promises there", dir, name).
			WithHint("use a directory on a local disk (--state), or PostgreSQL (SWITCHMAN_DATABASE_URL)")
	}
	return nil
}

// exchange swaps the names of two files in one step.
func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}
