// Package master is the process that watches over the one that serves. The master binds addresses, opens logs and reads the
// configuration with the rights it was started with; its worker gets all of that over a socket pair, becomes the user of the
// configuration, and serves. What the master does:
//
//	start    read, open, start a worker, hand over                       load.go, child.go
//	crash    a worker that dies is replaced; the addresses stay open      crash.go
//	files    certificates that change are read and handed over            watch.go
//	reload   read anew beside the old, hand over; the worker swaps        reload.go
//	upgrade  a new binary takes the addresses over (USR2)                 upgrade.go
//	end      stop (TERM), or finish what is begun (QUIT)                  master.go
//
// One goroutine, Run, has all state; others post to it. The worker's side is worker.go; what they say to each other is in
// channel.go.
package master

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/logs"
	"weir/loop"
)

// A Master is the settings of a master process, and its state.
type Master struct {
	Program    string           // the file of the binary, as it was called
	Args       []string         // the command line, its name first: for a new binary
	Version    string           // of weir, for the log
	Signals    <-chan os.Signal // what the process gets
	Background bool             // it is a daemon
	Inherited  *Inherited       // from an old binary or from systemd; nil: nothing
	Ready      func()           // called once, when the first worker serves
	Title      *Title           // nil: the process is called as it was

	machine machine
	environ []string
	events  chan func()
	cur     *loaded
	worker  *child   // who serves; nil while there is none
	old     []*child // workers that finish what they have begun
	next    *child   // the new binary
	notify  notifier
	health  *os.File // what workers leave to those after them (memory.go)
	zones   *os.File // those of the worker that serves, or served last
	control *control

	reading  bool // a configuration is being read, or handed over
	again    bool // it was asked for once more meanwhile
	askers   []func(result)
	waiting  []func(result) // of those who asked while it was being read
	upgrade  bool           // wanted as soon as nothing is being read
	noAccept bool           // WINCH: the worker was sent home
	quitting bool
	stopping bool
	first    bool // no worker has served yet
	shown    bool // the pid file is there
	over     bool
	status   int
	crashes  crashes

	respawned int     // workers that had to be replaced
	watched   *loaded // whose files are looked at
	unwatch   chan struct{}
}

// post has f run on the master's goroutine. Any other goroutine.
func (m *Master) post(f func()) { m.events <- f }

// log writes to the error log of the configuration in force.
func (m *Master) log(v logs.Level, format string, a ...any) {
	m.cur.outline.Log.Logf(v, 0, format, a...)
}

// Run is the master's life. r is the configuration, without errors. The status is the process's.
func (m *Master) Run(r *Reading) int {
	m.prepare(realMachine{})
	m.Title.Set("weir: master process " + strings.Join(m.Args, " "))
	if err := m.begin(r); err != nil {
		return 1
	}
	for !m.over {
		m.watch()
		select {
		case s := <-m.Signals:
			m.signal(s.(unix.Signal))
		case f := <-m.events:
			f()
		}
	}
	return m.status
}

// prepare makes what a master has before it begins.
func (m *Master) prepare(on machine) {
	m.machine, m.environ, m.events, m.first = on, os.Environ(), make(chan func(), 64), true
}

// begin opens what the configuration needs and starts the first worker. What fails was told.
func (m *Master) begin(r *Reading) error {
	say := func(v logs.Level, text string) {
		if v <= logs.Warn {
			fmt.Fprintln(os.Stderr, said{v, text})
		}
		r.Cycle.Log.LogString(v, 0, text)
	}
	cur, err := load(r, nil, m.Inherited.sockets(say), say)
	if err != nil {
		return err
	}
	m.cur = cur
	m.Inherited.closeUnused(cur.sockets)
	fail := func(err error) error {
		say(logs.Emerg, err.Error())
		m.endSockets()
		return err
	}
	m.log(logs.Notice, "using the \"%s\" event method", loop.Method)
	m.log(logs.Notice, "weir/%s", m.Version)
	m.log(logs.Notice, "start worker processes")
	m.control = m.listenForCommands()
	m.remember()
	w, err := m.spawn(cur, func(err error) {
		if err != nil && m.first && !errors.Is(err, errEnded) { // nothing that another try could mend
			fmt.Fprintln(os.Stderr, said{logs.Emerg, err.Error()})
			m.finish(1)
		}
	})
	if err != nil {
		return fail(err)
	}
	m.serveBy(w)
	return nil
}

// spawn starts a worker and gives it a configuration; served hears whether it serves it, with nil for yes.
func (m *Master) spawn(next *loaded, served func(error)) (*child, error) {
	w, err := m.startWorker(next)
	if err != nil {
		return nil, err
	}
	m.order(w, next, next.all(), func(err error) {
		if err == nil {
			w.ready = true
			m.serving()
		} else if !errors.Is(err, errEnded) {
			m.log(logs.Alert, "worker process %d could not begin: %v", w.pid, err)
		}
		if served != nil {
			served(err)
		}
	})
	return w, nil
}

// serving is called whenever a worker has begun to serve.
func (m *Master) serving() {
	if !m.first {
		return
	}
	m.first = false
	if m.announce(); m.over {
		return
	}
	if m.Ready != nil {
		m.Ready()
	}
	m.redirectStderr()
	go debug.FreeOSMemory() // what reading took is not needed until the next time
	m.notify.ready()
	m.watchdog()
}

