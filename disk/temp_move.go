package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"weir/loop"
)

// MoveTo gives a temporary file, made with a name, a place to stay: with these rights and, unless it is
// negative, this time in seconds since 1970. Folders that are missing are made. For the task itself.
func (f *TempFile) MoveTo(t *loop.Task, to string, mode fs.FileMode, modified int64, numbers *TempNumbers) (bad Failure) {
	t.Await(func() { bad = f.MoveBlocking(to, mode, modified, numbers) })
	return bad
}

// MoveBlocking is MoveTo for who is off the loop already, within Await.
func (f *TempFile) MoveBlocking(to string, mode fs.FileMode, modified int64, numbers *TempNumbers) Failure {
	bad := f.move(to, mode, modified, numbers)
	if !bad.Failed() {
		f.Path, f.keep = to, true
	}
	return bad
}

func (f *TempFile) move(to string, mode fs.FileMode, modified int64, numbers *TempNumbers) Failure {
	if err := f.file.Chmod(mode); err != nil {
		return Failure{"chmod() " + quoted(f.Path), err}
	}
	if modified >= 0 {
		at := time.Unix(modified, 0)
		if err := os.Chtimes(f.Path, at, at); err != nil {
			return Failure{"utimes() " + quoted(f.Path), err}
		}
	}
	err := os.Rename(f.Path, to)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(to), foldersFor(mode)); err != nil {
			return Failure{"mkdir() " + quoted(filepath.Dir(to)), err}
		}
		err = os.Rename(f.Path, to)
	}
	if errors.Is(err, unix.EXDEV) {
		// a copy on the other disk, under another name until it is complete
		beside := to + "." + strconv.FormatUint(numbers.next.Add(1), 10)
		if err = f.copyTo(beside, mode, modified); err == nil {
			err = os.Rename(beside, to)
		}
		if err != nil {
			_ = os.Remove(beside)
		} else {
			_ = os.Remove(f.Path)
		}
	}
	if err != nil {
		return Failure{"rename() " + quoted(f.Path) + " to " + quoted(to), err}
	}
	return Failure{}
}

func (f *TempFile) copyTo(path string, mode fs.FileMode, modified int64) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.NewSectionReader(f.file, 0, f.Size))
	if err == nil {
		err = out.Chmod(mode)
	}
	if err2 := out.Close(); err == nil {
		err = err2
	}
	if at := time.Unix(modified, 0); err == nil && modified >= 0 {
		err = os.Chtimes(path, at, at)
	}
	return err
}

func quoted(path string) string { return "\"" + path + "\"" }
