package logs

import (
	"strings"

	"weir/conf"
)

// ErrorLogConf is what the error_log lines of a block say.
type ErrorLogConf struct {
	Targets []ErrorTarget
	// Default says that there is no error_log line anywhere around.
	Default bool

	main     bool   // the lines stand at the top level
	fallback string // the path of the file that is written when nothing else is said
}

// An ErrorTarget is one error_log line. It has a path, a syslog server, or a size of memory.
type ErrorTarget struct {
	Level  Level
	Path   string // absolute, or Stderr
	Syslog *SyslogConf
	Memory int64
}

// DefaultErrorLog is where errors go when nothing is said.
const DefaultErrorLog = "logs/error.log"

// ErrorLogModule is the table of error_log. It serves http and stream alike.
var ErrorLogModule = conf.Define("errlog", "Where errors are logged, and how much of them.", []conf.Directive[ErrorLogConf]{
	{
		Name:    "error_log",
		In:      conf.Main | conf.HTTP | conf.Server | conf.Location | conf.Stream | conf.StreamServer,
		Syntax:  "! 1- <file> [debug | info | notice | warn | error | crit | alert | emerg]",
		Default: DefaultErrorLog + " " + "error",
		Repeat:  true,
		Set:     (*ErrorLogConf).add,
		Doc: `Writes errors to a file, and to further ones where it stands again in the same block.

*file* may be **stderr**, or **syslog:server=***address*[,**facility=***word*][,**severity=***word*][,**tag=***word*][,**nohostname**], or
**memory:***size*, which keeps the last lines in memory, for a debugger.
Errors of the level and of the more severe ones are written; without a level that is **error**. **debug** tells the whole way of every
request; see debug_connection for those of some clients only.
A block with an error_log of its own does not use those around it.`,
		Example: "error_log logs/error.log warn;",
	},
})

// add reads one error_log.
func (e *ErrorLogConf) add(call *conf.Call) error {
	e.Default = call.IsDefault()
	e.main = e.Default || call.Block().Context == conf.Main
	e.fallback = call.Path(DefaultErrorLog)
	t := ErrorTarget{}
	if err := t.setPlace(call); err != nil {
		return err
	}
	if err := t.setLevel(call); err != nil {
		return err
	}
	e.Targets = append(e.Targets, t)
	return nil
}

// setPlace reads the first word.
func (t *ErrorTarget) setPlace(call *conf.Call) error {
	place := call.Arg(0)
	params, syslog := strings.CutPrefix(place, SyslogPrefix)
	switch {
	case syslog:
		set, err := ParseSyslog(params, call.Lookup)
		if err != nil {
			return call.Errorf(0, "%v", err)
		}
		t.Syslog = &set
	case strings.HasPrefix(place, MemoryPrefix):
		var err error
		if t.Memory, err = parseMemory(call, place[len(MemoryPrefix):]); err != nil {
			return err
		}
	case place == Stderr || place == "":
		t.Path = Stderr
	default:
		t.Path = call.Path(place)
	}
	return nil
}

// setLevel reads the other words. There may be several only where each is a part of the debug log.
func (t *ErrorTarget) setLevel(call *conf.Call) error {
	if call.Len() == 1 {
		t.Level = Error
		return nil
	}
	onlyParts := true
	for i := 1; i < call.Len(); i++ {
		word := call.Arg(i)
		v, ok := ParseLevel(word)
		part := ok && isDebugPart(word)
		switch {
		case !ok, part && !onlyParts:
			return call.Errorf(i, "invalid log level \"%s\"", word)
		case !part && t.Level != 0:
			return call.Errorf(i, "duplicate log level \"%s\"", word)
		}
		t.Level = v
		onlyParts = onlyParts && part
	}
	return nil
}

// OpenOptions are what opening a setting needs.
type OpenOptions struct {
	Options
	// Fallback is the path to use instead of DefaultErrorLog (the -e flag); "" for none.
	Fallback string
	Hostname string // what syslog servers are told
}

// Open makes the Logger of the setting, whose Close gives back what it has. Its files are open after OpenReserved.
func (e *ErrorLogConf) Open(files *Files, o OpenOptions) *Logger {
	var targets []Target
	var closers []func()
	for _, t := range e.resolved(o.Fallback) {
		if t.Memory > 0 {
			targets = append(targets, Target{t.Level, NewMemory(t.Memory)})
			continue
		}
		if t.Syslog != nil {
			s := files.Syslog(*t.Syslog, SyslogOptions{Now: o.Now, Hostname: o.Hostname})
			targets = append(targets, Target{t.Level, s})
			closers = append(closers, s.Close)
			continue
		}
		f := files.Reserve(t.Path, e)
		targets = append(targets, Target{t.Level, f})
		closers = append(closers, f.Release)
	}
	l := NewLogger(o.Options, targets...)
	l.close = closers
	return l
}

// resolved returns the targets that really hold. At the top level there is always a file: nginx adds
// the default one to a list that has none.
func (e *ErrorLogConf) resolved(fallback string) []ErrorTarget {
	if fallback == "" {
		fallback = e.fallback
	}
	byDefault := ErrorTarget{Level: Error, Path: fallback}
	if e.Default {
		return []ErrorTarget{byDefault}
	}
	if !e.main {
		return e.Targets
	}
	for _, t := range e.Targets {
		if t.Path != "" {
			return e.Targets
		}
	}
	return append(append([]ErrorTarget(nil), e.Targets...), byDefault)
}
