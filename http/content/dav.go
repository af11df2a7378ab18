package content

import (
	"io/fs"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/http/field"
	"weir/http/url"
	"weir/logs"
)

// Dav is nginx's dav module: files are put, deleted, copied and moved by clients.
var Dav = http.Define(http.Spec[davConf]{
	Name: "http_dav",
	Doc:  "Lets clients put, delete, copy and move files (the methods of WebDAV that need no properties).",
	Directives: []conf.Directive[davConf]{
		{
			Name: "dav_methods", In: inLoc, Syntax: "off | PUT | DELETE | MKCOL | COPY | MOVE ...", Default: "off", Repeat: true,
			Doc: `The methods that are allowed. Keep strangers out with ` + "`limit_except`, `auth_basic` or `allow`" + `. A file that is put is written elsewhere first,
and takes its place when it is complete; a copy likewise. Methods that ask for properties, as PROPFIND, are not among them.`,
			Example: "location /upload/ { dav_methods PUT DELETE MKCOL COPY MOVE; allow 192.0.2.0/24; deny all; }",
			Set: conf.Bits(func(c *davConf) *http.Method { return &c.methods }, map[string]http.Method{
				"off": 0, "put": http.PUT, "delete": http.DELETE, "mkcol": http.MKCOL, "copy": http.COPY, "move": http.MOVE,
			}),
		},
		{
			Name: "create_full_put_path", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Whether PUT makes folders that are missing.",
			Set: conf.Flag(func(c *davConf) *bool { return &c.full }),
		},
		{
			Name: "min_delete_depth", In: inLoc, Syntax: "<number>", Default: "0",
			Doc: "How many parts the path of a URI must have at least to be deleted.",
			Set: conf.Int(func(c *davConf) *int { return &c.depth }),
		},
		{
			Name: "dav_access", In: inLoc, Syntax: "<users:string> [<users:string>] [<users:string>]", Default: "user:rw",
			Doc:     "The rights of new files and folders: for **user**, **group** and **all**, each **r** or **rw**. Who may read a folder may also search it.",
			Example: "dav_access user:rw group:rw all:r;",
			Set:     func(c *davConf, call *conf.Call) error { return conf.ReadAccess(&c.access, call) },
		},
	},
	Install: func(c *davConf, in *http.Install) error {
		if c.methods != 0 {
			in.Step(http.Content, c.serve)
		}
		return nil
	},
})

// davConf holds the settings of one block.
type davConf struct {
	methods http.Method
	full    bool
	depth   int
	access  fs.FileMode
}

// folderAccess is the rights of a folder for those of its files.
func folderAccess(mode fs.FileMode) fs.FileMode { return mode | mode&0o444>>2 }

const statusConflict, statusNotAllowed, statusPrecondition, statusMediaType = 409, 405, 412, 415

func (c *davConf) serve(r *http.Request) http.Verdict {
	if r.Method&c.methods == 0 {
		return http.Next
	}
	if r.Method != http.PUT && r.HasBody() {
		what := string(r.MethodName)
		if r.Method&(http.COPY|http.MOVE) != 0 {
			r.Log(logs.Error, "COPY and MOVE with body are unsupported")
		} else {
			r.Logf(logs.Error, "%s with body is unsupported", what)
		}
		return statusMediaType
	}
	switch r.Method {
	case http.PUT:
		return c.put(r)
	case http.DELETE:
		return c.delete(r)
	case http.MKCOL:
		return c.mkcol(r)
	}
	return c.copyOrMove(r)
}

// done answers without a body; what was made at the URI is told with it.
func done(r *http.Request, status int, made bool) http.Verdict {
	o := &r.Out
	o.Status = status
	if status == 201 {
		o.ContentLength = 0
	}
	if made {
		o.Location = url.AppendEscaped(r.Alloc(3 * len(r.URI))[:0], r.URI, url.EscapeURI)
	}
	r.HeaderOnly = true
	r.SendHead()
	return http.Done
}

