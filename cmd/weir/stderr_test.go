package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/weirtest"
)

// TestErrorsOnce sees that an error is printed once, also where the error log is standard error.
func TestErrorsOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "bad.conf")
	if err := os.WriteFile(path, []byte("events {}\nhttp { nonsense on; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	binary, err := weirtest.Binary()
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range []string{"stderr", "error.log"} {
		out, err := exec.Command(binary, "-e", log, "-t", "-p", dir, "-c", path).CombinedOutput()
		if err == nil {
			t.Fatalf("-e %s: a configuration with an error passed:\n%s", log, out)
		}
		if n := strings.Count(string(out), `unknown directive "nonsense"`); n != 1 {
			t.Errorf("-e %s: the error is printed %d times; want once:\n%s", log, n, out)
		}
	}
}
