package content

import (
	"bytes"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/logs"
)

// Autoindex is nginx's autoindex module: a folder without an index file is answered with a list of what is in it.
var Autoindex = http.Define(http.Spec[autoindexConf]{
	Name: "http_autoindex",
	Doc:  "Answers requests for folders with lists of their files.",
	Directives: []conf.Directive[autoindexConf]{
		{
			Name: "autoindex", In: inLoc, Syntax: "on | off", Default: "off",
			Doc:     "Lists what is in a folder, when no `index` file answers for it. Names that begin with a dot are left out.",
			Example: "location /files/ { autoindex on; }",
			Set:     conf.Flag(func(c *autoindexConf) *bool { return &c.on }),
		},
		{
			Name: "autoindex_format", In: inLoc, Syntax: "html | xml | json | jsonp", Default: "html",
			Doc: "How lists are written. With **jsonp** the argument `callback` names the function; without it the list is plain JSON.",
			Set: conf.Enum(func(c *autoindexConf) *listFormat { return &c.format }, map[string]listFormat{
				"html": formatHTML, "json": formatJSON, "jsonp": formatJSONP, "xml": formatXML,
			}),
		},
		{
			Name: "autoindex_localtime", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Whether HTML lists have times of the server's zone instead of UTC.",
			Set: conf.Flag(func(c *autoindexConf) *bool { return &c.localtime }),
		},
		{
			Name: "autoindex_exact_size", In: inLoc, Syntax: "on | off", Default: "on",
			Doc: "Whether HTML lists have sizes in bytes, or else rounded to kilobytes, megabytes and gigabytes.",
			Set: conf.Flag(func(c *autoindexConf) *bool { return &c.exact }),
		},
	},
	Install: func(c *autoindexConf, in *http.Install) error {
		if c.on {
			in.Step(http.Content, c.serve)
		}
		return nil
	},
})

type autoindexConf struct {
	on        bool
	format    listFormat
	localtime bool
	exact     bool
}

type listFormat uint8

const (
	formatHTML listFormat = iota
	formatJSON
	formatJSONP
	formatXML
)

// An entry is a line of the list.
type entry struct {
	name      string
	dir, file bool
	modified  time.Time
	size      int64
}

// serve answers for a folder.
func (c *autoindexConf) serve(r *http.Request) http.Verdict {
	if n := len(r.URI); n == 0 || r.URI[n-1] != '/' || r.Method&(http.GET|http.HEAD) == 0 {
		return http.Next
	}
	if v := r.DiscardBody(); v != http.Next {
		return v
	}
	p, v := pathOf(r)
	if v != http.Next {
		return v
	}
	folder := p.Text()
	if len(folder) > 1 {
		folder = folder[:len(folder)-1]
	}
	if r.Debugs() {
		r.Debugf("http autoindex: \"%s\"", folder)
	}
	format := c.format
	var callback []byte
	if format == formatJSONP {
		if callback, v = callbackOf(r); v != http.Next {
			return v
		}
		if len(callback) == 0 {
			format = formatJSON
		}
	}
	l := listing{path: string(folder), namesOnly: r.IsHead()}
	r.Task.Await(l.read)
	if l.bad.Failed() {
		return l.refuse(r)
	}
	for _, bad := range l.unseen {
		r.LogErr(logs.Crit, bad.Err, bad.Op+" failed")
	}
	return c.answer(r, l.entries, format, callback)
}

// answer sends the list.
func (c *autoindexConf) answer(r *http.Request, entries []entry, format listFormat, callback []byte) http.Verdict {
	o := &r.Out
	o.Status = 200
	o.ContentType = []byte([...]string{"text/html", "application/json", "application/javascript", "text/xml"}[format])
	if format == formatXML {
		o.Charset = []byte("utf-8")
	}
	if v := r.SendHead(); v != http.Next {
		return v
	}
	var page []byte
	write := func() {
		switch format {
		case formatHTML:
			utf8 := bytes.EqualFold(o.Charset, []byte("utf-8"))
			page = c.appendHTML(nil, r.URI, entries, utf8)
		case formatXML:
			page = appendXML(nil, entries)
		case formatJSON, formatJSONP:
			page = appendJSON(nil, entries, callback)
		}
	}
	if len(entries) > 500 { // it takes a while
		r.Task.Await(write)
	} else {
		write()
	}
	return r.SendText(page)
}

