package cycle

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/listen"
	"weir/load"
	"weir/logs"
	"weir/zone"
)

// Options say which configuration is read, as the command line does.
type Options struct {
	Prefix   string // -p, with its final slash
	Conf     string // -c
	ErrorLog string // -e
	Globals  string // -g
	// What holds where the configuration says nothing.
	AccessLog  string
	PidPath    string
	TempPrefix string
	Version    string // of weir
}

// A Cycle is one loaded configuration: built completely, and never changed afterwards.
type Cycle struct {
	Options
	Tree   *conf.Tree
	Main   *MainConf
	Events *EventsConf
	Log    *logs.Logger // error_log of the main block

	fronts  []front
	env     *load.Env
	loggers *loggers
	zones   *zone.Set
	began   time.Time // when it began to be read
}

// Process is what outlives cycles: open files, numbers.
type Process struct {
	Files *logs.Files
	Temp  *disk.TempNumbers
	// Counters count connections and requests; Build makes them.
	Counters *http.Counters
	// Past is of the server; Build makes it. A master sets it.
	Past *http.Past
	// Backgrounds are requests without a client; Build makes the list of them.
	Backgrounds *http.Backgrounds
	Zones       *zone.Registry // nil: Start makes it, of zones that end with the process
	Memory      *Memory        // of a process that may be there before or after this one; nil: there is none
	Loops       int
	Outside     conf.Outside     // what configurations are read from
	Sockets     Sockets          // who opens the listening sockets; nil: this process itself
	Clock       func() time.Time // of the loops; nil: time.Now
	// Replica says that a master has built the same configuration before, has told of what is odd in it, and has made
	// its folders.
	Replica bool
}

// Build reads a configuration and builds a cycle of it. It opens log files and resolves names, and
// changes nothing else. The diagnostics say whether the cycle may be used. What is wrong with directives by themselves is all
// found first; only when that is nothing are servers and locations made of them, which finds the rest.
func Build(o Options, p *Process) (*Cycle, *conf.Diagnostics) {
	defer pauseCollector()()
	began := time.Now()
	table := Table()
	tree, d := conf.Load(o.Conf, conf.LoadOptions{Prefix: o.Prefix, Globals: o.Globals, Data: table.Data, Outside: p.Outside})
	table.Check(tree, d)
	c := &Cycle{Options: o, Tree: tree, began: began, loggers: &loggers{
		fallback: o.ErrorLog, hostname: tree.Facts().Hostname, files: p.Files, made: map[*logs.ErrorLogConf]*logs.Logger{},
	}}
	if tree.Main.First("events") == nil && !d.Failed() {
		d.Add(conf.Diagnostic{Level: "emerg", Text: "no \"events\" section in configuration", Pos: conf.Pos{File: -1}, Line: conf.Pos{File: -1}})
	}
	c.zones = p.Zones.Begin()
	env := load.New(load.Options{
		Prefix: o.Prefix, Signature: "weir/" + o.Version, AccessLog: o.AccessLog, TempPrefix: o.TempPrefix,
		Files: p.Files, Zones: c.zones, Logger: c.loggers.at, Checked: p.Replica,
	}, tree, d)
	c.env = env
	if p.Counters == nil {
		p.Counters, p.Backgrounds = &http.Counters{}, &http.Backgrounds{}
	}
	if p.Past == nil {
		p.Past = &http.Past{}
	}
	c.fronts = newFronts(env, p)
	table.Declare(tree, env, d)
	scopes := table.NewScopes(tree, env, d)
	env.Scopes = scopes
	c.Main = conf.Settings[MainConf](scopes, MainModule, tree.Main)
	c.Events = &EventsConf{}
	if n := tree.Main.First("events"); n != nil && n.OK() && n.Block != nil {
		c.Events = conf.Settings[EventsConf](scopes, EventsModule, n.Block)
	}
	env.Loops = c.Main.Workers
	scopes.ResolveAll()
	env.CheckZones()
	for _, f := range c.fronts {
		f.check()
	}
	if d.Failed() {
		c.fronts = nil
	} else {
		c.finish()
	}
	if !d.Failed() {
		if by, err := p.Files.OpenReserved(); err != nil {
			node, _ := by.(*conf.Node)
			d.Err(conf.Spot{Node: node}.Errorf("%v", err).Unplaced())
		}
		c.checkConnections()
	}
	env.Forget()
	tree.Forget()
	return c, d
}

// finish makes what serves of a configuration whose directives are right by themselves.
func (c *Cycle) finish() {
	main := c.Tree.Main
	c.Log = c.env.ErrorLog(main)
	for _, f := range c.fronts {
		f.build(c, main.First(f.block()).Block)
	}
	c.env.Finish()
	for _, f := range c.fronts {
		f.finish()
	}
}

