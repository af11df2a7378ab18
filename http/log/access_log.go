package log

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/logs"
	"weir/vars"
)

// accessLog holds the access_log directives of one place.
type accessLog struct {
	off     bool
	targets []*logTarget
	cache   *logs.CacheOptions
	write   func(*http.Request) // once a location has asked for it
}

// A logTarget is one access_log: where lines go, when, and what they look like.
type logTarget struct {
	format *logFormat
	cond   *http.Text
	sink   lineWriter      // nil when the path has variables
	file   *logs.File      // behind sink; nil for another kind
	path   *http.Text      // of a path with variables
	files  *logs.FileCache // that writes it
	call   *conf.Call
}

// lineWriter takes whole lines. Any goroutine.
type lineWriter interface{ Write(line []byte) error }

// Module is nginx's log module: a line for every request.
var Module = http.Define(http.Spec[accessLog]{
	Name: "http_log",
	Doc:  "Access logs: a line for every request, in a format of yours, to files and syslog.",
	Directives: []conf.Directive[accessLog]{
		{
			Name: "log_format", In: conf.HTTP, Syntax: "! 2- <name> [escape=default|json|none] <text> ...", Repeat: true,
			Doc: `Names a format of access log lines: *name* [escape=default|json|none] *text* …. Values of variables are escaped, by default as
\xXX; literal text stays as it is.`,
			Example: "log_format short '$remote_addr $status \"$request\"';",
			Declare: declareFormat,
		},
		{
			Name: "access_log", In: conf.HTTP | conf.Server | conf.Location | conf.LocationIf | conf.LimitExcept,
			Syntax: "off\n! 1- <path> [<format> [buffer=<size>] [gzip[=<level>]] [flush=<time>] [if=<condition>]]", Repeat: true, Default: "logs/access.log",
			Doc: `Writes a line for every request: *path* [*format* [buffer=*size*] [gzip[=*level*]] [flush=*time*] [if=*condition*]], or "off".

The path may have variables; "syslog:server=…" sends lines to a syslog server. The format is "combined" unless named.`,
			Example: "access_log /var/log/weir/access.log combined buffer=32k flush=1m;",
			Set:     addAccessLog,
		},
		{
			Name: "open_log_file_cache", In: conf.HTTP | conf.Server | conf.Location, Default: "off",
			Syntax: "! 1-4 off | max=<number> [inactive=<seconds>] [min_uses=<number>] [valid=<seconds>]",
			Doc:    "Keeps the files of access logs whose path has variables open.",
			Set:    setLogCache,
		},
	},
	Install: installAccessLog,
})

func installAccessLog(c *accessLog, in *http.Install) error {
	if c.off || len(c.targets) == 0 {
		return nil
	}
	if c.write != nil {
		in.Log(c.write)
		return nil
	}
	mine := make([]*logTarget, 0, len(c.targets))
	for _, t := range c.targets {
		u, err := t.open(c, in.Builder)
		if err != nil {
			return err
		}
		mine = append(mine, u)
	}
	c.write = func(r *http.Request) {
		for _, t := range mine {
			t.write(r)
		}
	}
	in.Log(c.write)
	return nil
}

// formats are the log_formats of a build by name.
type formats struct{ byName map[string]*logFormat }

// A logFormat is a log_format, compiled.
type logFormat struct {
	parts  []vars.Part[*http.Request]
	escape logs.Escape
}

