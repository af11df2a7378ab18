package logs

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Stderr is the path that stands for the standard error stream.
const Stderr = "stderr"

// Files are the open log files of the process, one for each path. Any goroutine.
type Files struct {
	// OpenFD opens a file for appending. NewFiles sets it to open(2); a worker without the rights
	// asks its master instead. Set it before the first Open.
	OpenFD func(path string) (fd int, err error)
	// Owner is the user that opened files are to belong to; -1 leaves them as they are. A master
	// sets it, so that its workers can reopen them.
	Owner int
	// Now tells the time.
	Now Clock

	mu     sync.Mutex
	byPath map[string]*File
}

// NewFiles makes an empty set of files.
func NewFiles() *Files {
	return &Files{OpenFD: openAppend, Owner: -1, Now: time.Now, byPath: make(map[string]*File)}
}

func openAppend(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
		if err != unix.EINTR {
			return fd, err
		}
	}
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
		if fd, err = fs.openOwned(path); err != nil {
			return nil, err
		}
	}
	return fs.add(path, fd), nil
}

// Add takes over a descriptor that another process opened for path. The caller owes a Release. When
// path is open already, the descriptor takes the place of the old one.
func (fs *Files) Add(path string, fd int) (*File, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := fs.byPath[path]
	if f == nil {
		return fs.add(path, fd), nil
	}
	f.refs++
	return f, f.swap(fd)
}

func (fs *Files) add(path string, fd int) *File {
	f := &File{files: fs, path: path, refs: 1}
	f.fd.Store(int32(fd))
	fs.byPath[path] = f
	return f
}

// Paths are the paths of all open files, in no order.
func (fs *Files) Paths() []string {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	paths := make([]string, 0, len(fs.byPath))
	for path := range fs.byPath {
		paths = append(paths, path)
	}
	return paths
}

// Reopen opens every file anew by its path, after a rotation (USR1): what is buffered goes to the
// old file, and from then on lines go to the new one. A file that cannot be opened goes on as it was
// and gives an error.
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
		f.refs++
		all = append(all, f)
	}
	return all
}

func (fs *Files) reopen(f *File) error {
	f.flush()
	if f.path == Stderr {
		return nil
	}
	fd, err := fs.openOwned(f.path)
	if err != nil {
		return err
	}
	return f.swap(fd)
}

// openOwned opens a file and gives it to its Owner, who must be able to read and write it.
func (fs *Files) openOwned(path string) (int, error) {
	fd, err := fs.OpenFD(path)
	if err != nil {
		return -1, callError("open()", path, err)
	}
	if fs.Owner < 0 {
		return fd, nil
	}
	if call, err := own(fd, fs.Owner); err != nil {
		unix.Close(fd)
		return -1, callError(call, path, err)
	}
	return fd, nil
}

func own(fd, owner int) (call string, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "fstat()", err
	}
	if int(st.Uid) != owner {
		if err := unix.Fchown(fd, owner, -1); err != nil {
			return "chown()", err
		}
	}
	const readWrite = 0o600
	if mode := uint32(st.Mode); mode&unix.S_IFMT == unix.S_IFREG && mode&readWrite != readWrite {
		if err := unix.Fchmod(fd, mode&uint32(os.ModePerm)|readWrite); err != nil {
			return "chmod()", err
		}
	}
	return "", nil
}

func callError(call, path string, err error) error {
	return &CallError{Call: call, On: "\"" + path + "\"", Err: err}
}
