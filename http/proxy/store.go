package proxy

import (
	"io/fs"

	"weir/conf"
	"weir/http"
	"weir/logs"
)

// storePlace is where responses are stored: nowhere, at the path that the URI maps to (on), or at one with
// variables.
type storePlace struct {
	on    bool
	path  *http.Text
	depth int // of the block that says so
}

// depthOf is how deep the block is that a directive stands in.
func depthOf(call *conf.Call) (n int) {
	for b := call.Node.In; b != nil; b = b.Parent {
		n++
	}
	return n
}

func (s *storePlace) set() bool { return s.on || s.path != nil }

func storeDirectives[C any](prefix string, of func(*C) *upstreamConf) []conf.Directive[C] {
	return []conf.Directive[C]{
		{
			Name: "store", Syntax: "on | off | <path:text>", Default: "off",
			Doc: `Stores responses as files: **on**, where root or alias has the URI, otherwise at the *path*.

A file is there once it is complete: it is written in the folder of temporary files, which best is on the same disk, and then moved. It gets
the time of Last-Modified. Only responses with status 200 are stored, with buffering on, also when the client goes away before the end.`,
			Example: "store /data/www$uri;",
			Set:     func(c *C, call *conf.Call) error { return setStore(of(c), prefix, call) },
		},
		{
			Name: "store_access", Syntax: "<users:string> [<users:string>] [<users:string>]", Default: "user:rw",
			Doc:     "Who may read and write the stored files: **user**, **group** or **all**, a colon, and **r** or **rw**. The user may do both unless it is named.",
			Example: "store_access user:rw group:rw all:r;",
			Set:     func(c *C, call *conf.Call) error { return setStoreAccess(&of(c).StoreAccess, call) },
		},
	}
}

func setStore(u *upstreamConf, prefix string, call *conf.Call) (err error) {
	s := &u.Store
	*s = storePlace{depth: depthOf(call)}
	if call.Arg(0) != "off" && u.Cache.On {
		switch c := &u.Cache; {
		case c.depth == s.depth:
			return call.Errorf(-1, "\"%sstore\" directive is incompatible with \"%scache\"", prefix, prefix)
		case c.depth > s.depth:
			return nil
		}
		u.Cache.off()
	}
	switch word := call.Arg(0); word {
	case "off":
	case "on":
		s.on = true
	case "":
		return call.Errorf(0, "empty path")
	default:
		s.path, err = http.CompileText(call, 0, word)
	}
	return err
}

func setStoreAccess(mode *fs.FileMode, call *conf.Call) error {
	return conf.ReadAccess(mode, call)
}

// beginStore has the body stored, if it is to be. A HEAD has none: nginx stores an empty file if the peer
// does not tell a length.
func (x *exchange) beginStore() {
	if x.conf.Store.set() && x.reply.status == 200 && x.buffering && !x.r.IsHead() {
		x.saved.begin(x, nil)
	}
}

// finishStore puts the complete file where it belongs.
func (x *exchange) finishStore() {
	r, opt, s := x.r, x.conf, &x.saved
	if n := x.reply.length; n >= 0 && n != s.size {
		return
	}
	path := string(r.FilePath())
	if opt.Store.path != nil {
		path = string(r.Text(opt.Store.path))
	}
	if path == "" {
		return
	}
	if path[0] != '/' {
		path = r.App.Prefix + path
	}
	var err error
	r.Task.Await(func() { err = s.finish(x, nil) })
	if err != nil {
		s.tell(x, err)
		return
	}
	if r.Debugs() {
		r.Debugf("upstream stores \"%s\" to \"%s\"", s.file.Path, path)
	}
	if bad := s.file.MoveTo(r.Task, path, opt.StoreAccess, x.reply.modified, r.App.Temp); bad.Failed() {
		r.LogErr(logs.Crit, bad.Err, bad.Op+" failed")
	}
}
