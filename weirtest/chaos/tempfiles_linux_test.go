package chaos

import (
	"path/filepath"
	"testing"
)

// TestTortureDiskFull gives temporary files a file system with no room.
func TestTortureDiskFull(t *testing.T) {
	s, addr := diskServer(t, tortureBinary(t), func(dir string) {
		for _, name := range []string{"tmp-body", "tmp-proxy"} {
			fullDisk(t, filepath.Join(dir, name), "size=64k")
		}
	})
	troubled(t, s, addr, "28: No space left on device")
}
