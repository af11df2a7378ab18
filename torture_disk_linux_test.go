package weir_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestTortureDiskFull gives temporary files a file system with no room.
func TestTortureDiskFull(t *testing.T) {
	s, addr := diskServer(t, tortureBinary(t), func(dir string) {
		for _, name := range []string{"tmp-body", "tmp-proxy"} {
			path := filepath.Join(dir, name)
			if err := os.Mkdir(path, 0o777); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=64k"); err != nil {
				t.Skipf("needs to mount a file system: %v", err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
		}
	})
	troubled(t, s, addr, "28: No space left on device")
}
