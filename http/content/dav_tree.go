package content

import (
	"bytes"
	"strings"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// copyOrMove copies or moves what the URI names to where Destination says.
func (c *davConf) copyOrMove(r *http.Request) http.Verdict {
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
	t := disk.Tree{From: from, To: trimSlash(string(fullPath(r, r.FilePathOf(uri)).Text())), Move: r.Method == http.MOVE, Access: c.access, Numbers: r.App.Temp}
	t.Clean()
	if t.From == t.To {
		r.Logf(logs.Error, "both URI \"%s\" and \"Destination\" URI \"%s\" point to the same location", r.URI, given)
		return http.StatusForbidden
	}
	if isFolder(uri) && (strings.HasPrefix(t.To, t.From+"/") || strings.HasPrefix(t.From, t.To+"/")) {
		r.Logf(logs.Error, "\"%s\" could not be %sed to collection \"%s\"", r.URI, r.MethodName, given)
		return http.StatusForbidden
	}
	t.LookBoth(r.Task)
	switch {
	case t.ToBad.Failed() && !t.ToBad.Is(unix.ENOENT):
		return failed(r, t.ToBad, http.StatusNotFound)
	case t.There && t.ToFolder && !isFolder(uri):
		r.Logf(logs.Error, "\"%s\" could not be %sed to collection \"%s\"", r.URI, r.MethodName, given)
		return statusConflict
	case t.There && !overwrite:
		r.LogErr(logs.Error, unix.EEXIST, "\""+t.To+"\" could not be created")
		return statusPrecondition
	case t.Bad.Failed():
		return failed(r, t.Bad, http.StatusNotFound)
	case t.Folder && !isFolder(r.URI):
		r.Logf(logs.Error, "\"%s\" is collection", r.URI)
		return http.StatusBadRequest
	}
	t.Transfer(r.Task)
	if t.Folder {
		return treeAnswer(r, &t, 201, http.StatusNotFound)
	}
	return treeAnswer(r, &t, 204, http.StatusInternal)
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

// treeAnswer says what has come of a tree.
func treeAnswer(r *http.Request, t *disk.Tree, status int, notFound http.Verdict) http.Verdict {
	for _, n := range t.Notes {
		r.LogErr(logs.Crit, n.Err, n.Op+" failed")
	}
	if t.Bad.Failed() {
		return failed(r, t.Bad, notFound)
	}
	return done(r, status, false)
}
