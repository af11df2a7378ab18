package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// TestReplace writes a file anew: through a link, with the mode that it has, past what was left behind, and not at all in a folder that
// is closed.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"one", "two", ""} {
		if err := os.WriteFile(file+".tmp", []byte("left behind"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := ReplaceBlocking([]string{file, link}[i%2], []byte(text)); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil || string(b) != text {
			t.Errorf("%q, %v; want %q", b, err, text)
		}
		if s, err := os.Stat(file); err != nil || i > 0 && s.Mode().Perm() != 0o640 {
			t.Errorf("mode %v, %v", s.Mode(), err)
		}
		if err := os.Chmod(file, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if all, _ := os.ReadDir(dir); len(all) != 2 {
		t.Errorf("left behind: %v", all)
	}
	if os.Getuid() == 0 {
		return
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(dir, 0o700) }()
	if err := ReplaceBlocking(file, []byte("no")); err == nil {
		t.Error("no error in a folder that is closed")
	}
}
