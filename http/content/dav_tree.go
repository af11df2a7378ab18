package content

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// copyOrMove copies or moves what the URI names to where Destination says.
func (c *dav) copyOrMove(r *http.Request) http.Verdict {
	uri, v := destination(r)
	if v != http.Next {
		return v
	}
	given := r.In.Get(field.Destination)
	if isFolder(r.URI) != isFolder(uri) {
		r.Logf(logs.Error, "both URI \"%s\" and \"Destination\" URI \"%s\" should be either collections or non-collections", r.URI, given)
		return statusConflict
	}
	depth, ok := depthOf(r)
	switch {
	case !ok:
		return http.StatusBadRequest
	case depth == infinity:
	case r.Method == http.MOVE:
		r.Log(logs.Error, "\"Depth\" header must be infinity")
		return http.StatusBadRequest
	case depth != 0:
		r.Log(logs.Error, "\"Depth\" header must be 0 or infinity")
		return http.StatusBadRequest
	}
	overwrite := true
	if r.In.Has(field.Overwrite) {
		switch v := r.In.Get(field.Overwrite); string(bytes.ToUpper(v)) {
		case "T":
		case "F":
			overwrite = false
		default:
			r.Logf(logs.Error, "client sent invalid \"Overwrite\" header: \"%s\"", v)
			return http.StatusBadRequest
		}
	}
	from, v := davPath(r)
	if v != http.Next {
		return v
	}
	t := tree{from: from, to: trimSlash(string(fullPath(r, r.FilePathOf(uri)).Text())), move: r.Method == http.MOVE, access: c.access, numbers: r.App.Temp}
	t.clean()
	if t.from == t.to {
		r.Logf(logs.Error, "both URI \"%s\" and \"Destination\" URI \"%s\" point to the same location", r.URI, given)
		return http.StatusForbidden
	}
	if isFolder(uri) && (strings.HasPrefix(t.to, t.from+"/") || strings.HasPrefix(t.from, t.to+"/")) {
		r.Logf(logs.Error, "\"%s\" could not be %sed to collection \"%s\"", r.URI, r.MethodName, given)
		return http.StatusForbidden
	}
	r.Task.Await(t.lookBoth)
	switch {
	case t.toBad.Failed() && !t.toBad.Is(unix.ENOENT):
		return failed(r, t.toBad, http.StatusNotFound)
	case t.there && t.toFolder && !isFolder(uri):
		r.Logf(logs.Error, "\"%s\" could not be %sed to collection \"%s\"", r.URI, r.MethodName, given)
		return statusConflict
	case t.there && !overwrite:
		r.LogErr(logs.Error, unix.EEXIST, "\""+t.to+"\" could not be created")
		return statusPrecondition
	case t.bad.Failed():
		return failed(r, t.bad, http.StatusNotFound)
	case t.folder && !isFolder(r.URI):
		r.Logf(logs.Error, "\"%s\" is collection", r.URI)
		return http.StatusBadRequest
	}
	r.Task.Await(t.transfer)
	if t.folder {
		return t.answer(r, 201, http.StatusNotFound)
	}
	return t.answer(r, 204, http.StatusInternal)
}

// destination is the URI that the field Destination names, which must be one of this server.
func destination(r *http.Request) ([]byte, http.Verdict) {
	if !r.In.Has(field.Destination) {
		r.Log(logs.Error, "client sent no \"Destination\" header")
		return nil, http.StatusBadRequest
	}
	given := r.In.Get(field.Destination)
	uri := given
	if len(uri) == 0 || uri[0] != '/' {
		if len(r.HostName) == 0 {
			r.Log(logs.Error, "client sent no \"Host\" header")
			return nil, http.StatusBadRequest
		}
		rest, ok := bytes.CutPrefix(uri, []byte(r.Client.Scheme()+"://"))
		if !ok {
			return nil, badDestination(r, given)
		}
		if rest, ok = bytes.CutPrefix(rest, r.HostName); !ok {
			r.Logf(logs.Error, "\"Destination\" URI \"%s\" is handled by different repository than the source URI", given)
			return nil, http.StatusBadRequest
		}
		at := bytes.IndexByte(rest, '/')
		if at < 0 {
			return nil, badDestination(r, given)
		}
		uri = rest[at:]
	}
	path, _, ok := http.SafeURI(r, uri)
	if !ok {
		r.Logf(logs.Error, "unsafe URI \"%s\" was detected", path)
		return nil, badDestination(r, given)
	}
	if n, whole := r.Loc.Core.AliasPart(r.URI); r.Loc.Core.Alias && !whole && (len(path) < n || !bytes.Equal(path[:n], r.URI[:n])) {
		return nil, badDestination(r, given)
	}
	return path, http.Next
}

func badDestination(r *http.Request, given []byte) http.Verdict {
	r.Logf(logs.Error, "client sent invalid \"Destination\" header: \"%s\"", given)
	return http.StatusBadRequest
}

