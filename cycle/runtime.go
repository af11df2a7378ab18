package cycle

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/http"
	"weir/http/h1"
	"weir/http/h2"
	"weir/http/ssl"
	"weir/listen"
	"weir/logs"
	"weir/loop"
	"weir/zone"
)

// A Runtime is a running server: loops, listening sockets, and the cycle they serve.
type Runtime struct {
	Process

	engine  *loop.Engine
	front   *http.Front
	mu      sync.Mutex // held by Reload, Reopen, Quit and Stop, never by a loop
	sockets map[string]*socket
	current atomic.Pointer[Cycle]
	pending []pending
	quit    atomic.Bool
	done    chan struct{}
	stackAt atomic.Int64 // the second in which a stack was last logged
	ended   sync.Once
	unwatch func() // ends looking at files; guarded by mu
}

// A socket is an open listening address.
type socket struct {
	spec     listen.Spec
	fd       int
	front    string       // the block that takes its connections
	http     *http.Socket // when it is the http block
	listener *loop.Listener
}

// Start makes a cycle live. It returns once connections are accepted.
func Start(c *Cycle, p *Process) (*Runtime, error) {
	rt := &Runtime{Process: *p, sockets: map[string]*socket{}, done: make(chan struct{}), unwatch: func() {}}
	loops := c.Main.Workers
	engine, err := loop.New(loop.Options{
		Loops: loops, MaxConns: c.Events.Connections,
		OnPanic: rt.panicked, OnFull: rt.full, Clock: p.Clock,
	})
	if err != nil {
		return nil, err
	}
	rt.engine = engine
	rt.Loops = loops
	rt.Counters.Begin(engine)
	rt.Backgrounds.Begin(loops)
	rt.Backgrounds.Pending = rt.count
	wire := h1.NewShared(loops)
	rt.pending = make([]pending, 1+loops)
	wire.Quit, wire.Pending = rt.quit.Load, rt.count
	streams := h2.NewShared(loops)
	streams.Quit, streams.Pending = rt.quit.Load, rt.count
	rt.front = &http.Front{Wire: wire, HTTP2: streams, TLS: ssl.Handshake, Pending: rt.count}
	if rt.Sockets == nil {
		rt.Sockets = ownSockets{}
	}
	if rt.Zones == nil {
		rt.Zones = zone.NewRegistry(nil)
	}
	if err := rt.Zones.Ready(c.zones); err != nil {
		engine.Stop()
		return nil, err
	}
	rt.Zones.Keep(c.zones)
	rt.current.Store(c)
	rt.loaded(c)
	if rt.Memory != nil {
		for _, f := range c.fronts {
			f.restore(rt.Memory.read())
			f.remember(rt.changed)
		}
	}
	report := c.toStderr
	if rt.Replica {
		report = c.toLog
	}
	opened, err := rt.open(c, report)
	if err != nil {
		return nil, err
	}
	if err := rt.adopt(c, opened); err != nil {
		engine.Stop()
		return nil, Reported{Err: err}
	}
	p.Files.WriteBehind(true)
	p.Files.SendOn(engine.Loops[len(engine.Loops)-1])
	engine.Run()
	if rt.Memory != nil {
		go rt.remember()
	}
	return rt, nil
}

// Current is the cycle that new requests are served by. Any goroutine.
func (rt *Runtime) Current() *Cycle { return rt.current.Load() }

// Alive returns when every loop has turned once more; a server that has ended is as good. Any goroutine but a loop's.
func (rt *Runtime) Alive() {
	turned := make(chan struct{}, len(rt.engine.Loops))
	for _, l := range rt.engine.Loops {
		l.Post(func() { turned <- struct{}{} })
	}
	for range rt.engine.Loops {
		select {
		case <-turned:
		case <-rt.done:
			return
		}
	}
}

// Done is closed when the server has ended.
func (rt *Runtime) Done() <-chan struct{} { return rt.done }

// open opens the addresses of a cycle that are not open yet. On failure nothing stays open.
func (rt *Runtime) open(c *Cycle, report func(logs.Level, string)) (opened []*socket, err error) {
	var specs []listen.Spec
	for _, spec := range c.specs() {
		if rt.sockets[spec.Key()] == nil {
			specs = append(specs, spec)
		}
	}
	fds, err := rt.Sockets.Open(specs, report)
	if err != nil {
		return nil, Reported{Err: err}
	}
	for i, spec := range specs {
		opened = append(opened, &socket{spec: spec, fd: fds[i]})
	}
	return opened, nil
}

// adopt gives every socket the port of the cycle, begins to accept on new ones, and closes those that
// the cycle does not name any more.
func (rt *Runtime) adopt(c *Cycle, opened []*socket) (err error) {
	for _, s := range opened {
		rt.sockets[s.spec.Key()] = s
	}
	wanted := map[string]bool{}
	for _, f := range c.fronts {
		for i, spec := range f.listens() {
			s := rt.sockets[spec.Key()]
			wanted[spec.Key()] = true
			f.answer(i, s)
			listen.Reconfigure(s.fd, s.spec, spec, func(err error) { c.toLog(logs.Alert, err.Error()) })
			s.spec = spec
			if e := rt.listen(c, s, f); e != nil {
				err = e
			}
		}
	}
	for text, s := range rt.sockets {
		if !wanted[text] {
			rt.closeSocket(s)
			delete(rt.sockets, text)
		}
	}
	for i, j := range c.env.Jobs() {
		j.Start(rt.engine.Loops[i%len(rt.engine.Loops)])
	}
	rt.watch(c)
	return err
}

