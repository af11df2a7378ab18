package disk

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ReplaceBlocking makes b the content of a file: whoever reads it finds the whole of what it was, or the whole of b, also when the
// machine stops meanwhile. The folder must be one that files can be made in. The mode of a file that is there stays; a new one may be
// read by all. For who is off the loop; not for two at a time of one file.
func ReplaceBlocking(path string, b []byte) error {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	mode := os.FileMode(0o644)
	var i Info
	if StatBlocking(PathOf([]byte(path)), &i) == nil {
		mode = os.FileMode(i.Mode & 0o777)
	}
	temp := path + ".tmp"
	if err := write(temp, b, mode); err != nil {
		_ = unix.Unlink(temp)
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		_ = unix.Unlink(temp)
		return err
	}
	if f, err := OpenFolderBlocking(filepath.Dir(path)); err == nil {
		_ = f.Sync() // some file systems cannot
		_ = f.Close()
	}
	return nil
}

// write makes a new file.
func write(path string, b []byte, mode os.FileMode) error {
	_ = unix.Unlink(path) // of a process that was killed
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
