package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func tempFile(t *testing.T, dir, text string) *TempFile {
	t.Helper()
	f, err := os.CreateTemp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return &TempFile{Path: f.Name(), Size: int64(len(text)), file: f}
}

// stored looks at a file that was moved: what is in it, its rights and its time.
func stored(t *testing.T, path, text string, mode fs.FileMode, modified int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	i, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != text || i.Mode() != mode || modified >= 0 && i.ModTime().Unix() != modified {
		t.Errorf("%q, %v, %v", b, i.Mode(), i.ModTime())
	}
}

func TestMoveTo(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "a/b/c")
	numbers := NewTempNumbers()
	for _, text := range []string{"one", "two"} { // the second one takes the first one's place
		f := tempFile(t, dir, text)
		if bad := f.move(to, 0o640, 784111777, numbers); bad.Failed() {
			t.Fatal(bad)
		}
		stored(t, to, text, 0o640, 784111777)
		if _, err := os.Stat(f.Path); !os.IsNotExist(err) {
			t.Error("the temporary file is still there")
		}
	}
	f := tempFile(t, dir, "three")
	if bad := f.move(dir, 0o600, -1, numbers); bad.Err == nil || bad.Op != "rename() \""+f.Path+"\" to \""+dir+"\"" {
		t.Error(bad)
	}
	if bad := f.move(to+"/d", 0o600, -1, numbers); !bad.Is(unix.ENOTDIR) {
		t.Error(bad)
	}
}

// TestMoveToAnotherDisk copies, as a move to another file system does.
func TestMoveToAnotherDisk(t *testing.T) {
	dir := t.TempDir()
	f := tempFile(t, dir, "text")
	to := filepath.Join(dir, "copy")
	if err := f.copyTo(to, 0o644, 784111777); err != nil {
		t.Fatal(err)
	}
	stored(t, to, "text", 0o644, 784111777)

	other, err := os.MkdirTemp("/dev/shm", "weir")
	if err != nil {
		t.Skip("no other file system at hand")
	}
	defer os.RemoveAll(other)
	to = filepath.Join(other, "x/moved")
	if bad := f.move(to, 0o600, -1, NewTempNumbers()); bad.Failed() {
		t.Fatal(bad)
	}
	stored(t, to, "text", 0o600, -1)
	left, _ := filepath.Glob(filepath.Join(other, "x/*"))
	if _, err := os.Stat(f.Path); !os.IsNotExist(err) || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
