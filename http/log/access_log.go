package log

import (
	"strconv"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/logs"
)

// accessLog holds the access_log directives of one place.
type accessLog struct {
	off     bool
	targets []*logTarget
	cache   *logs.CacheOptions
	write   func(*http.Request) // once a location has asked for it
}

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
