package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// cacheWorld is a FileCache with a folder and a clock of its own.
type cacheWorld struct {
	*FileCache
	t   *testing.T
	dir string
	now time.Time
}

func newCacheWorld(t *testing.T, o CacheOptions) *cacheWorld {
	w := &cacheWorld{t: t, dir: t.TempDir(), now: fixed()}
	o.Now = func() time.Time { return w.now }
	w.FileCache = NewFileCache(o)
	t.Cleanup(w.Close)
	return w
}

func (w *cacheWorld) path(name string) string { return filepath.Join(w.dir, name) }

func (w *cacheWorld) line(name, line string) {
	w.t.Helper()
	if err := w.Write([]byte(w.path(name)), []byte(line+"\n")); err != nil {
		w.t.Fatal(err)
	}
}

func (w *cacheWorld) want(name, text string) {
	w.t.Helper()
	if got := read(w.t, w.path(name)); got != text {
		w.t.Errorf("%s is %q; want %q", name, got, text)
	}
}

// open is the number of descriptors on files of the folder.
func (w *cacheWorld) open() int {
	w.t.Helper()
	n := 0
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		w.t.Skip(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && filepath.Dir(to) == w.dir {
			n++
		}
	}
	return n
}

func (w *cacheWorld) wantOpen(n int) {
	w.t.Helper()
	if got := w.open(); got != n {
		w.t.Errorf("%d files are open; want %d", got, n)
	}
}

func TestFileCacheOff(t *testing.T) {
	w := newCacheWorld(t, CacheOptions{})
	w.line("a", "1")
	w.line("a", "2")
	w.want("a", "1\n2\n")
	w.wantOpen(0)
}

func TestFileCacheMax(t *testing.T) {
	w := newCacheWorld(t, CacheOptions{Max: 2})
	w.line("a", "1")
	w.line("b", "1")
	w.line("a", "2")
	w.line("c", "1") // b was used longest ago
	w.wantOpen(2)
	if w.Len() != 2 {
		t.Errorf("Len %d", w.Len())
	}
	w.line("b", "2")
	w.want("a", "1\n2\n")
	w.want("b", "1\n2\n")
}

func TestFileCacheInactive(t *testing.T) {
	w := newCacheWorld(t, CacheOptions{Max: 10, Inactive: 20 * time.Second})
	w.line("a", "1")
	w.line("b", "1")
	w.now = w.now.Add(15 * time.Second)
	w.line("b", "2")
	w.now = w.now.Add(6 * time.Second)
	w.line("c", "1")
	w.wantOpen(2)
}

func TestFileCacheMinUses(t *testing.T) {
	w := newCacheWorld(t, CacheOptions{Max: 10, MinUses: 3})
	w.line("a", "1")
	w.wantOpen(0)
	w.line("a", "2")
	w.wantOpen(0)
	w.line("a", "3")
	w.wantOpen(1)
	w.want("a", "1\n2\n3\n")
}

func TestFileCacheSeesMovedFiles(t *testing.T) {
	w := newCacheWorld(t, CacheOptions{Max: 10, Valid: 30 * time.Second, Inactive: time.Hour})
	w.line("a", "1")
	if err := os.Rename(w.path("a"), w.path("a.1")); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(29 * time.Second)
	w.line("a", "2") // not looked at yet
	w.now = w.now.Add(time.Second)
	w.line("a", "3")
	w.want("a.1", "1\n2\n")
	w.want("a", "3\n")
	w.wantOpen(1)
}

func TestFileCacheError(t *testing.T) {
	w := newCacheWorld(t, CacheOptions{Max: 1})
	err := w.Write([]byte("/nonexistent/x"), []byte("line\n"))
	if err == nil || err.Error() != `open() "/nonexistent/x" failed (2: No such file or directory)` {
		t.Error(err)
	}
}

func TestFileCacheManyWriters(t *testing.T) {
	w := newCacheWorld(t, CacheOptions{Max: 2})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 500 {
				w.line(fmt.Sprint("f", i%5), "x")
			}
		})
	}
	wg.Wait()
	for i := range 5 {
		if got := len(read(t, w.path(fmt.Sprint("f", i)))); got != 8*100*2 {
			t.Errorf("f%d has %d bytes; want %d", i, got, 8*100*2)
		}
	}
	w.wantOpen(2)
}

func TestFileCacheHitAllocatesNothing(t *testing.T) {
	c := NewFileCache(CacheOptions{Max: 1})
	defer c.Close()
	path, line := []byte("/dev/null"), []byte("line\n")
	if n := testing.AllocsPerRun(100, func() { _ = c.Write(path, line) }); n != 0 {
		t.Errorf("Write allocates %v times; want 0", n)
	}
}
