package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"weir/weirtest"
)

// fullDisk mounts a file system with room for so many bytes and files.
func fullDisk(t *testing.T, path, options string) {
	t.Helper()
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, options); err != nil {
		t.Skipf("needs to mount a file system: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
}

// TestChaosDiskFullAtReopen opens logs anew on a disk with no room, for a file or for what is in it: the
// server says so where it can, and serves on; with room again all is as before.
func TestChaosDiskFullAtReopen(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	fullDisk(t, c.path("disk"), "size=16k,nr_inodes=3") // the folder is one of them
	c.write(strings.Replace(weirtest.Expand(chaosConf, c.names), "access_log access.log", "access_log disk/access.log", 1))
	log := c.path("disk/access.log")
	s := c.start()
	load := c.crowd() // 500 lines and more do not go into 16 KB
	worker := s.Worker()
	c.logged(`\[alert\] \d+#.*write\(\) to ".*/disk/access.log" (was incomplete|failed \(28: No space left on device\))`)
	moved := 0
	reopen := func() {
		moved++
		if err := os.Rename(log, fmt.Sprintf("%s.%d", log, moved)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if err := s.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
	}
	reopen() // a second file can be made, and has no room
	if !weirtest.Eventually(func() bool { return exists(log) }) {
		t.Error("the log was not opened anew")
	}
	reopen() // a third one cannot
	c.logged(`\[emerg\] \d+#.*open\(\) ".*/disk/access.log" failed \(28: No space left on device\)`)
	c.servedBy(worker, 0)
	// Somebody makes room.
	all, _ := filepath.Glob(log + "*")
	for _, path := range all {
		_ = os.Remove(path)
	}
	if !weirtest.Eventually(func() bool {
		if !exists(log) { // the worker may still have had one of the old files open
			reopen()
		}
		return len(weirtest.Lines(log)) > 10
	}) {
		t.Error("with room again nothing is logged")
	}
	c.configure(1)
	if out, err := s.Command("-s", "reload"); err != nil {
		t.Errorf("-s reload: %v\n%s", err, out)
	}
	c.servedBy(worker, 1)
	load.End()
	c.unfailing(load)
}

// TestChaosCacheDiskFull fills the disk that a cache is on: responses are passed on without being stored, which is logged once; with room
// again they are stored.
func TestChaosCacheDiskFull(t *testing.T) {
	t.Parallel()
	disk := t.TempDir() + "/disk"
	fullDisk(t, disk, "size=256k")
	if err := os.Chmod(disk, 0o777); err != nil {
		t.Fatal(err)
	}
	o := startOrigin(t, &origin{})
	_, addr, opt := startCache(t, o, disk)
	ballast := disk + "/ballast"
	if err := os.WriteFile(ballast, make([]byte, 200<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		if whole, _, err := askCache(addr, fmt.Sprintf("/100000/%d", n), "", nil); !whole || err != nil {
			t.Errorf("with a full disk: whole: %t, %v", whole, err)
		}
	}
	full := 0
	for _, l := range weirtest.Lines(opt.Dir + "/error.log") {
		if strings.Contains(l, "No space left on device") {
			full++
		}
	}
	if full != 1 {
		t.Errorf("%d lines tell of the full disk", full)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if !weirtest.Eventually(func() bool { _, status, _ := askCache(addr, "/100000/again", "", nil); return status == "HIT" }) {
		t.Error("with room again nothing is stored")
	}
	if all := entries(t, disk); len(all) != 1 {
		t.Errorf("there are %d entries", len(all))
	}
}
