package master

import (
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"weir/listen"
	"weir/logs"
)

// A reload goes in three steps, and the first two can fail without a trace: the master reads the configuration and opens what
// it needs, on a goroutine of its own; the worker builds it from what the master read, and swaps it in; the master closes
// what is not needed any more. Signals are obeyed meanwhile.

// reload reads the configuration anew; done, which may be nil, hears what came of it. Asked for while it is under way, it
// is done once more afterwards, however often it was asked for.
func (m *Master) reload(done func(result)) {
	if m.ending() {
		if done != nil {
			done(result{said: []said{{logs.Emerg, errEnding.Error()}}})
		}
		return
	}
	if m.reading {
		m.again = true
		if done != nil {
			m.waiting = append(m.waiting, done)
		}
		return
	}
	if m.next != nil { // as in nginx: back to the old binary
		m.comeBack()
		if done != nil {
			done(result{next: m.cur})
		}
		return
	}
	m.log(logs.Notice, "reconfiguring")
	m.notify.reloading()
	m.reading = true
	if done != nil {
		m.askers = append(m.askers, done)
	}
	have := make(map[string]*socket, len(m.cur.sockets))
	for name, s := range m.cur.sockets {
		have[name] = s
	}
	o := m.cur.outline
	m.machine.beside(func() {
		res := read(o.Options, have, o.Log)
		m.post(func() { m.wasRead(res) })
	})
}

// comeBack has a worker of the old binary serve again, while a new binary runs.
func (m *Master) comeBack() {
	m.noAccept = false
	if m.worker == nil {
		m.replace(0)
	}
}

// wasRead hands a configuration over, or reports why there is none.
func (m *Master) wasRead(res result) {
	if res.next == nil {
		m.reloaded(res)
		return
	}
	if m.ending() {
		m.refused(res, errEnding)
		return
	}
	m.install(res)
}

// errEnding is why a configuration that is good comes too late.
var errEnding = errors.New("the server is shutting down")

// ending reports whether the addresses are closed: those that a configuration shares with the one before must not be touched.
func (m *Master) ending() bool { return m.quitting || m.stopping || m.over }

// install gives a configuration to the worker, or to a new one, when it is about what a process is once and for all.
func (m *Master) install(res result) {
	next, w := res.next, m.worker
	if w == nil || !w.ready || !m.cur.outline.SameProcess(next.outline) {
		m.installAnew(res)
		return
	}
	m.order(w, next, next.opened, func(err error) {
		if err == nil && m.ending() {
			err = errEnding
		}
		if err != nil {
			m.refused(res, err)
			return
		}
		m.adopt(next)
		next.outline.Main.LimitOther(w.pid, func(v logs.Level, text string) { m.log(v, "%s", text) })
		m.reloaded(res)
	})
}

// installAnew has another worker serve a configuration; the one before finishes what it has begun.
func (m *Master) installAnew(res result) {
	var w *child
	w, err := m.spawn(res.next, func(err error) {
		if err != nil {
			w.ending = true
			w.signal(unix.SIGTERM)
			m.refused(res, err)
			return
		}
		if m.ending() { // it has had its moment: a client may have come to it
			w.ending = true
			w.signal(unix.SIGQUIT)
			m.refused(res, errEnding)
			return
		}
		if before := m.worker; before != nil && before != w {
			m.retire(before)
		}
		for i, o := range m.old {
			if o == w {
				m.old = append(m.old[:i:i], m.old[i+1:]...)
				break
			}
		}
		m.serveBy(w)
		m.noAccept = false
		m.adopt(res.next)
		m.reloaded(res)
	})
	if err != nil {
		m.refused(res, err)
		return
	}
	m.old = append(m.old, w) // so that it is ended with the others
}

// refused ends a reload that the worker did not take.
func (m *Master) refused(res result, why error) {
	s := said{logs.Alert, fmt.Sprintf("the new configuration was not taken: %v; the old one stays in force", why)}
	if m.ending() {
		s.level = logs.Notice // nobody needs to look after it
	}
	m.log(s.level, "%s", s.text)
	res.said = append(res.said, s)
	res.next.discard()
	res.next = nil
	m.reloaded(res)
}

// adopt makes a configuration that is being served the one in force.
func (m *Master) adopt(next *loaded) {
	before := m.cur
	m.cur = next
	for name, s := range before.sockets {
		if next.sockets[name] == nil {
			s.close(m.alone())
		} else {
			listen.Reconfigure(s.fd, s.spec, next.sockets[name].spec, func(err error) { m.log(logs.Alert, "%v", err) })
		}
	}
	MovePid(before.outline.PidFile(), next.outline.PidFile(), func(err error) { m.log(logs.Emerg, "%v", err) })
	m.redirectStderr()
	before.close()
}

// reloaded tells everybody who asked, and begins again when somebody asked meanwhile.
func (m *Master) reloaded(res result) {
	m.reading = false
	if !m.ending() { // else systemd knows that the service stops
		m.notify.reloaded(res.next != nil)
	}
	for _, done := range m.askers {
		done(res)
	}
	m.askers = nil
	// what reading took is not needed until the next time
	go debug.FreeOSMemory()
	if m.ending() {
		for _, done := range m.waiting {
			done(result{said: []said{{logs.Emerg, errEnding.Error()}}})
		}
		m.again, m.waiting = false, nil
		return
	}
	switch {
	case m.again:
		m.again = false
		m.askers, m.waiting = m.waiting, nil
		m.reload(nil)
	case m.upgrade:
		m.upgrade = false
		m.changeBinary()
	}
}
