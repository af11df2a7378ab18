package disk

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"weir/loop"
)

// A Tree is a file, or a folder with all that is in it, being looked at, deleted, copied or moved. For the task itself.
type Tree struct {
	From, To string
	Move     bool        // Transfer moves it, and else copies it
	Access   fs.FileMode // of files; folders that are made on the way to To can be searched by who may read those
	Numbers  *TempNumbers

	Folder   bool // From is one
	There    bool // To is there
	ToFolder bool
	Bad      Failure
	ToBad    Failure
	Notes    []Failure // what could not be done of a folder, while the rest was
}

// Clean leaves out slashes that follow others.
func (t *Tree) Clean() {
	for strings.Contains(t.From, "//") {
		t.From = strings.ReplaceAll(t.From, "//", "/")
	}
	for strings.Contains(t.To, "//") {
		t.To = strings.ReplaceAll(t.To, "//", "/")
	}
}

// Look looks at what is to be done with. A link is no folder, wherever it leads.
func (t *Tree) Look(k *loop.Task, asFolder bool) { k.Await(func() { t.look(asFolder) }) }

func (t *Tree) look(asFolder bool) {
	path := t.From
	if asFolder {
		path += "/"
	}
	i, err := os.Lstat(path)
	if err != nil {
		t.Bad = Failure{Op: "lstat() \"" + path + "\"", Err: err}
		return
	}
	if asFolder { // the slash has followed a link
		if i, err = os.Lstat(t.From); err != nil {
			t.Bad = Failure{Op: "lstat() \"" + t.From + "\"", Err: err}
			return
		}
	}
	t.Folder = i.IsDir()
}

// LookBoth looks at To as well.
func (t *Tree) LookBoth(k *loop.Task) { k.Await(t.lookBoth) }

func (t *Tree) lookBoth() {
	i, err := os.Lstat(t.To)
	if err != nil {
		t.ToBad = Failure{Op: "lstat() \"" + t.To + "\"", Err: err}
	} else {
		t.There, t.ToFolder = true, i.IsDir()
	}
	t.look(false)
}

// Delete deletes it. Links in a folder are deleted, not followed.
func (t *Tree) Delete(k *loop.Task) {
	k.Await(func() { t.Bad = deletePath(t.From, t.Folder, &t.Notes) })
}

func deletePath(path string, folder bool, notes *[]Failure) Failure {
	if !folder {
		if err := unix.Unlink(path); err != nil {
			return Failure{Op: "unlink() \"" + path + "\"", Err: err}
		}
		return Failure{}
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return Failure{Op: "opendir() \"" + path + "\"", Err: err}
	}
	for _, e := range entries {
		if bad := deletePath(path+"/"+e.Name(), e.IsDir(), notes); bad.Failed() {
			*notes = append(*notes, bad)
		}
	}
	if err := unix.Rmdir(path); err != nil {
		return Failure{Op: "rmdir() \"" + path + "\"", Err: err}
	}
	return Failure{}
}

// Transfer copies or moves it to where nothing is, or what is there may go.
func (t *Tree) Transfer(k *loop.Task) { k.Await(t.transfer) }

func (t *Tree) transfer() {
	if t.Folder && t.There {
		if t.Bad = deletePath(t.To, t.ToFolder, &t.Notes); t.Bad.Failed() {
			return
		}
	}
	if t.Move {
		err := os.Rename(t.From, t.To)
		if os.IsNotExist(err) && !t.Folder && os.MkdirAll(filepath.Dir(t.To), foldersFor(t.Access)) == nil {
			err = os.Rename(t.From, t.To)
		}
		if err == nil {
			return
		}
		bad := Failure{Op: "rename() \"" + t.From + "\" to \"" + t.To + "\"", Err: err}
		if !bad.Is(unix.EXDEV) {
			t.Bad = bad
			return
		}
	}
	if t.Bad = t.copyPath(t.From, t.To, t.Folder); t.Bad.Failed() || !t.Move {
		return
	}
	t.Bad = deletePath(t.From, t.Folder, &t.Notes)
}

// copyPath copies a file or a folder. In a folder only files and folders are copied, as in nginx.
func (t *Tree) copyPath(from, to string, folder bool) Failure {
	i, err := os.Lstat(from)
	if err != nil {
		return Failure{Op: "lstat() \"" + from + "\"", Err: err}
	}
	if !folder {
		return t.copyFile(from, to, i)
	}
	if bad := makeFolder(to, i.Mode().Perm()|0o700); bad.Failed() {
		return bad
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return Failure{Op: "opendir() \"" + from + "\"", Err: err}
	}
	for _, e := range entries {
		if !e.IsDir() && !e.Type().IsRegular() {
			continue
		}
		if bad := t.copyPath(from+"/"+e.Name(), to+"/"+e.Name(), e.IsDir()); bad.Failed() {
			return bad
		}
	}
	_ = os.Chmod(to, i.Mode().Perm())
	_ = os.Chtimes(to, i.ModTime(), i.ModTime())
	return Failure{}
}

// copyFile copies a file under another name, which it has until it is complete.
func (t *Tree) copyFile(from, to string, i fs.FileInfo) Failure {
	in, err := os.OpenFile(from, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return Failure{Op: "open() \"" + from + "\"", Err: err}
	}
	defer in.Close()
	beside := to + "." + strconv.FormatUint(t.Numbers.Next(), 10)
	out, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Failure{Op: "open() \"" + beside + "\"", Err: err}
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Chmod(i.Mode().Perm())
	}
	if err2 := out.Close(); err == nil {
		err = err2
	}
	if err == nil {
		_ = os.Chtimes(beside, i.ModTime(), i.ModTime())
		err = os.Rename(beside, to)
	}
	if err != nil {
		_ = os.Remove(beside)
		return Failure{Op: "write() \"" + to + "\"", Err: err}
	}
	return Failure{}
}

// MakeFolder makes a folder with these rights, whatever the process takes off those of others. For the task itself.
func MakeFolder(t *loop.Task, path string, mode fs.FileMode) (bad Failure) {
	t.Await(func() { bad = makeFolder(path, mode) })
	return bad
}

func makeFolder(path string, mode fs.FileMode) Failure {
	if err := unix.Mkdir(path, uint32(mode)); err != nil {
		return Failure{Op: "mkdir() \"" + path + "\"", Err: err}
	}
	return Failure{}
}

// foldersFor is the rights of a folder for those of its files: who may read it may also search it.
func foldersFor(mode fs.FileMode) fs.FileMode { return mode | mode&0o444>>2 }
