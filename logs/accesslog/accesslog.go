// Package accesslog writes a line for everything that was served: log_format, access_log and open_log_file_cache, for whatever serves.
// All is generic over what lines are about: a request of http, a session of stream.
package accesslog

import (
	"weir/conf"
	"weir/load"
	"weir/logs"
	"weir/loop"
	"weir/vars"
)

// A Subject is what a line is about. R is its own type. All its methods are for its own task, and what they return lives as long as it does.
type Subject[R any] interface {
	Text(*vars.Text[R]) []byte
	Loop() *loop.Loop
	Await(f func()) // f is run elsewhere: it may block
	Log(level logs.Level, text string)
}

// A Front is where formats and logs are declared: what serves, and its variables. At load only, but for Writes.
type Front[R Subject[R]] struct {
	*load.Env
	Vars     *vars.Table[R]
	Hostname string // in lines for syslog servers
	// Combined is the format of that name, which is always there and holds where none is named; "" where there is none.
	Combined string
	// Writes reports whether a line is written to a file whose path has variables; nil: always. Loop only.
	Writes func(R) bool
}

// formats returns the log_formats of the load.
func (f *Front[R]) formats() *formats[R] { return load.The[formats[R]](f.Env) }

// compile compiles argument arg of a directive, or text that is made of it.
func (f *Front[R]) compile(call *conf.Call, arg int, text string) (*vars.Text[R], error) {
	x, err := f.Vars.CompileAt(call.Spot(arg), text)
	if err != nil {
		return nil, call.Errorf(arg, "%v", err)
	}
	return x, nil
}

// Conf is what access_log and open_log_file_cache say of a block.
type Conf[R Subject[R]] struct {
	off     bool
	targets []*target[R]
	cache   *logs.CacheOptions
	write   func(R) // once a block has asked for it
}

// Writer returns what writes the lines of a block: nil where it logs nothing.
func (c *Conf[R]) Writer(f Front[R]) (func(R), error) {
	if c.off || len(c.targets) == 0 || c.write != nil {
		return c.write, nil
	}
	mine := make([]*target[R], 0, len(c.targets))
	for _, t := range c.targets {
		u, err := t.open(c, f)
		if err != nil {
			return nil, err
		}
		mine = append(mine, u)
	}
	c.write = func(r R) {
		for _, t := range mine {
			t.write(r)
		}
	}
	return c.write, nil
}
