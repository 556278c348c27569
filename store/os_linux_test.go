package store

import "testing"

// TestNetworkFileSystems: what is refused and what is not, by the kernel's numbers.
func TestNetworkFileSystems(t *testing.T) {
	for magic, want := range map[int64]string{
		0x6969: "NFS", 0x517B: "SMB", 0xFF534D42: "SMB", 0xFE534D42: "SMB", 0x00C36400: "Ceph", 0x01021997: "9P",
		0xEF53: "", 0x58465342: "", 0x9123683E: "", 0x01021994: "", 0x794C7630: "", // ext4, xfs, btrfs, tmpfs, overlay
		-0xACB2BE: "SMB", // 0xFF534D42 as a 32-bit system has it, in a signed field
	} {
		if got := networkFS(magic); got != want {
			t.Errorf("%#x is %q, want %q", magic, got, want)
		}
	}
	if err := refuseNetwork(t.TempDir()); err != nil {
		t.Errorf("a local directory: %v", err)
	}
}
