package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// TestIsFar looks at files of which is known where they lie.
func TestIsFar(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if IsFar(int(w.Fd())) {
		t.Error("a pipe is far")
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsFar(int(f.Fd())) {
		t.Error("a file of this machine is far")
	}
}
