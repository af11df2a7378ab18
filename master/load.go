package master

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/cycle"
	"weir/disk"
	"weir/listen"
	"weir/logs"
)

// A loaded configuration is one that the master has read and found good, with its log files and addresses open: all that a
// worker needs to serve it, now or when it has to be replaced.
type loaded struct {
	outline   *cycle.Outline
	world     conf.Recorded
	sockets   map[string]*socket // of the whole configuration
	opened    []*socket          // those of them that were opened for it
	identity  *cycle.Identity
	lastWords *os.File // the error log, for the standard error stream of children; nil when it is no file

	generation int       // of configurations that a worker was told to serve; 0: none was
	since      time.Time // when it was the first time
}

// A socket is a listening socket of the master.
type socket struct {
	spec listen.Spec
	fd   int
	// lent says that it is somebody else's, who will want it back: systemd's. The file of a Unix domain socket stays.
	lent bool
}

// A Reading is a configuration that was read and is not checked for what it needs of the machine yet.
type Reading struct {
	Cycle   *cycle.Cycle
	Process *cycle.Process // that it was read for
	Files   *logs.Files
	World   conf.Recorded
	Diags   *conf.Diagnostics
}

// Read reads a configuration, and keeps what it was told.
func Read(o cycle.Options) *Reading {
	r := &Reading{Files: logs.NewFiles()}
	p := &cycle.Process{Files: r.Files, Temp: disk.NewTempNumbers(), Outside: conf.Outside{}.Record(&r.World)}
	r.Process = p
	r.Cycle, r.Diags = cycle.Build(o, p)
	return r
}

// load makes everything ready that a configuration needs. have are the sockets that are open already, found those that
// were inherited and are not in use yet. What is wrong was told to say when an error comes back, and nothing has changed.
func load(r *Reading, have map[string]*socket, found []*socket, say func(logs.Level, string)) (*loaded, error) {
	c := r.Cycle
	fail := func(err error) (*loaded, error) {
		if !errors.As(err, new(cycle.Reported)) {
			say(logs.Emerg, err.Error())
		}
		c.Release()
		return nil, err
	}
	if err := c.Prepare(); err != nil {
		return fail(err)
	}
	l := &loaded{world: r.World, sockets: map[string]*socket{}}
	if c.Tree.Facts().Root {
		id, err := c.Main.Identity(c.Tree.Outside())
		if err != nil {
			return fail(err)
		}
		l.identity = &id
	}
	l.outline = c.Outline(r.Files)
	if l.identity != nil {
		l.identity.Raw = l.outline.RawSockets
	}
	if err := l.open(have, found, say); err != nil {
		l.close() // what the cycle had open is the outline's by now
		return nil, err
	}
	if fd := l.outline.Log.FD(); fd >= 0 {
		if own, err := duplicate(fd); err == nil {
			l.lastWords = os.NewFile(uintptr(own), "error_log")
		}
	}
	return l, nil
}

// open opens the addresses that are not open yet.
func (l *loaded) open(have map[string]*socket, found []*socket, say func(logs.Level, string)) error {
	inherited := map[string]*socket{}
	for _, s := range found {
		inherited[s.spec.Key()] = s
	}
	var missing []listen.Spec
	for _, spec := range l.outline.Specs {
		name := spec.Key()
		switch s := have[name]; {
		case s != nil:
			l.sockets[name] = &socket{spec: spec, fd: s.fd, lent: s.lent}
		case inherited[name] != nil:
			was := inherited[name]
			s = &socket{spec: spec, fd: was.fd, lent: was.lent}
			listen.Reconfigure(s.fd, was.spec, spec, func(err error) { say(logs.Alert, err.Error()) })
			l.sockets[name] = s
		default:
			missing = append(missing, spec)
		}
	}
	fds, err := listen.Opener{Log: say}.OpenAll(missing)
	if err != nil {
		return cycle.Reported{Err: err}
	}
	for i, spec := range missing {
		s := &socket{spec: spec, fd: fds[i]}
		l.sockets[spec.Key()] = s
		l.opened = append(l.opened, s)
	}
	return nil
}

// discard undoes a load that came to nothing.
func (l *loaded) discard() {
	for _, s := range l.opened {
		s.close(true)
	}
	l.close()
}

// close closes the log files.
func (l *loaded) close() {
	l.outline.Close()
	if l.lastWords != nil {
		_ = l.lastWords.Close()
	}
}

// close closes a socket and, when it is the master's to do, removes its file.
func (s *socket) close(remove bool) {
	_ = unix.Close(s.fd)
	if remove && !s.lent {
		_ = listen.Remove(s.spec)
	}
}

// order is what a worker is told to serve, with the descriptors for it: all log files, and the sockets that it does not
// have yet.
func (l *loaded) order(sockets []*socket) (*message, []int) {
	m := &message{Kind: kindLoad, Load: &order{
		Options: l.outline.Options, World: l.world, Main: l.outline.Main, Identity: l.identity,
	}}
	var fds []int
	m.Logs, fds = l.outline.Files.Opened()
	for _, s := range sockets {
		m.Sockets = append(m.Sockets, s.spec.Key())
		fds = append(fds, s.fd)
	}
	opened, files := l.world.Open()
	m.Opened = opened
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	return m, fds
}

// all are the sockets of a configuration, for a worker that has none. Those of one address come in the order of their loops, by which a new
// binary knows them.
func (l *loaded) all() []*socket {
	all := make([]*socket, 0, len(l.sockets))
	for _, s := range l.sockets {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *socket) int {
		return cmp.Or(cmp.Compare(a.spec.String(), b.spec.String()), cmp.Compare(a.spec.Loop, b.spec.Loop))
	})
	return all
}

// A result is what came of reading a configuration beside the running one.
type result struct {
	next *loaded // nil: it failed
	said []said
}

// said is a line that somebody should read.
type said struct {
	level logs.Level
	text  string
}

// String is the line as a command prints it.
func (s said) String() string { return fmt.Sprintf("weir: [%s] %s", s.level, s.text) }

// read reads the configuration anew, on a goroutine of its own. A panic is a failure to read it.
func read(o cycle.Options, have map[string]*socket, log *logs.Logger) (res result) {
	say := func(v logs.Level, text string) {
		log.LogString(v, 0, text)
		if v <= logs.Warn {
			res.said = append(res.said, said{v, text})
		}
	}
	defer func() {
		if v := recover(); v != nil {
			say(logs.Alert, fmt.Sprintf("panic while reading the configuration: %v", v))
			say(logs.Alert, string(debug.Stack()))
			res.next = nil
		}
	}()
	r := Read(o)
	cycle.Sentences(r.Diags, say)
	if r.Diags.Failed() {
		say(logs.Emerg, fmt.Sprintf("configuration file %s test failed", o.Conf))
		r.Cycle.Release()
		return res
	}
	if res.next, _ = load(r, have, nil, say); res.next != nil {
		r.Cycle = nil
		debug.FreeOSMemory() // before the worker builds the same: else the peak has both (10,000 servers: 495 and not 344 MB)
	}
	return res
}