// listen has a front take the connections of a socket, if it does not do so already.
func (rt *Runtime) listen(c *Cycle, s *socket, f front) error {
	if s.front == f.block() {
		return nil
	}
	if s.listener != nil { // the address was another front's
		s.listener.Close()
		s.listener = nil
	}
	ln, err := rt.engine.Listen(s.fd, f.accept(rt, s))
	if err != nil {
		c.Log.Logf(logs.Emerg, 0, "epoll_ctl() failed %s", logs.AppendErrno(nil, err))
		return fmt.Errorf("epoll_ctl() failed %s", logs.AppendErrno(nil, err))
	}
	s.listener, s.front = ln, f.block()
	return nil
}

// Reported is an error that was printed and logged where it happened.
type Reported struct{ Err error }

func (r Reported) Error() string { return r.Err.Error() }

// toLog writes to the cycle's error log.
func (c *Cycle) toLog(v logs.Level, msg string) { c.Log.LogString(v, 0, msg) }

// toStderr writes to standard error as well, as long as somebody may be looking there.
func (c *Cycle) toStderr(v logs.Level, msg string) {
	fmt.Fprintf(os.Stderr, "weir: [%s] %s\n", v, msg)
	c.toLog(v, msg)
}

func (rt *Runtime) closeSocket(s *socket) {
	if s.listener != nil {
		s.listener.Close()
	}
	rt.Sockets.Close(s.spec, s.fd)
}

// A RefusedError is a configuration with errors that was not put into force. They are in the log of the one before.
type RefusedError struct {
	Conf  string // the path of the file
	Diags *conf.Diagnostics
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("configuration file %s test failed", e.Conf)
}

// Reload builds a new cycle of what the outside has now and puts it in the place of the running one. When
// anything is wrong with it, the running one goes on and the reasons are in its log. Any goroutine.
func (rt *Runtime) Reload(outside conf.Outside) error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	old := rt.current.Load()
	rt.Outside = outside
	c, d := Build(old.Options, &rt.Process)
	rt.Outside = conf.Outside{} // it may hold the text of every file
	if d.Failed() || !rt.Replica {
		Sentences(d, old.toLog)
	}
	if d.Failed() {
		c.Release()
		return &RefusedError{Conf: old.Conf, Diags: d}
	}
	if !rt.Replica {
		if err := c.Prepare(); err != nil {
			old.toLog(logs.Emerg, err.Error())
			c.Release()
			return err
		}
	}
	if err := rt.Zones.Ready(c.zones); err != nil {
		old.toLog(logs.Emerg, err.Error())
		c.Release()
		return err
	}
	opened, err := rt.open(c, old.toLog)
	if err != nil {
		rt.Zones.Undo(c.zones)
		c.Release()
		return err
	}
	c.inherit(old)
	if rt.Memory != nil {
		for _, f := range c.fronts {
			f.remember(rt.changed)
		}
	}
	rt.Zones.Keep(c.zones)
	rt.current.Store(c)
	if rt.Memory != nil {
		rt.keep()
	}
	rt.loaded(c)
	rt.engine.SetMaxConns(c.Events.Connections)
	_ = rt.adopt(c, opened) // what could not be listened on is logged; the rest serves
	rt.bound(old)
	old.retire()
	return nil
}

// loaded notes that a configuration has come into force. Where there is a master, it has said so itself.
func (rt *Runtime) loaded(c *Cycle) {
	if rt.Replica {
		return
	}
	h := rt.Past.Read()
	h.Generation++
	h.Loaded = c.began
	rt.Past.Set(h)
}

// bound ends what still uses a configuration when its worker_shutdown_timeout is over after a reload, as nginx ends the old
// workers then. Idle connections have asked for nothing of it, and stay.
func (rt *Runtime) bound(old *Cycle) {
	d := old.Main.ShutdownTimeout
	if d <= 0 {
		return
	}
	swapped := rt.engine.Now()
	time.AfterFunc(d, func() {
		rt.engine.Each(func(c *loop.Conn) {
			if s, ok := c.Handler.(http.Session); ok && s.Predates(swapped) {
				c.Close()
			}
		})
		rt.Backgrounds.EndOlder(rt.engine, swapped)
	})
}

// Reopen opens all log files anew, after they were moved away. Any goroutine.
func (rt *Runtime) Reopen() {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	c := rt.current.Load()
	for _, err := range rt.Files.Reopen() {
		c.Log.Logf(logs.Emerg, 0, "%v", err)
	}
}

// panicked logs a panic that was survived, with its stack, line by line since log lines are short. When many
// come, they have a stack once a second.
func (rt *Runtime) panicked(v any, stack []byte) {
	log := rt.current.Load().Log
	log.Logf(logs.Alert, 0, "panic: %v", v)
	now := time.Now().Unix()
	if rt.stackAt.Swap(now) == now {
		return
	}
	for line := range bytes.Lines(stack) {
		log.Logf(logs.Alert, 0, "  %s", bytes.TrimRight(line, "\n"))
	}
}

func (rt *Runtime) full(what string) {
	log := rt.current.Load().Log
	if what == loop.FullFiles {
		log.Logf(logs.Crit, 0, "accept4() failed %s", logs.AppendErrno(nil, unix.EMFILE))
		return
	}
	log.Logf(logs.Alert, 0, "%d worker_connections are not enough", rt.current.Load().Events.Connections)
}
