package content

import (
	"bytes"
	"strings"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/http"
	"weir/logs"
)

// TryFiles is nginx's try_files module: the first of several files that exists becomes the URI.
var TryFiles = http.Define(http.Spec[tryFilesConf]{
	Name: "http_try_files",
	Doc:  "Looks for files before the request is answered.",
	Directives: []conf.Directive[tryFilesConf]{{
		Name: "try_files", In: conf.Server | conf.Location, Inherit: conf.Never,
		Syntax: "! 2- <file:text> ... <uri:text>",
		Doc: `Makes the first *file* that exists the URI of the request, which stays in its location; if there is none, redirects it
internally to the last argument.

A *file* that ends in a slash is a folder. The last argument is a URI, with arguments if need be, or a named location ("@name"), or a
status ("=404").`,
		Example: "try_files $uri $uri/ /index.php?$args;",
		Set:     setTryFiles,
	}},
	Install: func(c *tryFilesConf, in *http.Install) error {
		if len(c.tries) == 0 {
			return nil
		}
		t := &trier{c.tries, c.last, c.code, openerIn(in)}
		in.Step(http.PreContent, t.run)
		return nil
	},
})

// tryFilesConf is one try_files directive.
type tryFilesConf struct {
	tries []try
	last  *http.Text
	code  int // instead of last; -1: none
}

// A try is one file of a try_files directive.
type try struct {
	name *http.Text // without its final slash
	dir  bool
}

// kind is what the debug log calls what is looked for.
func (t *try) kind() string {
	if t.dir {
		return "dir"
	}
	return "file"
}

type trier struct {
	tries []try
	last  *http.Text
	code  int
	files *opener
}

func setTryFiles(c *tryFilesConf, call *conf.Call) (err error) {
	c.tries, c.code = nil, -1
	n := call.Len() - 1
	for i := range n {
		word := call.Arg(i)
		t := try{dir: strings.HasSuffix(word, "/")}
		if t.name, err = http.CompileText(call, i, strings.TrimSuffix(word, "/")); err != nil {
			return err
		}
		c.tries = append(c.tries, t)
	}
	last := call.Arg(n)
	if code, ok := strings.CutPrefix(last, "="); ok {
		if c.code, err = conf.ParseInt(code); err != nil || c.code > 999 {
			return call.Errorf(n, "invalid code \"%s\"", last)
		}
		return nil
	}
	c.last, err = http.CompileText(call, n, last)
	return err
}

// run looks for the files, and leads the request to the first one that is there.
func (t *trier) run(r *http.Request) http.Verdict {
	if v := aliasFits(r); v != http.Next {
		return v
	}
	root := r.DocumentRoot()
	for i := range t.tries {
		name := t.name(r, t.tries[i].name)
		p := fullPath(r, root, name)
		if r.Debugs() {
			r.Debugf("trying to use %s: \"%s\" \"%s\"", t.tries[i].kind(), name, p.Text())
		}
		found, bad := t.files.stat(r, p)
		if bad.Failed() {
			if !bad.Is(unix.ENOENT, unix.ENOTDIR, unix.ENAMETOOLONG) {
				r.LogErr(logs.Crit, bad.Err, bad.Op+" \""+string(p.Text())+"\" failed")
			}
			continue
		}
		if found.IsDir() == t.tries[i].dir {
			if r.Debugs() {
				r.Debugf("try file uri: \"%s\"", name)
			}
			t.take(r, name, found.IsDir())
			return http.Next
		}
	}
	if t.code >= 0 {
		return http.Verdict(t.code)
	}
	to := t.name(r, t.last)
	if len(to) > 0 && to[0] == '@' {
		return r.JumpTo(to)
	}
	uri, args, found := bytes.Cut(to, []byte("?"))
	if !found {
		args = []byte{} // empty, and not missing: $args
	}
	return r.InternalRedirect(uri, args)
}

// name evaluates an argument. In a location with alias, what the location matched is taken off again: the
// alias stands for it. A constant is taken as it is.
func (t *trier) name(r *http.Request, text *http.Text) []byte {
	name := r.Text(text)
	if _, constant := text.Const(); constant || !r.Loc.Core.Alias {
		return name
	}
	n, whole := r.Loc.Core.AliasPart(r.URI)
	if whole {
		return name
	}
	return bytes.TrimPrefix(name, r.URI[:n])
}

// take makes a name that was found the URI. The target as sent stays good for a proxy.
func (t *trier) take(r *http.Request, name []byte, dir bool) {
	n, whole := r.Loc.Core.AliasPart(r.URI)
	switch {
	case !r.Loc.Core.Alias:
		r.URI = name
	case !whole:
		r.URI = r.Concat(r.URI[:n], name)
	case !dir:
		r.URI = name
		http.Store(r, aliasURI{}, http.UntilRedirect)
	}
	r.SetExten()
}
