package logs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A behindDriver logs at random to a file whose disk is quick, slow, stingy or stands still by turns, rotates it, and waits for what was queued. The
// reference is what was logged since the last rotation: after each wait that, and nothing else, is in the file.
type behindDriver struct {
	t    *testing.T
	r    *rand.Rand
	fs   *Files
	f    *File
	path string
	want strings.Builder
	line int

	mu    sync.Mutex // of what the disk and the clock see
	now   time.Time
	write func(int, []byte) (int, error)
	takes time.Duration // how long a write takes by the clock
	most  int           // how many bytes one takes; 0: all
	gate  chan struct{} // writes wait for its end; nil: they need not
}

// append is the disk.
func (d *behindDriver) append(fd int, b []byte) (int, error) {
	d.mu.Lock()
	gate := d.gate
	d.mu.Unlock()
	if gate != nil {
		<-gate
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(d.takes)
	if d.most > 0 && len(b) > d.most {
		b = b[:d.most]
	}
	return d.write(fd, b)
}

func (d *behindDriver) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *behindDriver) step() {
	switch what := d.r.IntN(20); {
	case what < 10:
		d.log(1 + d.r.IntN(5))
	case what < 12:
		d.log(behindCrowd + d.r.IntN(behindCrowd)) // too many to be written one by one
	case what < 13:
		d.set(func() { d.takes = []time.Duration{0, 0, 2 * behindSlow}[d.r.IntN(3)] })
	case what < 14:
		d.set(func() { d.now = d.now.Add([]time.Duration{behindPause, behindAfter / 2, 2 * behindAfter}[d.r.IntN(3)]) })
	case what < 15:
		d.f.queue.far.Store(d.r.IntN(3) == 0)
	case what < 16:
		d.stand()
	case what < 18:
		d.f.Sync()
		d.compare(d.path)
	default:
		d.rotate()
	}
}

func (d *behindDriver) set(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

func (d *behindDriver) log(n int) {
	for range n {
		d.line++
		line := fmt.Sprintf("line %d %s\n", d.line, strings.Repeat("x", d.r.IntN(100)))
		d.want.WriteString(line)
		if err := d.f.Write([]byte(line)); err != nil {
			d.t.Fatalf("line %d: %v", d.line, err)
		}
	}
}

// stand has the disk stand still while lines come to a file that is known to be written behind: nobody who logs waits for it.
func (d *behindDriver) stand() {
	far := d.f.queue.far.Swap(true)
	d.f.queue.deaf.Store(true)
	gate := make(chan struct{})
	d.set(func() { d.gate, d.most = gate, d.r.IntN(2)*10 })
	d.log(1 + d.r.IntN(50))
	d.set(func() { d.gate = nil })
	close(gate)
	d.f.Sync()
	d.set(func() { d.most = 0 })
	d.f.queue.far.Store(far)
	d.compare(d.path)
}

func (d *behindDriver) rotate() {
	old := d.path + ".old"
	if err := os.Rename(d.path, old); err != nil {
		d.t.Fatal(err)
	}
	for _, err := range d.fs.Reopen() {
		d.t.Fatal(err)
	}
	d.compare(old)
	d.want.Reset()
}

func (d *behindDriver) compare(path string) {
	d.t.Helper()
	if got := read(d.t, path); got != d.want.String() {
		d.t.Fatalf("line %d: %d bytes are there, that end with %q; %d were logged, that end with %q",
			d.line, len(got), end(got), d.want.Len(), end(d.want.String()))
	}
}

func end(s string) string { return s[max(0, len(s)-60):] }

// TestWriteBehindRandom drives a file at random: no line is lost, torn or out of order, whatever the disk does.
func TestWriteBehindRandom(t *testing.T) {
	for seed := range uint64(6) {
		fs, path := behind(t), filepath.Join(t.TempDir(), "a.log")
		d := &behindDriver{t: t, r: rand.New(rand.NewPCG(seed, 3)), fs: fs, path: path, now: time.Unix(1e9, 0), write: fs.Append}
		fs.Append, fs.Now = d.append, d.clock
		d.f = openFile(t, fs, path)
		if seed%2 == 0 { // as on file systems that cannot be asked
			d.f.queue.deaf.Store(true)
		}
		for range 300 {
			d.step()
		}
		d.f.Release()
		d.compare(path)
	}
}
