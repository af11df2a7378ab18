package logs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/disk"
)

func openFile(t *testing.T, fs *Files, path string) *File {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFilesAreSharedByPath(t *testing.T) {
	fs := NewFiles()
	path := filepath.Join(t.TempDir(), "a.log")
	one, two := openFile(t, fs, path), openFile(t, fs, path)
	if one != two {
		t.Fatal("two files for one path")
	}
	one.Release()
	if err := two.Write([]byte("x\n")); err != nil {
		t.Fatal(err)
	}
	two.Acquire().Release()
	fd := two.FD()
	two.Release()
	if opened(fs) != 0 {
		t.Error("a file without owners stays")
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("descriptor %d is still open: %v", fd, err)
	}
	if got := read(t, path); got != "x\n" {
		t.Errorf("%q", got)
	}
	st, _ := os.Stat(path)
	if st.Mode().Perm()&^0o644 != 0 {
		t.Errorf("mode %v", st.Mode())
	}
}

func TestOpenError(t *testing.T) {
	_, err := NewFiles().Open("/nonexistent/a.log")
	if err == nil || err.Error() != `open() "/nonexistent/a.log" failed (2: No such file or directory)` {
		t.Error(err)
	}
}

func TestStderrIsNeverClosed(t *testing.T) {
	fs := NewFiles()
	f := openFile(t, fs, Stderr)
	if errs := fs.Reopen(); errs != nil {
		t.Error(errs)
	}
	f.Release()
	if _, err := unix.FcntlInt(uintptr(unix.Stderr), unix.F_GETFD, 0); err != nil {
		t.Fatal(err)
	}
}

// TestReopenUnderLoad rotates a file many times while many write to it: every line must be whole, in
// one of the files, once.
func TestReopenUnderLoad(t *testing.T) {
	const writers, lines, rotations = 8, 4000, 60
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	fs := NewFiles()
	f := openFile(t, fs, path)
	defer f.Release()
	buffered := NewBuffered(f.Acquire(), Buffer{Size: 700})

	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range lines {
				line := fmt.Appendf(nil, "%d %d %s\n", w, i, strings.Repeat("x", i%90))
				out := f.Write
				if w%2 == 0 {
					out = buffered.Write
				}
				if err := out(line); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	rotated := 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(time.Millisecond / 2):
			if rotated == rotations {
				continue
			}
			if err := os.Rename(path, fmt.Sprintf("%s.%d", path, rotated)); err != nil {
				t.Fatal(err)
			}
			rotated++
			if errs := fs.Reopen(); errs != nil {
				t.Fatal(errs)
			}
		}
	}
	buffered.Close()
	checkLines(t, dir, writers, lines)
	t.Logf("%d rotations", rotated)
}

// checkLines counts the lines of TestReopenUnderLoad in all files of a folder.
func checkLines(t *testing.T, dir string, writers, lines int) {
	t.Helper()
	seen := map[[2]int]bool{}
	paths, _ := filepath.Glob(filepath.Join(dir, "a.log*"))
	for _, path := range paths {
		for line := range bytes.Lines([]byte(read(t, path))) {
			var w, i int
			var xs string
			_, err := fmt.Sscanf(string(line), "%d %d %s\n", &w, &i, &xs)
			if i%90 == 0 {
				err = nil
			}
			if err != nil || line[len(line)-1] != '\n' || len(xs) != i%90 || seen[[2]int{w, i}] {
				t.Fatalf("split or double line %q in %s (%v)", line, path, err)
			}
			seen[[2]int{w, i}] = true
		}
	}
	if len(seen) != writers*lines {
		t.Errorf("%d lines of %d", len(seen), writers*lines)
	}
}

func TestReopenKeepsDescriptorAndReports(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	fs := NewFiles()
	f := openFile(t, fs, path)
	defer f.Release()
	fd := f.FD()
	fs.OpenFD = func(string) (int, error) { return -1, unix.EACCES }
	errs := fs.Reopen()
	want := fmt.Sprintf("open() %q failed (13: Permission denied)", path)
	if len(errs) != 1 || errs[0].Error() != want {
		t.Fatalf("%v; want %s", errs, want)
	}
	if err := f.Write([]byte("still\n")); err != nil || read(t, path) != "still\n" {
		t.Errorf("the old file is lost: %v", err)
	}
	fs.OpenFD = disk.OpenAppend
	if errs := fs.Reopen(); errs != nil || f.FD() != fd {
		t.Errorf("%v, descriptor %d; want %d", errs, f.FD(), fd)
	}
}

func TestAddTakesOverDescriptor(t *testing.T) {
	dir := t.TempDir()
	fs := NewFiles()
	f := openFile(t, fs, filepath.Join(dir, "a.log"))
	defer f.Release()
	fd, err := disk.OpenAppend(filepath.Join(dir, "b.log"))
	if err != nil {
		t.Fatal(err)
	}
	same, err := fs.Add(f.Path(), fd)
	if err != nil || same != f {
		t.Fatal(same, err)
	}
	defer same.Release()
	_ = f.Write([]byte("x\n"))
	if got := read(t, filepath.Join(dir, "b.log")); got != "x\n" {
		t.Errorf("%q", got)
	}
}

func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	now := fixed()
	fs := NewFiles()
	fs.Now = func() time.Time { return now }
	f := openFile(t, fs, "/dev/full")
	defer f.Release()
	steps := []struct {
		after time.Duration
		want  string
	}{
		{0, `write() to "/dev/full" failed (28: No space left on device)`},
		{0, ""}, // the same second: not even tried
		{time.Second, ""},
		{58 * time.Second, ""},
		{time.Second, `write() to "/dev/full" failed (28: No space left on device)`},
	}
	for i, s := range steps {
		now = now.Add(s.after)
		err := f.Write([]byte("x\n"))
		if (err == nil) != (s.want == "") || err != nil && err.Error() != s.want {
			t.Errorf("step %d: %v; want %q", i, err, s.want)
		}
	}
	if f.Lost() != uint64(len(steps)) {
		t.Errorf("%d lines lost; want %d", f.Lost(), len(steps))
	}
}

func TestIncompleteWrite(t *testing.T) {
	err := errIncomplete("a.log", 3, 10)
	if err.Error() != `write() to "a.log" was incomplete: 3 of 10` {
		t.Error(err)
	}
}

func TestErrorsKeepTheirCause(t *testing.T) {
	_, err := NewFiles().Open("/nonexistent/x")
	if !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
}

func opened(fs *Files) int {
	paths, _ := fs.Opened()
	return len(paths)
}