// checkConnections sees that the listening sockets leave room for connections.
func (c *Cycle) checkConnections() {
	n := len(c.specs())
	if c.Events.Connections > n || c.env.Diags.Failed() {
		return
	}
	at := conf.Spot{Node: c.Tree.Main.First("events"), Arg: -1}
	if at.Node != nil && at.Node.Block.First("worker_connections") != nil {
		at.Node = at.Node.Block.First("worker_connections")
	}
	c.env.Diags.Err(at.Errorf("%d worker_connections are not enough for %d listening sockets", c.Events.Connections, n).Unplaced())
}

// Prepare makes what a cycle needs on disk: the folders of temporary files, owned by the user that
// serves.
func (c *Cycle) Prepare() error {
	id, err := c.Main.Identity(c.Tree.Outside())
	owned := err == nil && c.Tree.Facts().Root
	made := map[string]bool{}
	for _, dir := range c.env.Folders() {
		if made[dir] {
			continue
		}
		made[dir] = true
		if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
			return fmt.Errorf("mkdir() \"%s\" failed %s", dir, logs.AppendErrno(nil, err))
		}
		if owned {
			_ = os.Chown(dir, id.UID, id.GID)
		}
	}
	return nil
}

// Check prepares the cycle and tries whether its addresses can be bound, as -t does. An address in use
// is no mistake of the configuration.
func (c *Cycle) Check(report func(logs.Level, string)) error {
	if err := c.Prepare(); err != nil {
		return err
	}
	if err := checkPid(c.PidFile()); err != nil {
		return err
	}
	return listen.Opener{Log: report}.Check(c.specs())
}

// checkPid tries whether the pid file can be written, and leaves none behind.
func checkPid(path string) error {
	if path == "" {
		return nil
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		if fd, err = unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644); err == nil {
			_ = unix.Unlink(path)
		}
	}
	if err != nil {
		return fmt.Errorf("open() \"%s\" failed %s", path, logs.AppendErrno(nil, err))
	}
	return unix.Close(fd)
}

// PidFile is the path of the file with the process number, empty for none.
func (c *Cycle) PidFile() string { return pidFile(c.Options, c.Main) }

func pidFile(o Options, m *MainConf) string {
	path := m.Pid
	if path == "" {
		path = o.PidPath
	}
	if pidOff(path) {
		return ""
	}
	if !filepath.IsAbs(path) {
		path = o.Prefix + path
	}
	return path
}

// loggers makes one Logger for each error_log setting.
type loggers struct {
	fallback string
	hostname string
	files    *logs.Files
	made     map[*logs.ErrorLogConf]*logs.Logger
}

// at is the error log that holds in a block.
func (l *loggers) at(s *conf.Scopes, b *conf.Block) *logs.Logger {
	set := conf.Settings[logs.ErrorLogConf](s, logs.ErrorLogModule, b)
	if have := l.made[set]; have != nil {
		return have
	}
	log := set.Open(l.files, logs.OpenOptions{Fallback: l.fallback, Hostname: l.hostname})
	l.made[set] = log
	return log
}

// Release closes what a cycle that never came to serve has opened.
func (c *Cycle) Release() {
	c.env.Releases()()
	for _, l := range c.loggers.made {
		l.Close()
	}
}

// retire ends a cycle's background tasks, and closes its log files once nothing uses it any more: the collector knows when.
func (c *Cycle) retire() {
	for _, j := range c.env.Jobs() {
		j.Stop()
	}
	runtime.AddCleanup(c.env.Life, func(c *closers) { c.close() }, c.closers())
}

// closers are what a retired cycle leaves to be closed; they must not lead back to what serves.
type closers struct {
	releases func()
	loggers  []*logs.Logger
}

func (c *Cycle) closers() *closers {
	k := &closers{releases: c.env.Releases()}
	for _, l := range c.loggers.made {
		k.loggers = append(k.loggers, l)
	}
	return k
}

func (k *closers) close() {
	k.releases()
	for _, l := range k.loggers {
		l.Close()
	}
}

// inherit takes over the state of the cycle before.
func (c *Cycle) inherit(old *Cycle) {
	for _, f := range c.fronts {
		for _, before := range old.fronts {
			f.inherit(before)
		}
	}
}

// pauseCollector has the collector wait until a configuration is built. What building allocates is about twice what the
// cycle keeps, which is what the collector would let the heap grow to as well; but on the way there it would walk the
// half-built cycle again and again (measured, 10,000 servers: 40 % of the processor time of a build). A limit set by
// GOMEMLIMIT still holds.
func pauseCollector() (resume func()) {
	percent := debug.SetGCPercent(-1)
	if percent < 0 { // it was off before: whoever did that will know when to end it
		return func() {}
	}
	return func() { debug.SetGCPercent(percent) }
}
