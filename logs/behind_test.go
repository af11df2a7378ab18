package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/weirtest"

	"golang.org/x/sys/unix"
)

// behind returns a set of files whose lines are written behind who logs.
func behind(t *testing.T) *Files {
	t.Helper()
	fs := NewFiles()
	fs.WriteBehind(true)
	return fs
}

// pipe is a log whose reader is slow: the file, and the end to read from.
func pipe(t *testing.T, fs *Files) (*File, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	fd, err := unix.Dup(int(w.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if err := unix.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	f, err := fs.Add("pipe", fd)
	if err != nil {
		t.Fatal(err)
	}
	return f, r
}

// TestWriteBehind has several loops log to one file: no line is lost or torn, and each loop's are in order.
func TestWriteBehind(t *testing.T) {
	fs, path := behind(t), filepath.Join(t.TempDir(), "a.log")
	f := openFile(t, fs, path)
	const writers, lines = 4, 2000
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range lines {
				if err := f.Write(fmt.Appendf(nil, "%d %d\n", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	f.Release()
	var next [writers]int
	for line := range strings.Lines(read(t, path)) {
		var w, i int
		if _, err := fmt.Sscanf(line, "%d %d\n", &w, &i); err != nil || i != next[w] {
			t.Fatalf("%q, when line %v was due: %v", line, next, err)
		}
		next[w]++
	}
	if next != [writers]int{lines, lines, lines, lines} {
		t.Errorf("%v lines came", next)
	}
}

// TestWriteBehindNobodyReads has a log whose reader stands still: who logs does not. What is too much is lost, and told once.
func TestWriteBehindNobodyReads(t *testing.T) {
	fs := behind(t)
	f, r := pipe(t, fs)
	line := []byte(strings.Repeat("x", 99) + "\n")
	wrote, told := 0, ""
	for f.Lost() == 0 {
		if err := f.Write(line); err != nil {
			told = err.Error()
		}
		wrote++
	}
	if !f.Lagging() {
		t.Error("a file that loses lines does not lag")
	}
	if told != `write() to "pipe" is too slow: lines are lost` {
		t.Errorf("%q", told)
	}
	if err := f.Write(line); err != nil {
		t.Errorf("told again within the minute: %v", err)
	}
	got := make(chan int)
	go func() {
		b, n := make([]byte, 64<<10), 0
		for {
			k, err := r.Read(b)
			if n += k; err != nil {
				got <- n
				return
			}
		}
	}()
	f.Release()
	if n := <-got; n != (wrote-1)*len(line) {
		t.Errorf("%d bytes came of %d lines", n, wrote-1)
	}
}

// idle waits until nothing is queued, nor expected to be soon.
func idle(f *File) {
	q := &f.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.busy.Load() {
		q.wrote.Wait()
	}
}

// TestWriteBehindWhileSlow queues lines after a write that took long, and writes at once again when the disk has been quick for a while.
func TestWriteBehindWhileSlow(t *testing.T) {
	fs, path := behind(t), filepath.Join(t.TempDir(), "a.log")
	f := openFile(t, fs, path)
	defer f.Release()
	f.queue.deaf.Store(true)
	now, step := time.Unix(1e9, 0), time.Duration(0)
	var mu sync.Mutex
	fs.Now = func() time.Time { // each look at the clock is a step later
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(step)
		return now
	}
	direct := func(want bool) {
		t.Helper()
		before := read(t, path)
		f.queue.mu.Lock() // nothing that is queued can be written meanwhile
		done := make(chan bool)
		go func() {
			_ = f.Write([]byte("x\n"))
			close(done)
		}()
		if want {
			<-done
			if read(t, path) == before {
				t.Error("the line is not there at once")
			}
		} else if read(t, path) != before {
			t.Error("the line was not queued")
		}
		f.queue.mu.Unlock()
		<-done
		idle(f)
	}
	direct(true)
	step = 2 * behindSlow
	direct(true) // and slow
	step = 0
	direct(false)
	now = now.Add(behindAfter / 2)
	direct(false)
	now = now.Add(behindAfter)
	direct(true)
}

// TestWriteBehindFar has a file of a network that stands still from the first write on: who logs does not, and no line is lost.
func TestWriteBehindFar(t *testing.T) {
	fs, path := behind(t), filepath.Join(t.TempDir(), "a.log")
	goes := make(chan bool)
	write := fs.Append
	fs.Append = func(fd int, b []byte) (int, error) {
		<-goes
		return write(fd, b)
	}
	f := openFile(t, fs, path)
	f.queue.far.Store(true)
	f.queue.deaf.Store(true)
	want := ""
	for i := range 10 {
		line := fmt.Sprintf("line %d\n", i)
		if err := f.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		want += line
	}
	if got := read(t, path); got != "" {
		t.Errorf("%q is there", got)
	}
	close(goes)
	f.Sync()
	if got := read(t, path); got != want {
		t.Errorf("%q", got)
	}
	f.Release()
}

// TestWriteBehindCrowd has many lines in a moment, and a disk that stands still when they are many: who logs does not, and no line is lost.
func TestWriteBehindCrowd(t *testing.T) {
	fs, path := behind(t), filepath.Join(t.TempDir(), "a.log")
	now := time.Unix(1e9, 0)
	fs.Now = func() time.Time { return now }
	disk := make(chan bool, behindCrowd)
	for range behindCrowd {
		disk <- true
	}
	write := fs.Append
	fs.Append = func(fd int, b []byte) (int, error) {
		<-disk
		return write(fd, b)
	}
	f := openFile(t, fs, path)
	f.queue.deaf.Store(true)
	want := ""
	for i := range 2 * behindCrowd {
		line := fmt.Sprintf("line %d\n", i)
		if err := f.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		if want += line; i == behindCrowd-1 && read(t, path) != want {
			t.Error("a few lines are not there at once")
		}
	}
	if read(t, path) == want {
		t.Error("many lines are there at once")
	}
	close(disk)
	idle(f)
	now = now.Add(behindPause)
	if err := f.Write([]byte("last\n")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != want+"last\n" {
		t.Errorf("%q", got)
	}
	f.Release()
}

// TestWriteBehindSync has lines come all the time: who waits for those that are there is not held up by those that come after.
func TestWriteBehindSync(t *testing.T) {
	fs, path := behind(t), filepath.Join(t.TempDir(), "a.log")
	f := openFile(t, fs, path)
	f.queue.deaf.Store(true)
	var more sync.WaitGroup
	var stop atomic.Bool
	more.Go(func() {
		for !stop.Load() {
			_ = f.Write([]byte("more\n"))
		}
	})
	for i := range 20 {
		line := fmt.Sprintf("line %d\n", i)
		if err := f.Write([]byte(line)); err != nil {
			t.Error(err)
		}
		f.Sync()
		if !strings.Contains(read(t, path), line) {
			t.Errorf("%q is not there", line)
		}
	}
	stop.Store(true)
	more.Wait()
	f.Release()
}

// TestWriteBehindReopen has what was logged before a rotation in the old file, and what came after in the new one.
func TestWriteBehindReopen(t *testing.T) {
	fs, path := behind(t), filepath.Join(t.TempDir(), "a.log")
	f := openFile(t, fs, path)
	for i := range 3 {
		_ = f.Write(fmt.Appendf(nil, "%d\n", i))
		old := fmt.Sprint(path, i)
		if err := os.Rename(path, old); err != nil {
			t.Fatal(err)
		}
		if errs := fs.Reopen(); errs != nil {
			t.Fatal(errs)
		}
		if got, want := read(t, old), fmt.Sprintf("%d\n", i); got != want {
			t.Errorf("%q in the old file; want %q", got, want)
		}
	}
	_ = f.Write([]byte("last\n"))
	fs.WriteBehind(false)
	_ = f.Write([]byte("at once\n"))
	if got := read(t, path); got != "last\nat once\n" {
		t.Errorf("%q", got)
	}
	f.Release()
}

// TestWriteBehindFails tells the next one who logs of a write that failed.
func TestWriteBehindFails(t *testing.T) {
	fs := behind(t)
	f, err := fs.Open("/dev/full")
	if err != nil {
		t.Skip(err)
	}
	defer f.Release()
	now := fs.Now()
	fs.Now = func() time.Time { return now }
	err = f.Write([]byte("x\n"))
	f.Sync()
	now = now.Add(time.Second)
	if err == nil { // it was queued
		err = f.Write([]byte("y\n"))
	}
	if err == nil || !strings.Contains(err.Error(), `write() to "/dev/full" failed (28: `) {
		t.Error(err)
	}
}

func TestWriteBehindAllocates(t *testing.T) {
	if weirtest.Race {
		t.Skip("the race detector allocates")
	}
	f := openFile(t, behind(t), filepath.Join(t.TempDir(), "a.log"))
	defer f.Release()
	line := []byte("a line of a log\n")
	if n := testing.AllocsPerRun(1000, func() { _ = f.Write(line) }); n > 0 {
		t.Errorf("%v allocations a line", n)
	}
}
