package proxy

import (
	"io/fs"
	"strings"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/logs"
)

// storePlace is where responses are stored: nowhere, at the path that the URI maps to (on), or at one with
// variables.
type storePlace struct {
	on   bool
	path *http.Text
}

func (s *storePlace) set() bool { return s.on || s.path != nil }

func storeDirectives[C any](of func(*C) *upstreamConf) []conf.Directive[C] {
	return []conf.Directive[C]{
		{
			Name: "store", Syntax: "on | off | <path:text>", Default: "off",
			Doc: `Stores responses as files: **on**, where root or alias has the URI, otherwise at the *path*.

A file is there once it is complete: it is written in the folder of temporary files, which best is on the same disk, and then moved. It gets
the time of Last-Modified. Only responses with status 200 are stored, with buffering on, also when the client goes away before the end.`,
			Example: "store /data/www$uri;",
			Set:     func(c *C, call *conf.Call) error { return setStore(&of(c).Store, call) },
		},
		{
			Name: "store_access", Syntax: "<users:string> [<users:string>] [<users:string>]", Default: "user:rw",
			Doc:     "Who may read and write the stored files: **user**, **group** or **all**, a colon, and **r** or **rw**. The user may do both unless it is named.",
			Example: "store_access user:rw group:rw all:r;",
			Set:     func(c *C, call *conf.Call) error { return setStoreAccess(&of(c).StoreAccess, call) },
		},
	}
}

func setStore(s *storePlace, call *conf.Call) (err error) {
	*s = storePlace{}
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
	shifts := map[string]int{"user": 6, "group": 3, "all": 0}
	rights := map[string]fs.FileMode{"r": 4, "rw": 6}
	user := fs.FileMode(0o600)
	*mode = 0
	for i := range call.Len() {
		who, what, _ := strings.Cut(call.Arg(i), ":")
		shift, known := shifts[who]
		right, allowed := rights[what]
		if !known || !allowed {
			return call.Errorf(i, "invalid value \"%s\"", call.Arg(i))
		}
		if who == "user" {
			user = 0
		}
		*mode |= right << shift
	}
	*mode |= user
	return nil
}

// A storing is the body of a response on its way to a file of its own, beside the client.
type storing struct {
	on   bool
	file *disk.TempFile
}

// beginStore has the body stored, if it is to be. A HEAD has none: nginx stores an empty file if the peer
// does not tell a length.
func (x *exchange) beginStore() {
	x.store.on = x.conf.Store.set() && x.reply.status == 200 && x.buffering && !x.r.IsHead()
}

// keep writes a part of the body to the file. If that fails, the client gets its response all the same.
func (s *storing) keep(x *exchange, data []byte) {
	if !s.on || len(data) == 0 || !s.open(x) {
		return
	}
	if err := s.file.Append(x.r.Task, data); err != nil {
		x.r.LogErr(logs.Crit, err, "pwrite() \""+s.file.Path+"\" failed")
		s.on = false
	}
}

// open makes the file. One that is not moved in the end is removed with the exchange.
func (s *storing) open(x *exchange) bool {
	if s.file != nil {
		return true
	}
	place := x.conf.TempPath
	f, err := x.r.CreateTemp(place, false, true)
	if err != nil {
		x.r.LogErr(logs.Crit, err, "open() \""+place.Dir+"\" failed")
		s.on = false
		return false
	}
	s.file = f
	return true
}

// finish puts the complete file where it belongs.
func (s *storing) finish(x *exchange) {
	if !s.on || x.short || !s.open(x) {
		return
	}
	s.on = false
	r, opt := x.r, x.conf
	if n := x.reply.length; n >= 0 && n != s.file.Size {
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
	if r.Debugs() {
		r.Debugf("upstream stores \"%s\" to \"%s\"", s.file.Path, path)
	}
	if bad := s.file.MoveTo(r.Task, path, opt.StoreAccess, x.reply.modified, r.App.Temp); bad.Failed() {
		r.LogErr(logs.Crit, bad.Err, bad.Op+" failed")
	}
}
