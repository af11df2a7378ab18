package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"weir/loop"
)

// TempPath is where temporary files go: a folder and the widths of its levels.
type TempPath struct {
	Dir    string
	Levels [3]int
}

// TempNumbers hands out names for temporary files; one for the process, so that files of two cycles
// never collide.
type TempNumbers struct{ next atomic.Uint64 }

// NewTempNumbers starts at a number that another process is unlikely to be at.
func NewTempNumbers() *TempNumbers {
	n := &TempNumbers{}
	n.next.Store(uint64(os.Getpid()) * 100003 % 10_000_000_000)
	return n
}

// Next is a number that no other file of the process has. Any goroutine.
func (n *TempNumbers) Next() uint64 { return n.next.Add(1) }

// A TempFile is a file of a request's or a response's bytes that did not fit in memory. It belongs to one task.
type TempFile struct {
	Path string
	Size int64 // bytes written
	file *os.File
	keep bool
}

// FD returns the descriptor, for sending.
func (f *TempFile) FD() int { return int(f.file.Fd()) }

// Name returns the numbered path of the n-th temporary file: the last digits name its folders.
func (p *TempPath) Name(n uint64) string {
	name := fmt.Sprintf("%010d", n%10_000_000_000)
	dir, end := p.Dir, len(name)
	for _, width := range p.Levels {
		if width > 0 {
			dir = filepath.Join(dir, name[end-width:end])
			end -= width
		}
	}
	return filepath.Join(dir, name)
}

// Create makes a temporary file in p. Without keep it is gone when it is closed, and has no name from the beginning unless named.
// For the task itself.
func (n *TempNumbers) Create(t *loop.Task, p *TempPath, keep, named bool) (f *TempFile, err error) {
	t.Await(func() { f, err = n.CreateBlocking(p.Name, p.Levels[0] > 0, keep, named) })
	return f, err
}

// CreateBlocking is Create for who is off the loop already, within Await. name makes a path of a number; parents says that folders which
// are missing are made.
func (n *TempNumbers) CreateBlocking(name func(uint64) string, parents, keep, named bool) (*TempFile, error) {
	var err error
	for range 100 {
		path := name(n.next.Add(1))
		var file *os.File
		file, err = os.OpenFile(path, newFile, 0o600)
		if os.IsNotExist(err) && parents && os.MkdirAll(filepath.Dir(path), 0o700) == nil {
			file, err = os.OpenFile(path, newFile, 0o600)
		}
		switch {
		case err == nil:
			if !keep && !named {
				_ = os.Remove(path)
			}
			return &TempFile{Path: path, file: file, keep: keep}, nil
		case !os.IsExist(err):
			return nil, err
		}
	}
	return nil, err
}

const newFile = os.O_RDWR | os.O_CREATE | os.O_EXCL | unix.O_CLOEXEC

// Share returns the file for another owner, who may read it when the first has closed it. Any goroutine, as long as the file is open.
func (f *TempFile) Share() (*TempFile, error) {
	fd, err := unix.FcntlInt(f.file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &TempFile{Path: f.Path, Size: f.Size, file: os.NewFile(uintptr(fd), f.Path), keep: true}, nil
}

// Append writes b at the end of the file. For the task itself.
func (f *TempFile) Append(t *loop.Task, b []byte) (err error) {
	t.Await(func() { err = f.AppendBlocking(b) })
	return err
}

// AppendBlocking is Append for who is off the loop already, within Await.
func (f *TempFile) AppendBlocking(b []byte) error {
	n, err := f.file.WriteAt(b, f.Size)
	f.Size += int64(n)
	return err
}

// RewriteBlocking writes b in place of what the file begins with. For who is off the loop, within Await.
func (f *TempFile) RewriteBlocking(b []byte) error {
	_, err := f.file.WriteAt(b, 0)
	return err
}

// Close closes the file, which may take a while: the space of a large one is given back. One that is not to be kept is removed. For the
// task itself.
func (f *TempFile) Close(t *loop.Task) {
	if f.file != nil {
		t.Await(f.close)
	}
}

// CloseBlocking is Close for who is off the loop already, within Await.
func (f *TempFile) CloseBlocking() {
	if f.file != nil {
		f.close()
	}
}

func (f *TempFile) close() {
	_ = f.file.Close()
	f.file = nil
	if !f.keep {
		_ = os.Remove(f.Path)
	}
}
