package accesslog

import (
	"strings"
	"time"

	"weir/conf"
	"weir/load"
	"weir/logs"
	"weir/vars"
)

// A target is one access_log: where lines go, when, and what they look like.
type target[R Subject[R]] struct {
	format *format[R]
	cond   *vars.Text[R]
	sink   lineWriter      // nil when the path has variables
	file   *logs.File      // behind sink; nil for another kind
	path   *vars.Text[R]   // of a path with variables
	files  *logs.FileCache // that writes it
	writes func(R) bool    // whether it does; nil: always
	call   *conf.Call
}

// lineWriter takes whole lines. Any goroutine.
type lineWriter interface{ Write(line []byte) error }

// opened are the access logs of a front that are open: one for each directive, however many blocks inherit it.
type opened[R Subject[R]] struct{ byNode map[*conf.Node]*target[R] }

// buffers are how the files of a load are written, by their paths.
type buffers struct{ byPath map[string]bufferRules }

// bufferRules are the parameters of a buffer that can be compared.
type bufferRules struct {
	size, gzip int
	flush      time.Duration
}

// agree remembers how a file is written. There cannot be two ways.
func (b *buffers) agree(path string, as *logs.Buffer) bool {
	if as == nil {
		return true
	}
	rules := bufferRules{as.Size, as.Gzip, as.Flush}
	was, known := b.byPath[path]
	if !known {
		if b.byPath == nil {
			b.byPath = map[string]bufferRules{}
		}
		b.byPath[path] = rules
	}
	return !known || was == rules
}

// open opens what the target writes to.
func (t *target[R]) open(c *Conf[R], in Front[R]) (*target[R], error) {
	s := load.The[opened[R]](in.Env)
	if s.byNode == nil {
		s.byNode = map[*conf.Node]*target[R]{}
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
		sys := in.Files.Syslog(set, logs.SyslogOptions{Hostname: in.Hostname})
		in.Release(sys.Close)
		t.sink = sys
	} else if strings.Contains(place, "$") {
		x, err := in.compile(t.call, 0, t.call.Path(place))
		if err != nil {
			return nil, err
		}
		var o logs.CacheOptions
		if c.cache != nil {
			o = *c.cache
		}
		t.path, t.files, t.writes = x, logs.NewFileCache(o), in.Writes
		in.Release(t.files.Close)
	} else if err := t.openFile(in, place); err != nil {
		return nil, err
	}
	s.byNode[node] = t
	in.AtEnd(func() error { t.call = nil; return nil }) // or it would keep all of the configuration's tree
	return t, nil
}

func (t *target[R]) openFile(in Front[R], place string) error {
	path := t.call.Path(place)
	if place == "" { // as nginx has it
		path = logs.Stderr
	}
	if t.call.IsDefault() && in.AccessLog != "" {
		path = in.AccessLog
	}
	f := in.Files.Reserve(path, t.call.Node)
	t.file = f
	buffer, err := bufferOf(t.call)
	if err != nil {
		return err
	}
	if !load.The[buffers](in.Env).agree(path, buffer) {
		return t.call.Errorf(0, "access_log \"%s\" already defined with conflicting parameters", place)
	}
	if buffer == nil {
		in.Release(f.Release)
		t.sink = f
		return nil
	}
	w := logs.NewBuffered(f, *buffer)
	in.Release(w.Close)
	t.sink = w
	return nil
}

// write writes the line about r.
func (t *target[R]) write(r R) {
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
			r.Await(t.file.Sync)
		}
		if err := t.sink.Write(line); err != nil {
			r.Log(logs.Alert, err.Error())
		}
	} else if t.writes == nil || t.writes(r) {
		t.writeCached(r, r.Text(t.path), line)
	}
	r.Loop().Give(buf)
}

// writeCached writes a line to a file that may have to be opened first.
func (t *target[R]) writeCached(r R, path, line []byte) {
	var err error
	r.Await(func() { err = t.files.Write(path, line) })
	if err != nil {
		r.Log(logs.Crit, err.Error())
	}
}