const combined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`

// digits is a variable that elsewhere is what a group of a regular expression matched.
var digits = regexp.MustCompile(`\$[0-9]\w*`)

func declareFormat(call *conf.Call) error {
	f := http.Of[formats](http.Env(call))
	if f.byName == nil {
		f.byName = map[string]*logFormat{}
	}
	name := call.Arg(0)
	if name == "combined" || f.byName[name] != nil {
		return call.Errorf(0, "duplicate \"log_format\" name \"%s\"", name).After(f.first(call))
	}
	first, escape := 1, logs.EscapeDefault
	if word, ok := strings.CutPrefix(call.Arg(1), "escape="); ok {
		if escape, ok = logs.ParseEscape(word); !ok {
			return call.Errorf(1, "unknown log format escaping \"%s\"", word)
		}
		first = 2
	}
	format := &logFormat{escape: escape}
	for i := first; i < call.Len(); i++ { // a variable's name ends with its word
		if name := digits.FindString(call.Arg(i)); name != "" {
			return call.Errorf(i, "unknown \"%s\" variable", name[1:]) // there are no captures here
		}
		x, err := http.CompileText(call, i, call.Arg(i))
		if err != nil {
			return err
		}
		format.parts = append(format.parts, x.Parts()...)
	}
	f.byName[name] = format
	return nil
}

// names are the formats by name.
func (f *formats) names() []string { return append(slices.Collect(maps.Keys(f.byName)), "combined") }

// first is the log_format of the same name that stands before another, nil for the one that is always there.
func (f *formats) first(call *conf.Call) *conf.Node {
	for _, n := range call.Block().All("log_format") {
		if n != call.Node && len(n.Words) > 1 && n.Words[1].Text == call.Arg(0) {
			return n
		}
	}
	return nil
}

// find returns a format by name; "combined" is always there.
func (f *formats) find(b *http.Builder, name string) *logFormat {
	if v := f.byName[name]; v != nil || name != "combined" {
		return v
	}
	x, err := b.Vars.Compile(combined)
	if err != nil {
		return nil
	}
	v := &logFormat{parts: x.Parts()}
	if f.byName == nil {
		f.byName = map[string]*logFormat{}
	}
	f.byName[name] = v
	return v
}

func addAccessLog(c *accessLog, call *conf.Call) error {
	if call.Arg(0) == "off" {
		c.off = true
		if call.Len() > 1 {
			return call.Errorf(1, "invalid parameter \"%s\"", call.Arg(1))
		}
		return nil
	}
	t := &logTarget{call: call}
	name := "combined"
	if call.Len() > 1 {
		name = call.Arg(1)
	}
	if t.format = http.Of[formats](http.Env(call)).find(http.Env(call), name); t.format == nil {
		return call.Errorf(1, "unknown log format \"%s\"", name).Among(name, http.Of[formats](http.Env(call)).names())
	}
	for i := 2; i < call.Len(); i++ {
		if cond, ok := strings.CutPrefix(call.Arg(i), "if="); ok {
			x, err := http.CompileText(call, i, cond)
			if err != nil {
				return err
			}
			t.cond = x
			continue
		}
		if strings.HasPrefix(call.Arg(0), logs.SyslogPrefix) {
			return call.Errorf(i, "invalid parameter \"%s\"", call.Arg(i))
		}
	}
	if b, err := bufferOf(call); err != nil {
		return err
	} else if b != nil && strings.Contains(call.Arg(0), "$") {
		return call.Errorf(0, "buffered logs cannot have variables in name")
	}
	c.targets = append(c.targets, t)
	return nil
}

// bufferOf reads buffer=, gzip and flush=; nil when there are none.
func bufferOf(call *conf.Call) (*logs.Buffer, error) {
	var b logs.Buffer
	asked := false
	for i := 2; i < call.Len(); i++ {
		word := call.Arg(i)
		key, value, has := strings.Cut(word, "=")
		var err error
		switch {
		case key == "if" && has:
			continue
		case key == "buffer" && has:
			var n int64
			n, err = conf.ParseSize(value)
			if err != nil || n == 0 {
				return nil, call.Errorf(i, "invalid buffer size \"%s\"", value)
			}
			b.Size = int(n)
		case key == "flush" && has:
			b.Flush, err = conf.ParseTime(value)
			if err != nil || b.Flush == 0 {
				return nil, call.Errorf(i, "invalid flush time \"%s\"", value)
			}
		case key == "gzip":
			b.Gzip = 1
			if has {
				b.Gzip, err = conf.ParseInt(value)
				if err != nil || b.Gzip < 1 || b.Gzip > 9 {
					return nil, call.Errorf(i, "invalid compression level \"%s\"", value)
				}
			}
		default:
			return nil, call.Errorf(i, "invalid parameter \"%s\"", word)
		}
		asked = true
	}
	if !asked {
		return nil, nil
	}
	if b.Flush > 0 && b.Size == 0 && b.Gzip == 0 {
		return nil, call.Errorf(0, "no buffer is defined for access_log \"%s\"", call.Arg(0))
	}
	return &b, nil
}

func setLogCache(c *accessLog, call *conf.Call) error {
	o, off := logs.CacheOptions{MinUses: 1}, false
	for i := range call.Len() {
		word := call.Arg(i)
		key, value, has := strings.Cut(word, "=")
		var err error
		switch {
		case word == "off":
			off = true
		case key == "max" && has:
			o.Max, err = conf.ParseInt(value)
		case key == "min_uses" && has:
			o.MinUses, err = conf.ParseInt(value)
		case key == "inactive" && has:
			o.Inactive, err = conf.ParseSeconds(value)
		case key == "valid" && has:
			o.Valid, err = conf.ParseSeconds(value)
		default:
			err = strconv.ErrSyntax
		}
		if err != nil {
			return call.Errorf(i, "invalid \"open_log_file_cache\" parameter \"%s\"", word)
		}
	}
	switch {
	case off:
		c.cache = nil
	case o.Max == 0:
		return call.Errorf(-1, "\"open_log_file_cache\" must have \"max\" parameter")
	default:
		c.cache = &o
	}
	return nil
}

// sinks are the open access logs of a build: one for each directive, however many places inherit it.
type sinks struct {
	byNode map[*conf.Node]*logTarget
	byPath map[string]bufferRules // how files are written
}

// bufferRules are the parameters of a buffer that can be compared.
type bufferRules struct {
	size, gzip int
	flush      time.Duration
}

// agree remembers how a file is written. There cannot be two ways.
func (s *sinks) agree(path string, b *logs.Buffer) bool {
	if b == nil {
		return true
	}
	rules := bufferRules{b.Size, b.Gzip, b.Flush}
	was, known := s.byPath[path]
	if !known {
		if s.byPath == nil {
			s.byPath = map[string]bufferRules{}
		}
		s.byPath[path] = rules
	}
	return !known || was == rules
}

// open opens what the target writes to.
func (t *logTarget) open(c *accessLog, b *http.Builder) (*logTarget, error) {
	s := http.Of[sinks](b)
	if s.byNode == nil {
		s.byNode = map[*conf.Node]*logTarget{}
	}
	node := t.call.Node
	if o := s.byNode[node]; o != nil && !t.call.IsDefault() {
		return o, nil
	}
	place := t.call.Arg(0)
	if params, ok := strings.CutPrefix(place, logs.SyslogPrefix); ok {
		set, err := logs.ParseSyslog(params, t.call.Lookup)
		if err != nil {
			return nil, t.call.Errorf(0, "%v", err)
		}
		sys := logs.NewSyslog(set, logs.SyslogOptions{Hostname: b.App.Hostname})
		b.Release(sys.Close)
		t.sink = sys
	} else if strings.Contains(place, "$") {
		x, err := http.CompileText(t.call, 0, t.call.Path(place))
		if err != nil {
			return nil, err
		}
		var o logs.CacheOptions
		if c.cache != nil {
			o = *c.cache
		}
		t.path, t.files = x, logs.NewFileCache(o)
		b.Release(t.files.Close)
	} else if err := t.openFile(b, place); err != nil {
		return nil, err
	}
	s.byNode[node] = t
	b.AtEnd(func() error { t.call = nil; return nil }) // or it would keep all of the configuration's tree
	return t, nil
}

func (t *logTarget) openFile(b *http.Builder, place string) error {
	path := t.call.Path(place)
	if t.call.IsDefault() && b.AccessLog != "" {
		path = b.AccessLog
	}
	f := b.Files.Reserve(path, t.call.Node)
	t.file = f
	buffer, err := bufferOf(t.call)
	if err != nil {
		return err
	}
	if !http.Of[sinks](b).agree(path, buffer) {
		return t.call.Errorf(0, "access_log \"%s\" already defined with conflicting parameters", place)
	}
	if buffer == nil {
		b.Release(f.Release)
		t.sink = f
		return nil
	}
	w := logs.NewBuffered(f, *buffer)
	b.Release(w.Close)
	t.sink = w
	return nil
}

// write writes the line of a request.
func (t *logTarget) write(r *http.Request) {
	if t.cond != nil {
		if v := r.Text(t.cond); len(v) == 0 || len(v) == 1 && v[0] == '0' {
			return
		}
	}
	buf := r.Loop().Take(4096)
	line := t.format.append(buf[:0], r)
	line = append(line, '\n')
	if t.sink != nil {
		if t.file != nil && t.file.Lagging() {
			r.Task.Await(t.file.Sync)
		}
		if err := t.sink.Write(line); err != nil {
			r.Log(logs.Alert, err.Error())
		}
	} else if rootExists(r) {
		t.writeCached(r, r.Text(t.path), line)
	}
	r.Loop().Give(buf)
}

// writeCached writes a line to a file that may have to be opened first.
func (t *logTarget) writeCached(r *http.Request, path, line []byte) {
	var err error
	r.Task.Await(func() { err = t.files.Write(path, line) })
	if err != nil {
		r.Log(logs.Crit, err.Error())
	}
}

// rootExists guards logs whose path has variables: as in nginx, nothing is written while the root of the
// request is missing, so that a made-up host name makes no file.
func rootExists(r *http.Request) bool {
	root := r.DocumentRoot()
	i, bad := disk.Stat(r.Task, disk.PathOf(append(r.Alloc(len(root) + 1)[:0], root...)), disk.Links{})
	if !bad.Failed() && !i.IsDir() {
		bad.Err = unix.ENOTDIR
	}
	if bad.Failed() {
		r.LogErr(logs.Error, bad.Err, "testing \""+string(root)+"\" existence failed")
	}
	return !bad.Failed()
}

func (f *logFormat) append(dst []byte, r *http.Request) []byte {
	for i := range f.parts {
		p := &f.parts[i]
		if p.Ref == nil {
			dst = append(dst, p.Lit...)
			continue
		}
		v := p.Ref.Get(r)
		if v.Missing {
			dst = logs.AppendMissing(dst, f.escape)
			continue
		}
		dst = logs.AppendEscaped(dst, v.B, f.escape)
	}
	return dst
}
