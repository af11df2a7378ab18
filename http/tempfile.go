package http

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/load"
)

// TempNumbers hands out names for temporary files; one for the process, so that files of two cycles
// never collide.
type TempNumbers struct{ next atomic.Uint64 }

// NewTempNumbers starts at a number that another process is unlikely to be at.
func NewTempNumbers() *TempNumbers {
	n := &TempNumbers{}
	n.next.Store(uint64(os.Getpid()) * 100003 % 10_000_000_000)
	return n
}

// A TempFile is a file of a request's or a response's bytes that did not fit in memory. It has no
// name any more, unless it was made to be kept.
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

// CreateTemp makes a temporary file in p. It may touch the disk: it runs off the loop. keep leaves the
// file its name after the exchange.
func (r *Request) CreateTemp(p *TempPath, keep, named bool) (f *TempFile, err error) {
	r.Task.Await(func() {
		for range 100 {
			path := p.Name(r.App.Temp.next.Add(1))
			var file *os.File
			file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_CLOEXEC, 0o600)
			if os.IsNotExist(err) && p.Levels[0] > 0 {
				if os.MkdirAll(filepath.Dir(path), 0o700) == nil {
					file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_CLOEXEC, 0o600)
				}
			}
			if err == nil {
				f = &TempFile{Path: path, file: file, keep: keep}
				if !keep && !named {
					_ = os.Remove(path)
				}
				return
			}
			if !os.IsExist(err) {
				return
			}
		}
	})
	return f, err
}

// Append writes p at the end of the file, off the loop.
func (f *TempFile) Append(r *Request, p []byte) (err error) {
	r.Task.Await(func() {
		var n int
		n, err = f.file.WriteAt(p, f.Size)
		f.Size += int64(n)
	})
	return err
}

// ReadAt reads from the file, off the loop.
func (f *TempFile) ReadAt(r *Request, p []byte, off int64) (n int, err error) {
	r.Task.Await(func() { n, err = f.file.ReadAt(p, off) })
	return n, err
}

// CloseWith closes the file; a named one that is not to be kept is removed.
func (f *TempFile) CloseWith(*Request) {
	if f.file == nil {
		return
	}
	_ = f.file.Close()
	f.file = nil
	if !f.keep {
		_ = os.Remove(f.Path)
	}
}

// maxLevels is how many digits of a number the levels can have: all of them.
const maxLevels = 10

// TempPathSlot is a slot for the folder of temporary files and the widths of its levels.
func TempPathSlot[C any](f func(*C) **TempPath) func(*C, *conf.Call) error {
	return func(c *C, call *conf.Call) error {
		p := &TempPath{Dir: call.Arg(0)}
		if !strings.HasPrefix(p.Dir, "/") {
			under := load.Of(call).Prefix
			if call.IsDefault() {
				under = load.Of(call).TempPrefix
			}
			p.Dir = filepath.Join(under, p.Dir)
		}
		for i := 1; i < call.Len(); i++ {
			level, err := conf.ParseInt(call.Arg(i))
			if err != nil || level == 0 {
				return call.Invalid(i, "invalid value")
			}
			p.Levels[i-1] = min(level, maxLevels+1)
		}
		if p.Levels[0]+p.Levels[1]+p.Levels[2] > maxLevels {
			return call.Invalid(-1, "invalid value")
		}
		*f(c) = p
		load.Of(call).Folder(p.Dir)
		return nil
	}
}