// A tree is a file, or a folder with all that is in it, being deleted, copied or moved. Its functions block: they are for goroutines.
type tree struct {
	from, to string
	move     bool
	access   os.FileMode
	numbers  *disk.TempNumbers

	mode     os.FileMode // of from
	folder   bool
	there    bool // to is there
	toFolder bool
	bad      disk.Failure
	toBad    disk.Failure
	notes    []disk.Failure // what could not be done of a folder, while the rest was
}

func (t *tree) clean() {
	for strings.Contains(t.from, "//") {
		t.from = strings.ReplaceAll(t.from, "//", "/")
	}
	for strings.Contains(t.to, "//") {
		t.to = strings.ReplaceAll(t.to, "//", "/")
	}
}

// look looks at what is to be done with. A link is no folder, wherever it leads.
func (t *tree) look(asFolder bool) {
	path := t.from
	if asFolder {
		path += "/"
	}
	i, err := os.Lstat(path)
	if err != nil {
		t.bad = disk.Failure{Op: "lstat() \"" + path + "\"", Err: err}
		return
	}
	if asFolder { // the slash has followed a link
		if i, err = os.Lstat(t.from); err != nil {
			t.bad = disk.Failure{Op: "lstat() \"" + t.from + "\"", Err: err}
			return
		}
	}
	t.folder, t.mode = i.IsDir(), i.Mode()
}

func (t *tree) lookBoth() {
	i, err := os.Lstat(t.to)
	if err != nil {
		t.toBad = disk.Failure{Op: "lstat() \"" + t.to + "\"", Err: err}
	} else {
		t.there, t.toFolder = true, i.IsDir()
	}
	t.look(false)
}

// answer says what has come of it.
func (t *tree) answer(r *http.Request, status int, notFound http.Verdict) http.Verdict {
	for _, n := range t.notes {
		r.LogErr(logs.Crit, n.Err, n.Op+" failed")
	}
	if t.bad.Failed() {
		return failed(r, t.bad, notFound)
	}
	return done(r, status, false)
}

// delete deletes it. Links in a folder are deleted, not followed.
func (t *tree) delete() {
	if t.bad = deletePath(t.from, t.folder, &t.notes); t.bad.Failed() {
		return
	}
}

func deletePath(path string, folder bool, notes *[]disk.Failure) disk.Failure {
	if !folder {
		if err := unix.Unlink(path); err != nil {
			return disk.Failure{Op: "unlink() \"" + path + "\"", Err: err}
		}
		return disk.Failure{}
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return disk.Failure{Op: "opendir() \"" + path + "\"", Err: err}
	}
	for _, e := range entries {
		if bad := deletePath(path+"/"+e.Name(), e.IsDir(), notes); bad.Failed() {
			*notes = append(*notes, bad)
		}
	}
	if err := unix.Rmdir(path); err != nil {
		return disk.Failure{Op: "rmdir() \"" + path + "\"", Err: err}
	}
	return disk.Failure{}
}

// transfer copies or moves it to where nothing is, or what is there may go.
func (t *tree) transfer() {
	if t.folder && t.there {
		if t.bad = deletePath(t.to, t.toFolder, &t.notes); t.bad.Failed() {
			return
		}
	}
	if t.move {
		err := os.Rename(t.from, t.to)
		if os.IsNotExist(err) && !t.folder && os.MkdirAll(filepath.Dir(t.to), folderAccess(t.access)) == nil {
			err = os.Rename(t.from, t.to)
		}
		if err == nil {
			return
		}
		bad := disk.Failure{Op: "rename() \"" + t.from + "\" to \"" + t.to + "\"", Err: err}
		if !bad.Is(unix.EXDEV) {
			t.bad = bad
			return
		}
	}
	if t.bad = t.copyPath(t.from, t.to, t.folder); t.bad.Failed() || !t.move {
		return
	}
	t.bad = deletePath(t.from, t.folder, &t.notes)
}

// copyPath copies a file or a folder. In a folder only files and folders are copied, as in nginx.
func (t *tree) copyPath(from, to string, folder bool) disk.Failure {
	i, err := os.Lstat(from)
	if err != nil {
		return disk.Failure{Op: "lstat() \"" + from + "\"", Err: err}
	}
	if !folder {
		return t.copyFile(from, to, i)
	}
	if bad := makeFolder(to, i.Mode().Perm()|0o700); bad.Failed() {
		return bad
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return disk.Failure{Op: "opendir() \"" + from + "\"", Err: err}
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
	return disk.Failure{}
}

// copyFile copies a file under another name, which it has until it is complete.
func (t *tree) copyFile(from, to string, i os.FileInfo) disk.Failure {
	in, err := os.OpenFile(from, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return disk.Failure{Op: "open() \"" + from + "\"", Err: err}
	}
	defer in.Close()
	beside := to + "." + strconv.FormatUint(t.numbers.Next(), 10)
	out, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return disk.Failure{Op: "open() \"" + beside + "\"", Err: err}
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
		return disk.Failure{Op: "write() \"" + to + "\"", Err: err}
	}
	return disk.Failure{}
}
