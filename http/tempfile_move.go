package http

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"weir/logs"
)

// MoveTo gives a temporary file, made with a name, a place to stay: with these rights and, unless it is
// negative, this time in seconds since 1970. Folders that are missing are made. It runs off the loop.
func (f *TempFile) MoveTo(r *Request, to string, mode fs.FileMode, modified int64) (err error) {
	r.Task.Await(func() { err = f.move(to, mode, modified, r.App.Temp) })
	if err == nil {
		f.Path, f.keep = to, true
	}
	return err
}

func (f *TempFile) move(to string, mode fs.FileMode, modified int64, numbers *TempNumbers) error {
	if err := f.file.Chmod(mode); err != nil {
		return &logs.CallError{Call: "chmod()", On: quoted(f.Path), Err: err}
	}
	if modified >= 0 {
		at := time.Unix(modified, 0)
		if err := os.Chtimes(f.Path, at, at); err != nil {
			return &logs.CallError{Call: "utimes()", On: quoted(f.Path), Err: err}
		}
	}
	err := os.Rename(f.Path, to)
	if errors.Is(err, fs.ErrNotExist) {
		folders := mode | mode&0o444>>2 // who may read a folder may also search it
		if err := os.MkdirAll(filepath.Dir(to), folders); err != nil {
			return &logs.CallError{Call: "mkdir()", On: quoted(filepath.Dir(to)), Err: err}
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
		return &logs.CallError{Call: "rename()", On: quoted(f.Path) + " to " + quoted(to), Err: err}
	}
	return nil
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
