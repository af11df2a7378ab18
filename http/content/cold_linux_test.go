package content_test

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestColdFile takes a file out of the page cache, so that it must be read apart from the loop.
func TestColdFile(t *testing.T) {
	s := newSite(t, "")
	text := strings.Repeat("cold", 8<<10)
	s.write("f", text)
	fd, err := unix.Open(filepath.Join(s.www, "f"), unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	for range 3 {
		_ = unix.Fsync(fd)
		_ = unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED)
		s.expect("/f", "200 "+text)
	}
}
