package disk

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestWatcher changes files between looks.
func TestWatcher(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.crt", "1")
	write("a.key", "1")
	write("b.crt", "1")
	later := time.Now().Add(time.Hour)
	w := NewWatcher([][]string{{path("a.crt"), path("a.key")}, {path("b.crt"), path("a.key")}, {path("none")}}, later)
	look := func(what string, wantAgain bool, want ...int) {
		t.Helper()
		got, again := w.Look()
		if !slices.Equal(got, want) || again != wantAgain {
			t.Errorf("%s: %v, %t; want %v, %t", what, got, again, want, wantAgain)
		}
	}
	look("nothing", false)
	write("a.crt", "22")
	look("a changes", true)
	write("a.crt", "333")
	look("and still", true)
	look("a has changed", false, 0)
	look("nothing more", false)
	write("a.key", "22")
	look("the key of two", true)
	look("both have changed", false, 0, 1)
	if err := os.Remove(path("b.crt")); err != nil {
		t.Fatal(err)
	}
	look("b is gone", true)
	look("b has gone", false, 1)
	write("new", "1")
	if err := os.Symlink(path("new"), path("none")); err != nil {
		t.Fatal(err)
	}
	look("one comes", true)
	look("one has come", false, 2)
	write("new", "22")
	look("what a link leads to", true)
	look("has changed", false, 2)

	w = NewWatcher([][]string{{path("a.crt")}}, time.Unix(0, 0))
	look("changed while it was read", false, 0)
}
