package h1

import (
	"testing"
	"unsafe"

	"weir/loop"
)

// TestIdleConnIsSmall holds what an idle connection costs to the size classes of the allocator: a word more in one of these is 16 or 32
// bytes more for each. (10,000 of them: weirtest/chaos, TestTortureIdle.)
func TestIdleConnIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(conn{}); n > 96 {
		t.Errorf("a conn has %d bytes", n)
	}
	if n := unsafe.Sizeof(loop.Conn{}); n > 128 && !loop.Portable {
		t.Errorf("a loop.Conn has %d bytes", n)
	}
}
