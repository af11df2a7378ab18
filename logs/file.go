package logs

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"weir/disk"
)

// A File is an open log file. Lines are written whole: each is one write to a descriptor that
// appends, so that lines of several loops and processes never mix.
type File struct {
	files *Files
	path  string
	refs  int // guarded by files.mu

	fd       atomic.Int32
	full     atomic.Int64  // the second in which the disk was found full
	reported atomic.Int64  // the second of the last error that Write returned
	lost     atomic.Uint64 // lines
	queue    queued

	mu      sync.Mutex
	buffers []*Buffered
}

// Path is the path the file was opened by.
func (f *File) Path() string { return f.path }

// FD is the descriptor. It stays the same when the file is reopened.
func (f *File) FD() int { return int(f.fd.Load()) }

// Lost is the number of lines that could not be written.
func (f *File) Lost() uint64 { return f.lost.Load() }

// Acquire adds an owner, who owes a Release.
func (f *File) Acquire() *File {
	f.files.mu.Lock()
	f.refs++
	f.files.mu.Unlock()
	return f
}

// Release gives the file up. The last owner closes it; by then nobody may be writing.
func (f *File) Release() {
	fs := f.files
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.refs--; f.refs > 0 {
		return
	}
	delete(fs.byPath, f.path)
	f.stopBehind()
	if fd := f.fd.Swap(-1); fd >= 0 && f.path != Stderr {
		unix.Close(int(fd))
	}
}

// WriteLevel writes a line, whatever its level.
func (f *File) WriteLevel(_ Level, line []byte) error { return f.Write(line) }

// Write writes one or more whole lines, newlines included. Any goroutine; line is borrowed.
//
// The error, if any, is for the error log. A failing file gives one a minute, as nginx's access log
// does; Lost counts the others. When the disk is full, nothing is tried for the rest of the second. It may be
// that of lines before this one, where they are written behind who logs (Files.WriteBehind).
func (f *File) Write(line []byte) error {
	if full := f.full.Load(); full != 0 && full == f.files.Now().Unix() {
		f.lost.Add(1)
		return nil
	}
	if f.files.behind.Load() {
		return f.writeServing(line)
	}
	n, err := f.files.Append(f.FD(), line)
	if err == nil && n == len(line) {
		return nil
	}
	return f.failed(n, len(line), err)
}

// failed counts a failure and returns it if none was returned in the last minute.
func (f *File) failed(n, size int, err error) error {
	f.lost.Add(1)
	now := f.files.Now().Unix()
	if err == unix.ENOSPC {
		f.full.Store(now)
	}
	last := f.reported.Load()
	if last != 0 && now-last < 60 || !f.reported.CompareAndSwap(last, now) {
		return nil
	}
	switch {
	case err == errBehind:
		return fmt.Errorf("write() to \"%s\" is too slow: lines are lost", f.path)
	case err != nil:
		return callError("write() to", f.path, err)
	}
	return errIncomplete(f.path, n, size)
}

func errIncomplete(path string, n, size int) error {
	return fmt.Errorf("write() to \"%s\" was incomplete: %d of %d", path, n, size)
}

// swap puts fd in the place of the file's descriptor. One system call does it: a write under way
// ends in the old file, and the next one goes to the new.
func (f *File) swap(fd int) error {
	call, err := Replace(fd, int(f.fd.Load()))
	unix.Close(fd)
	if err != nil {
		return callError(call, f.path, err)
	}
	f.full.Store(0)
	f.opened()
	return nil
}

// opened finds out where the file lies that was opened. Not on a loop.
func (f *File) opened() {
	f.queue.deaf.Store(false)
	f.queue.far.Store(disk.IsFar(f.FD()))
}

// flush writes out what is queued, and the buffers of the file.
func (f *File) flush() {
	f.Sync()
	defer f.Sync()
	f.mu.Lock()
	buffers := append([]*Buffered(nil), f.buffers...)
	f.mu.Unlock()
	for _, b := range buffers {
		b.Flush()
	}
}

func (f *File) addBuffer(b *Buffered) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buffers = append(f.buffers, b)
}

func (f *File) dropBuffer(b *Buffered) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, x := range f.buffers {
		if x == b {
			f.buffers = append(f.buffers[:i], f.buffers[i+1:]...)
			return
		}
	}
}
