package logs

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/loop"
)

// Stderr is the path that stands for the standard error stream.
const Stderr = "stderr"

// Files are the open log files of the process, one for each path. Any goroutine.
type Files struct {
	// OpenFD opens a file for appending. NewFiles sets it to open(2). Set it before the first Open.
	OpenFD func(path string) (fd int, err error)
	// Append writes with one call, which may wait. NewFiles sets it to write(2). Set it before the first Open. Not on a loop that serves.
	Append func(fd int, b []byte) (int, error)
	// Now tells the time.
	Now Clock

	behind atomic.Bool

	mu       sync.Mutex
	byPath   map[string]*File
	reserved []reservation
	syslogs  map[*Syslog]bool
	loop     *loop.Loop // that sends to syslog servers; nil: none does
}

// A reservation is a file to be opened by OpenReserved.
type reservation struct {
	file *File
	by   any
}

// NewFiles makes an empty set of files.
func NewFiles() *Files {
	return &Files{OpenFD: disk.OpenAppend, Append: disk.Append, Now: time.Now, byPath: make(map[string]*File)}
}

// Open returns the file of a path, opening it if no one else has. The caller owes a Release. The
// path "stderr" is the standard error stream.
func (fs *Files) Open(path string) (*File, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.byPath[path]; f != nil {
		f.refs++
		return f, nil
	}
	fd := unix.Stderr
	if path != Stderr {
		var err error
		if fd, err = fs.open(path); err != nil {
			return nil, err
		}
	}
	return fs.add(path, fd), nil
}

// Syslog makes a Syslog of the process. The caller owes a Close.
func (fs *Files) Syslog(set SyslogConf, o SyslogOptions) *Syslog {
	s := NewSyslog(set, o)
	s.closed = func() {
		fs.mu.Lock()
		defer fs.mu.Unlock()
		delete(fs.syslogs, s)
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.syslogs == nil {
		fs.syslogs = map[*Syslog]bool{}
	}
	fs.syslogs[s] = true
	s.sendOn(fs.loop)
	return s
}

// SendOn has a loop send what is logged to syslog servers, from now on; nil: who logs does. What was queued then is sent when it returns.
// Any goroutine but a loop's, while the loop before is not stopped.
func (fs *Files) SendOn(l *loop.Loop) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.loop = l
	for s := range fs.syslogs {
		s.sendOn(l)
	}
}

// Reserve is Open that opens nothing yet: a configuration that is refused must leave no file behind. by stands for who asks.
func (fs *Files) Reserve(path string, by any) *File {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := fs.byPath[path]
	switch {
	case f != nil:
		f.refs++
	case path == Stderr:
		f = fs.add(path, unix.Stderr)
	default:
		f = fs.add(path, -1)
		fs.reserved = append(fs.reserved, reservation{f, by})
	}
	return f
}

// OpenReserved opens what was reserved and is still wanted, in that order. It stops at the first file that cannot be opened,
// and returns who asked for it.
func (fs *Files) OpenReserved() (by any, err error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	all := fs.reserved
	fs.reserved = nil
	for _, r := range all {
		if fs.byPath[r.file.path] != r.file || r.file.FD() >= 0 {
			continue
		}
		fd, err := fs.open(r.file.path)
		if err != nil {
			return r.by, err
		}
		r.file.fd.Store(int32(fd))
		r.file.opened()
	}
	return nil, nil
}

// Add takes over a descriptor that another process opened for path. The caller owes a Release. When
// path is open already, the descriptor takes the place of the old one, as with Reopen.
func (fs *Files) Add(path string, fd int) (*File, error) {
	fs.mu.Lock()
	f := fs.byPath[path]
	if f == nil {
		defer fs.mu.Unlock()
		return fs.add(path, fd), nil
	}
	f.refs++
	if f.FD() < 0 { // reserved
		f.fd.Store(int32(fd))
		f.opened()
		fs.mu.Unlock()
		return f, nil
	}
	fs.mu.Unlock()
	f.flush()
	return f, f.swap(fd)
}

func (fs *Files) add(path string, fd int) *File {
	f := &File{files: fs, path: path, refs: 1}
	if f.fd.Store(int32(fd)); fd >= 0 {
		f.opened()
	}
	fs.byPath[path] = f
	return f
}

// Opened are the paths of all open files, in no order, and their descriptors, which stay the set's.
func (fs *Files) Opened() (paths []string, fds []int) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for path, f := range fs.byPath {
		if path != Stderr && f.FD() >= 0 {
			paths = append(paths, path)
			fds = append(fds, f.FD())
		}
	}
	return paths, fds
}

// Reopen opens every file anew by its path, after a rotation (USR1): what is buffered goes to the
// old file, and from then on lines go to the new one. A file that cannot be opened goes on as it was
// and returns an error.
func (fs *Files) Reopen() []error {
	var errs []error
	for _, f := range fs.acquireAll() {
		if err := fs.reopen(f); err != nil {
			errs = append(errs, err)
		}
		f.Release()
	}
	return errs
}

// Flush writes out what is buffered for any file.
func (fs *Files) Flush() {
	for _, f := range fs.acquireAll() {
		f.flush()
		f.Release()
	}
}

func (fs *Files) acquireAll() []*File {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	all := make([]*File, 0, len(fs.byPath))
	for _, f := range fs.byPath {
		if f.FD() >= 0 {
			f.refs++
			all = append(all, f)
		}
	}
	return all
}

func (fs *Files) reopen(f *File) error {
	f.flush()
	if f.path == Stderr {
		return nil
	}
	fd, err := fs.open(f.path)
	if err != nil {
		return err
	}
	return f.swap(fd)
}

// open opens a file.
func (fs *Files) open(path string) (int, error) {
	fd, err := fs.OpenFD(path)
	if err != nil {
		return -1, callError("open()", path, err)
	}
	return fd, nil
}

func callError(call, path string, err error) error {
	return &CallError{Call: call, On: "\"" + path + "\"", Err: err}
}
