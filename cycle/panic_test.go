package cycle

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPanicIsLoggedWhole logs a panic with a stack that is longer than a log line: all of it is there, but
// not for each of many.
func TestPanicIsLoggedWhole(t *testing.T) {
	rt, dir, _ := newRuntime(t, withReload, 2)
	stack := []byte(strings.Repeat("some.function(0x1)\n\tsome/file.go:1\n", 200) + "the.last(0x2)\n")
	for range 100 {
		rt.panicked("boom", stack)
	}
	rt.Files.Flush()
	log, err := os.ReadFile(filepath.Join(dir, "logs", "error.log"))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(log, []byte("[alert]")); n == 0 || !bytes.Contains(log, []byte("the.last(0x2)\n")) {
		t.Errorf("the stack is not there:\n%.500s", log)
	}
	if n := bytes.Count(log, []byte("panic: boom\n")); n != 100 {
		t.Errorf("%d panics in the log; want 100", n)
	}
	if n := bytes.Count(log, []byte("the.last")); n > 3 {
		t.Errorf("%d stacks in the log; want one a second", n)
	}
}