// failed answers for a call that failed, with a status of its own where there is no such file.
func failed(r *http.Request, bad disk.Failure, notFound http.Verdict) http.Verdict {
	level, v := logs.Crit, http.Verdict(http.StatusInternal)
	switch {
	case bad.Is(unix.ENOENT, unix.ENOTDIR, unix.ENAMETOOLONG):
		level, v = logs.Error, notFound
	case bad.Is(unix.EACCES, unix.EPERM):
		level, v = logs.Error, http.StatusForbidden
	case bad.Is(unix.EEXIST):
		level, v = logs.Error, statusNotAllowed
	case bad.Is(unix.ENOSPC):
		v = http.StatusInsufficientSpace
	}
	r.LogErr(level, bad.Err, bad.Op+" failed")
	return v
}

// mkcol makes a folder.
func (c *davConf) mkcol(r *http.Request) http.Verdict {
	if !isFolder(r.URI) {
		r.Log(logs.Error, "MKCOL can create a collection only")
		return statusConflict
	}
	path, v := davPath(r)
	if v != http.Next {
		return v
	}
	if bad := disk.MakeFolder(r.Task, path, folderAccess(c.access)); bad.Failed() {
		return failed(r, bad, statusConflict)
	}
	return done(r, 201, true)
}

// delete deletes a file, or a folder with all that is in it.
func (c *davConf) delete(r *http.Request) http.Verdict {
	if v := c.deepEnough(r); v != http.Next {
		return v
	}
	path, v := davPath(r)
	if v != http.Next {
		return v
	}
	depth, ok := depthOf(r)
	if !ok {
		return http.StatusBadRequest
	}
	t := disk.Tree{From: path}
	t.Look(r.Task, isFolder(r.URI))
	switch {
	case t.Bad.Is(unix.ENOTDIR):
		return failed(r, t.Bad, statusConflict)
	case t.Bad.Failed():
		return failed(r, t.Bad, http.StatusNotFound)
	case t.Folder && !isFolder(r.URI):
		r.LogErr(logs.Error, unix.EISDIR, "DELETE \""+path+"\" failed")
		return statusConflict
	case t.Folder && depth != infinity:
		r.Log(logs.Error, "\"Depth\" header must be infinity")
		return http.StatusBadRequest
	case depth == 1:
		r.Log(logs.Error, "\"Depth\" header must be 0 or infinity")
		return http.StatusBadRequest
	}
	t.Delete(r.Task)
	return treeAnswer(r, &t, 204, http.StatusNotFound)
}

// deepEnough holds the depth of the URI against min_delete_depth.
func (c *davConf) deepEnough(r *http.Request) http.Verdict {
	if c.depth == 0 {
		return http.Next
	}
	n := 0
	for i, b := range r.URI {
		if b == '/' {
			if n++; n >= c.depth && i+1 < len(r.URI) {
				return http.Next
			}
		}
	}
	r.Logf(logs.Error, "insufficient URI depth:%d to DELETE", n)
	return statusConflict
}

// infinity is a depth of all there is.
const infinity = -1

// depthOf reads the field Depth.
func depthOf(r *http.Request) (int, bool) {
	if !r.In.Has(field.Depth) {
		return infinity, true
	}
	switch v := r.In.Get(field.Depth); string(v) {
	case "0":
		return 0, true
	case "1":
		return 1, true
	case "infinity":
		return infinity, true
	default:
		r.Logf(logs.Error, "client sent invalid \"Depth\" header: \"%s\"", v)
		return 0, false
	}
}

func isFolder(uri []byte) bool { return len(uri) > 0 && uri[len(uri)-1] == '/' }

// davPath is the path of the URI, without a final slash.
func davPath(r *http.Request) (string, http.Verdict) {
	p, v := pathOf(r)
	if v != http.Next {
		return "", v
	}
	return trimSlash(string(p.Text())), http.Next
}

func trimSlash(path string) string {
	for len(path) > 1 && path[len(path)-1] == '/' {
		path = path[:len(path)-1]
	}
	return path
}
