package accesslog

import (
	"strconv"
	"strings"

	"weir/conf"
	"weir/logs"
)

// Contexts say where the directives stand in the blocks of a front.
type Contexts struct {
	Formats, Logs, Cache conf.Context
	// Default is the log that is written where none is named; "" for none.
	Default string
}

// Directives are nginx's log module in the blocks of one front.
func Directives[R Subject[R]](in Contexts, of func(*conf.Call) Front[R]) []conf.Directive[Conf[R]] {
	return []conf.Directive[Conf[R]]{
		{
			Name: "log_format", In: in.Formats, Syntax: "! 2- <name> [escape=default|json|none] <text> ...", Repeat: true,
			Doc: `Names a format of access log lines: *name* [escape=default|json|none] *text* …. Values of variables are escaped, by default as
\xXX; literal text stays as it is.`,
			Example: "log_format short '$remote_addr $status \"$request\"';",
			Declare: func(call *conf.Call) error { return declareFormat(call, of(call)) },
		},
		{
			Name: "access_log", In: in.Logs,
			Syntax: "off\n! 1- <path> [<format> [buffer=<size>] [gzip[=<level>]] [flush=<time>] [if=<condition>]]", Repeat: true, Default: in.Default,
			Doc: `Writes a line for every request: *path* [*format* [buffer=*size*] [gzip[=*level*]] [flush=*time*] [if=*condition*]], or "off".

The path may have variables; "syslog:server=…" sends lines to a syslog server. The format is "combined" unless named.`,
			Example: "access_log /var/log/weir/access.log combined buffer=32k flush=1m;",
			Set:     func(c *Conf[R], call *conf.Call) error { return c.add(call, of(call)) },
		},
		{
			Name: "open_log_file_cache", In: in.Cache, Default: "off",
			Syntax: "! 1-4 off | max=<number> [inactive=<seconds>] [min_uses=<number>] [valid=<seconds>]",
			Doc:    "Keeps the files of access logs whose path has variables open.",
			Set:    func(c *Conf[R], call *conf.Call) (err error) { c.cache, err = readCache(call); return err },
		},
	}
}

// add reads one access_log.
func (c *Conf[R]) add(call *conf.Call, f Front[R]) error {
	if call.Arg(0) == "off" {
		c.off = true
		if call.Len() > 1 {
			return call.Errorf(1, "invalid parameter \"%s\"", call.Arg(1))
		}
		return nil
	}
	t := &target[R]{call: call}
	name := combined
	switch {
	case call.Len() > 1:
		name = call.Arg(1)
	case f.Combined == "":
		return call.Errorf(-1, "log format is not specified")
	}
	if t.format = f.format(name); t.format == nil {
		return call.Errorf(1, "unknown log format \"%s\"", name).Among(name, f.formatNames())
	}
	for i := 2; i < call.Len(); i++ {
		if cond, ok := strings.CutPrefix(call.Arg(i), "if="); ok {
			x, err := f.compile(call, i, cond)
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

// readCache reads open_log_file_cache; nil when it is off.
func readCache(call *conf.Call) (*logs.CacheOptions, error) {
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
			return nil, call.Errorf(i, "invalid \"open_log_file_cache\" parameter \"%s\"", word)
		}
	}
	switch {
	case off:
		return nil, nil
	case o.Max == 0:
		return nil, call.Errorf(-1, "\"open_log_file_cache\" must have \"max\" parameter")
	}
	return &o, nil
}
