package content

import (
	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/logs"
)

// Index is nginx's index module: a URI that ends in a slash is answered with a file of that folder.
var Index = http.Define(http.Spec[indexConf]{
	Name: "http_index",
	Doc:  "Answers requests for folders with a file in them.",
	Directives: []conf.Directive[indexConf]{{
		Name: "index", In: inLoc, Syntax: "<file:text> ...", Repeat: true, Default: "index.html",
		Doc: `The files that answer for a folder: the first one that exists, looked for in this order.

The request is redirected to it internally, so another location may answer. The last one may be an absolute URI, which is not looked
for.`,
		Example: "index index.$geo.html index.html /none.html;",
		Set:     addIndex,
	}},
	Install: func(c *indexConf, in *http.Install) error {
		files := openerOf(conf.Settings[staticConf](in.Builder.Scopes, Static.Conf, in.Block), in.Builder)
		if c.made == nil || c.made.files != files { // locations that share all settings share this, too
			c.made = &index{c.names, files}
			c.serve = c.made.serve
		}
		in.Step(http.Content, c.serve)
		return nil
	},
})

type indexConf struct {
	names []*http.Text
	made  *index // last
	serve http.Step
}

// index finds the index files of one location.
type index struct {
	names []*http.Text
	files *opener
}

func addIndex(c *indexConf, call *conf.Call) error {
	for i := range call.Len() {
		name := call.Arg(i)
		if name == "" {
			return call.Errorf(i, "index \"%s\" in \"index\" directive is invalid", name)
		}
		if name[0] == '/' && i < call.Len()-1 {
			call.Warnf(i, "only the last index in \"index\" directive should be absolute")
		}
		text, err := http.CompileText(call, i, name)
		if err != nil {
			return err
		}
		c.names = append(c.names, text)
	}
	return nil
}

// serve leads a request for a folder to its first index file that exists.
func (x *index) serve(r *http.Request) http.Verdict {
	if n := len(r.URI); n == 0 || r.URI[n-1] != '/' || r.Method&(http.GET|http.HEAD|http.POST) == 0 {
		return http.Next
	}
	var folder disk.Path
	seen := false
	for _, text := range x.names {
		name := r.Text(text)
		if len(name) > 0 && name[0] == '/' {
			return r.InternalRedirect(name, r.Args)
		}
		if folder == nil {
			var v http.Verdict
			if folder, v = pathOf(r); v != http.Next {
				return v
			}
		}
		p := fullPath(r, folder.Text(), name)
		if r.Debugs() {
			r.Debugf("open index \"%s\"", p.Text())
		}
		_, bad := x.files.stat(r, p)
		if !bad.Failed() {
			return r.InternalRedirect(r.Concat(r.URI, name), r.Args)
		}
		if v := x.missing(r, p, folder, bad, &seen); v != http.Next {
			return v
		}
	}
	return http.Next
}

// missing decides what it means that an index file cannot be opened: Next if another one may be.
func (x *index) missing(r *http.Request, p, folder disk.Path, bad disk.Failure, seen *bool) http.Verdict {
	switch {
	case bad.Is(unix.EMLINK, unix.ELOOP):
		return http.StatusForbidden
	case bad.Is(unix.ENOTDIR, unix.ENAMETOOLONG, unix.EACCES):
		return unavailable(r, p, bad)
	}
	if !*seen {
		if v := x.testFolder(r, p, folder); v != http.Next {
			return v
		}
		*seen = true
	}
	if bad.Is(unix.ENOENT) {
		return http.Next
	}
	return r.NotFound(bad.Op, p.Text(), bad.Err, http.StatusInternal)
}

// testFolder looks at the folder itself, once its first index file was not there.
func (x *index) testFolder(r *http.Request, first, folder disk.Path) http.Verdict {
	name := folder.Text()
	if n := len(name); n > 1 && name[n-1] == '/' {
		name = name[:n-1]
	}
	p := fullPath(r, name)
	i, bad := x.files.stat(r, p)
	switch {
	case bad.Is(unix.EMLINK, unix.ELOOP):
		return http.StatusForbidden
	case bad.Is(unix.ENOENT):
		return unavailable(r, first, bad)
	case bad.Is(unix.EACCES):
		return http.Next // its files may be searched, as the look at the first one has shown
	case bad.Failed():
		return r.NotFound(bad.Op, p.Text(), bad.Err, http.StatusInternal)
	case !i.IsDir():
		r.Logf(logs.Alert, "\"%s\" is not a directory", first.Text())
		return http.StatusInternal
	}
	return http.Next
}

// unavailable answers for an index file, or its folder, that is not there or may not be seen.
func unavailable(r *http.Request, p disk.Path, bad disk.Failure) http.Verdict {
	if bad.Is(unix.EACCES) {
		r.LogErr(logs.Error, bad.Err, "\""+string(p.Text())+"\" is forbidden")
		return http.StatusForbidden
	}
	if r.Loc.Core.LogNotFound {
		r.LogErr(logs.Error, bad.Err, "\""+string(p.Text())+"\" is not found")
	}
	return http.StatusNotFound
}
