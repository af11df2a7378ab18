package cycle

import (
	"slices"

	"weir/conf"
	"weir/listen"
	"weir/logs"
)

// An Outline is what a master keeps of a configuration: enough to supervise the worker that serves it, and to start
// another.
type Outline struct {
	Options
	Main   MainConf
	Events EventsConf
	Specs  []listen.Spec // what is listened on
	Log    *logs.Logger  // error_log of the main block
	Files  *logs.Files   // the log files of this configuration, and no others

	// RawSockets says that the worker must keep CAP_NET_RAW, for proxy_bind with transparent.
	RawSockets bool
	Watched    Watched

	loggers []*logs.Logger
	release func()
}

// Outline takes what a master needs and leaves the rest of the cycle to the collector. The cycle is not used any more;
// its log files stay open until the outline is closed.
func (c *Cycle) Outline(files *logs.Files) *Outline {
	o := &Outline{
		Options: c.Options, Main: *c.Main, Events: *c.Events, Specs: c.specs(),
		Log: c.Log, Files: files, RawSockets: c.env.RawSockets(), Watched: c.Watched(), release: c.env.Releases(),
	}
	for _, l := range c.loggers.made {
		o.loggers = append(o.loggers, l)
	}
	return o
}

// Close closes the log files. Nobody may log to them any more.
func (o *Outline) Close() {
	o.release()
	for _, l := range o.loggers {
		l.Close()
	}
}

// PidFile is the path of the file with the process number, empty for none.
func (o *Outline) PidFile() string { return pidFile(o.Options, &o.Main) }

// SameProcess reports whether a worker that was started for o can serve next by a reload. What a process is once and for
// all needs a new one: its user, its environment, the number of its loops.
func (o *Outline) SameProcess(next *Outline) bool {
	a, b := &o.Main, &next.Main
	return o.RawSockets == next.RawSockets && a.User == b.User && a.Group == b.Group && a.Workers == b.Workers && a.Priority == b.Priority &&
		a.WorkingDir == b.WorkingDir && slices.Equal(a.Env, b.Env) && slices.Equal(a.Affinity, b.Affinity)
}

// specs are the addresses that the cycle listens on.
func (c *Cycle) specs() []listen.Spec {
	var specs []listen.Spec
	for _, f := range c.fronts {
		specs = append(specs, f.listens()...)
	}
	return specs
}

// Sentences are the diagnostics as lines of an error log.
func Sentences(d *conf.Diagnostics, say func(logs.Level, string)) {
	d.Each(func(g conf.Diagnostic, sentence string) {
		level, _ := logs.ParseLevel(g.Level)
		say(level, sentence)
	})
}
