package log

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/logs"
)

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
		sys := b.Files.Syslog(set, logs.SyslogOptions{Hostname: b.App.Hostname})
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
	if place == "" { // as nginx has it
		path = logs.Stderr
	}
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