// announce writes the pid file, once: when the first worker serves, so that who waits for the file finds a server that
// answers (in an upgrade: before the old worker is sent home); or when the first one has died, so that there is somebody to
// be signalled.
func (m *Master) announce() {
	if m.shown || m.over {
		return
	}
	m.shown = true
	if err := WritePid(m.cur.outline.PidFile()); err != nil {
		m.log(logs.Emerg, "%v", err)
		fmt.Fprintln(os.Stderr, said{logs.Emerg, err.Error()})
		m.shown = false
		m.finish(1)
	}
}

// signal obeys a signal, with nginx's line about it.
func (m *Master) signal(s unix.Signal) {
	what, obey := "", func() {}
	switch s {
	case unix.SIGTERM, unix.SIGINT:
		what, obey = ", exiting", m.stop
	case unix.SIGQUIT:
		what, obey = ", shutting down", m.quit
	case unix.SIGHUP:
		what, obey = ", reconfiguring", func() { m.reload(nil) }
	case unix.SIGUSR1:
		what, obey = ", reopening logs", m.reopen
	case unix.SIGUSR2:
		if m.next != nil || m.Inherited.fromLivingParent() {
			what = ", ignoring"
		} else {
			what, obey = ", changing binary", m.changeBinary
		}
	case unix.SIGWINCH:
		if m.Background { // else it says that a terminal's window has another size
			what, obey = ", stop accepting connections", m.dismissWorker
		}
	}
	m.log(logs.Notice, "signal %d (%s) received%s", int(s), unix.SignalName(s), what)
	if s == unix.SIGUSR2 && what == ", ignoring" {
		m.log(logs.Crit, "the changing binary signal is ignored: you should shutdown or terminate before either old or new binary's process")
	}
	obey()
}

// reopen opens the log files anew and gives them to the workers.
func (m *Master) reopen() {
	m.log(logs.Notice, "reopening logs")
	o := m.cur.outline
	for _, err := range o.Files.Reopen() {
		m.log(logs.Emerg, "%v", err)
	}
	if fd := o.Log.FD(); fd >= 0 && m.cur.lastWords != nil {
		_, _ = logs.Replace(fd, int(m.cur.lastWords.Fd()))
	}
	m.redirectStderr()
	paths, fds := o.Files.Opened()
	for _, w := range m.workers() {
		if err := w.tell(&message{Kind: kindReopen, Logs: paths}, fds, nil); err != nil {
			m.log(logs.Emerg, "worker process %d keeps the old logs: %v", w.pid, err)
		}
	}
}

// workers are all worker processes.
func (m *Master) workers() []*child {
	if m.worker == nil {
		return m.old
	}
	return append(append([]*child(nil), m.old...), m.worker)
}

// retire has a worker finish what it has begun.
func (m *Master) retire(w *child) {
	if w == m.worker {
		m.worker = nil
	}
	w.ending = true
	m.old = append(m.old, w)
	if w.ready {
		w.signal(unix.SIGQUIT)
	} else { // it may not know of signals yet, and a SIGQUIT would be its death
		_ = w.tell(&message{Kind: kindQuit}, nil, nil) // without descriptors it cannot fail
	}
}

// dismissWorker is WINCH: the worker goes, the master stays and can start another.
func (m *Master) dismissWorker() {
	m.noAccept = true
	if m.worker != nil {
		m.retire(m.worker)
	}
}

// quit ends gracefully. The addresses are closed at once, so that another server can have them.
func (m *Master) quit() {
	if m.quitting || m.stopping {
		return
	}
	m.quitting = true
	m.tellEnd()
	if m.worker != nil {
		m.retire(m.worker)
	}
	m.endSockets()
	m.maybeFinish()
}

// stop ends at once. Who does not obey within a second is killed.
func (m *Master) stop() {
	if m.stopping {
		return
	}
	m.stopping = true
	m.tellEnd()
	m.endSockets()
	m.press(50 * time.Millisecond)
	m.maybeFinish()
}

// tellEnd tells systemd that the service stops, or that the new binary is the service from now on.
func (m *Master) tellEnd() {
	if m.next != nil {
		m.notify.mainPid(m.next.pid)
		return
	}
	m.notify.stopping()
}

// press tells the workers to end, and again with more weight after a while.
func (m *Master) press(delay time.Duration) {
	s := unix.SIGTERM
	if delay > time.Second {
		s = unix.SIGKILL
	}
	for _, w := range m.workers() {
		w.ending = true
		w.signal(s)
	}
	m.machine.after(delay, func() { m.post(func() { m.press(2 * delay) }) })
}

// maybeFinish ends the master with its last worker.
func (m *Master) maybeFinish() {
	if (m.quitting || m.stopping) && len(m.workers()) == 0 {
		m.finish(0)
	}
}

// finish ends the master. Nothing of it is left on disk.
func (m *Master) finish(status int) {
	if m.over {
		return
	}
	m.over, m.status = true, status
	m.control.close()
	m.endSockets()
	path := m.cur.outline.PidFile()
	if m.next != nil {
		path = oldPid(path)
	}
	if m.shown {
		removePid(path)
	}
	m.log(logs.Notice, "exit")
	m.cur.close()
}

// endSockets closes the addresses. Files of Unix domain sockets stay when another process may serve them.
func (m *Master) endSockets() {
	for name, s := range m.cur.sockets {
		s.close(m.alone())
		delete(m.cur.sockets, name)
	}
}

// alone reports whether no other master serves the same addresses: neither the old binary nor a new one.
func (m *Master) alone() bool { return m.next == nil && !m.Inherited.fromLivingParent() }

// redirectStderr lets what the Go runtime has to say come to the error log, when no terminal is there to see it.
func (m *Master) redirectStderr() {
	if m.Background && m.cur.lastWords != nil {
		_ = logs.Dup2(int(m.cur.lastWords.Fd()), unix.Stderr)
	}
}