// callbackOf is the name of the function that jsonp calls, empty when there is none.
func callbackOf(r *http.Request) ([]byte, http.Verdict) {
	name, _ := r.Arg("callback")
	if len(name) > 128 {
		r.Logf(logs.Info, "client sent too long callback name: \"%s\"", name)
		return nil, http.StatusBadRequest
	}
	for _, c := range name {
		if low := c | 0x20; 'a' <= low && low <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '.' {
			continue
		}
		r.Logf(logs.Info, "client sent invalid callback name: \"%s\"", name)
		return nil, http.StatusBadRequest
	}
	return name, http.Next
}

// A listing reads a folder, apart from the loops.
type listing struct {
	path      string
	namesOnly bool // only whether it can be opened is asked
	entries   []entry
	bad       disk.Failure
	opened    bool
	unseen    []disk.Failure // files that may not be looked at
}

func (l *listing) read() {
	dir, err := disk.OpenFolderBlocking(l.path)
	if err != nil {
		l.fail("opendir()", l.path, err)
		return
	}
	defer dir.Close()
	l.opened = true
	if l.namesOnly {
		return
	}
	for {
		names, err := dir.Readdirnames(512)
		for _, name := range names {
			if name[0] != '.' && !l.add(name) {
				return
			}
		}
		if err != nil {
			break // io.EOF, or the disk has no more to give
		}
	}
	slices.SortFunc(l.entries, func(a, b entry) int {
		if a.dir != b.dir {
			if a.dir {
				return -1
			}
			return 1
		}
		return bytes.Compare([]byte(a.name), []byte(b.name))
	})
}

// add looks at one name. A link that leads nowhere is listed as the link it is; a file that may not be looked at is left out; any other
// trouble ends it all.
func (l *listing) add(name string) bool {
	full := l.path + "/" + name
	var i disk.Info
	p := disk.PathOf([]byte(full))
	err := disk.StatBlocking(p, &i)
	bad := disk.Failure{Op: "stat() \"" + full + "\"", Err: err}
	switch {
	case err == nil:
	case bad.Is(unix.EACCES):
		l.unseen = append(l.unseen, bad)
		return true
	case bad.Is(unix.ENOENT, unix.ELOOP):
		err = disk.LstatBlocking(p, &i)
		if bad = (disk.Failure{Op: "lstat() \"" + full + "\"", Err: err}); bad.Is(unix.ENOENT) {
			return true // it is gone by now
		}
	}
	if err != nil {
		l.bad = bad
		return false
	}
	l.entries = append(l.entries, entry{
		name: name, dir: i.IsDir(), file: i.IsRegular(),
		modified: time.Unix(i.Mtime.Sec, int64(i.Mtime.Nsec)), size: i.Size,
	})
	return true
}

func (l *listing) fail(call, path string, err error) {
	l.bad = disk.Failure{Op: call + " \"" + path + "\"", Err: err}
}

// refuse answers for a folder that could not be read.
func (l *listing) refuse(r *http.Request) http.Verdict {
	level, v := logs.Crit, http.Verdict(http.StatusInternal)
	switch {
	case l.opened:
	case l.bad.Is(unix.ENOENT, unix.ENOTDIR, unix.ENAMETOOLONG):
		level, v = logs.Error, http.StatusNotFound
	case l.bad.Is(unix.EACCES):
		level, v = logs.Error, http.StatusForbidden
	}
	r.LogErr(level, l.bad.Err, l.bad.Op+" failed")
	return v
}
