package logs

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"weir/disk"
)

// While loops serve, nobody who logs should wait for a disk, or for who reads a pipe. Pipes, and files of some file systems, are asked to take a
// line without a wait. Files of others cannot be asked, but a write into the page cache is done as quickly as a look-up: as long as lines are few
// and the disk is quick a line is written at once, since scripts look for it when they have their answer, as with nginx. Otherwise, and always
// where a file lies on no disk of this machine as far as is known, lines are queued, and a goroutine of the file writes them behind those who log, which in a busy time costs less than a call for each.

const (
	// behindCrowd is how many lines in a behindPause are so many that they are queued.
	behindCrowd = 200
	// behindSlow is how long a write may take. After a slower one lines are queued for behindAfter.
	behindSlow  = 2 * time.Millisecond
	behindAfter = 10 * time.Second
	// behindPause is the time from one write to the next in a busy time: one write takes all lines of a moment.
	behindPause = 5 * time.Millisecond
	// behindMuch is how much may be queued before who can wait should (Lagging).
	behindMuch = 1 << 20
	// behindMost is how much may be queued at all. What comes after that is lost.
	behindMost = 4 << 20
	// behindKept is how large a queue is kept for the next lines.
	behindKept = 64 << 10
)

// errBehind says that lines come faster than they can be written.
var errBehind = errors.New("too many lines wait to be written")

// queued is what is to be written to a file.
type queued struct {
	busy atomic.Bool // the goroutine is at work, and will look again; changed under mu
	deaf atomic.Bool // the file cannot be asked to take lines without a wait
	far  atomic.Bool // it lies elsewhere than on a disk of this machine, as far as is known: nothing is written at once

	slow  atomic.Int64 // until when lines are queued though nothing is, as the disk was slow: nanoseconds since 1970
	turn  atomic.Int64 // the behindPause since 1970 whose lines are counted
	count atomic.Int64 // lines in it, about

	mu    sync.Mutex
	lines []byte
	spare []byte
	wake  chan struct{} // nil until there is a goroutine that writes
	wrote *sync.Cond    // it has, or is not busy any more
	begun int           // how often it has taken what was queued
	done  int           // how often it has written that
	err   error         // of a write, for the next line's writer
}

// WriteBehind says whether from now on who logs must not wait for slow files. Without, what was queued is written when it
// returns. Any goroutine but a loop's.
func (fs *Files) WriteBehind(on bool) {
	fs.behind.Store(on)
	if !on {
		fs.Flush()
	}
}

// Lagging reports whether so much is queued that whoever can wait should do so, with Sync. Any goroutine.
func (f *File) Lagging() bool {
	q := &f.queue
	if !q.busy.Load() {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.lines) > behindMuch
}

// Sync waits until what is queued now has been written: of a file that is always busy there is more by then. Any goroutine but a loop's.
func (f *File) Sync() {
	q := &f.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	last := q.begun
	if len(q.lines) > 0 {
		last++
	}
	for q.busy.Load() && q.done < last {
		q.wrote.Wait()
	}
}

// writeServing writes lines at once if that needs no wait, as far as one can know, and queues them otherwise.
func (f *File) writeServing(lines []byte) error {
	q := &f.queue
	begin := f.files.Now()
	if q.deaf.Load() && !q.far.Load() && !q.busy.Load() && q.slow.Load() <= begin.UnixNano() && !q.crowded(begin) {
		return f.writeQuick(lines, begin)
	}
	rest, err := f.enqueue(lines)
	if len(rest) > 0 {
		return f.writeQuick(rest, begin)
	}
	return err
}

// writeQuick writes lines at once, and sees how long that takes.
func (f *File) writeQuick(lines []byte, begin time.Time) error {
	n, err := f.files.Append(f.FD(), lines)
	if end := f.files.Now(); end.Sub(begin) > behindSlow {
		f.queue.slow.Store(end.Add(behindAfter).UnixNano())
	}
	if err == nil && n == len(lines) {
		return nil
	}
	return f.failed(n, len(lines), err)
}

// crowded counts a line, and reports whether there are many of late.
func (q *queued) crowded(now time.Time) bool {
	turn := now.UnixNano() / int64(behindPause)
	if q.turn.Swap(turn) != turn {
		q.count.Store(0)
	}
	return q.count.Add(1) > behindCrowd
}

// enqueue queues lines, or what of them the file does not take now. It returns those that it has not queued, as the file is deaf, which nobody
// knew. The error may be that of others.
func (f *File) enqueue(lines []byte) (rest []byte, err error) {
	q := &f.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.deaf.Load() && !q.busy.Load() {
		n, err := disk.AppendNow(f.FD(), lines)
		if lines = lines[max(n, 0):]; err == nil && len(lines) == 0 {
			return nil, nil
		}
		if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
			q.deaf.Store(true)
			if !q.far.Load() {
				return lines, nil
			}
		}
	}
	if len(q.lines) > 0 && len(q.lines)+len(lines) > behindMost {
		return nil, f.failed(0, len(lines), errBehind)
	}
	q.lines = append(q.lines, lines...)
	if !q.busy.Load() {
		if q.wake == nil {
			q.wake, q.wrote = make(chan struct{}, 1), sync.NewCond(&q.mu)
			go f.writeBehind(q.wake)
		}
		q.busy.Store(true)
		q.wake <- struct{}{}
	}
	err = q.err
	q.err = nil
	return nil, err
}

// writeBehind writes what is queued, until the file is closed.
func (f *File) writeBehind(wake <-chan struct{}) {
	for range wake {
		for f.writeQueued() {
			time.Sleep(behindPause)
		}
	}
}

// writeQueued writes what is queued now. It says false, and is idle, when there was nothing.
func (f *File) writeQueued() bool {
	q := &f.queue
	q.mu.Lock()
	lines := q.lines
	if len(lines) == 0 {
		q.busy.Store(false)
		q.wrote.Broadcast()
		q.mu.Unlock()
		return false
	}
	q.lines, q.spare = q.spare[:0], nil
	q.begun++
	q.mu.Unlock()

	n, err := f.writeAll(lines)
	if err != nil {
		err = f.failed(n, len(lines), err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done = q.begun
	q.wrote.Broadcast()
	if cap(lines) <= behindKept {
		q.spare = lines
	}
	if err != nil {
		q.err = err
	}
	return true
}

// writeAll writes lines, by more calls where one does not take them all.
func (f *File) writeAll(lines []byte) (n int, err error) {
	for n < len(lines) && err == nil {
		var k int
		k, err = f.files.Append(f.FD(), lines[n:])
		n += max(k, 0)
	}
	return n, err
}

// stopBehind ends the goroutine that writes, after it has.
func (f *File) stopBehind() {
	f.Sync()
	q := &f.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.wake != nil {
		close(q.wake)
		q.wake = nil
	}
}
