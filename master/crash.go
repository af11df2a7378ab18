package master

import (
	"time"

	"weir/logs"
)

// How a worker that dies is replaced: at once, unless it died young and those before it did as well. One that never came to serve
// has something wrong with it; one that served may have been killed, or have met with a request that it does not survive, and
// clients wait for the next.
const (
	young      = time.Second
	unlucky    = 10 // so many in a row are replaced at once if they have served
	firstPause = 100 * time.Millisecond
	longPause  = 10 * time.Second
)

// crashes counts workers that died young, one after the other, and the last of them that never served.
type crashes struct{ inARow, unserved int }

// pause is how long to wait before the next worker, after one that lived for that long.
func (c *crashes) pause(lived time.Duration, served bool) time.Duration {
	if served && lived >= young {
		*c = crashes{}
		return 0
	}
	c.inARow++
	c.unserved++
	if served {
		c.unserved = 0
	}
	n := max(c.unserved-1, c.inARow-unlucky)
	if n <= 0 {
		return 0
	}
	return min(firstPause<<min(n-1, 10), longPause)
}

// workerGone sees to it that somebody serves after a worker has ended.
func (m *Master) workerGone(w *child, e ending) {
	level, how := e.say("worker process", w.pid)
	if w.ending && !w.ready && level == logs.Alert {
		level = logs.Notice // it was told to end before it had learned to
	}
	m.log(level, "%s", how)
	serves := m.worker == w
	if serves {
		m.worker = nil
	}
	for i, o := range m.old {
		if o == w {
			m.old = append(m.old[:i:i], m.old[i+1:]...)
			break
		}
	}
	w.over()
	m.dropZones(w.zones)
	if !m.quitting && !m.stopping {
		m.announce()
	}
	switch {
	case m.over:
	case m.quitting || m.stopping:
		m.maybeFinish()
	case serves && m.worker == nil && !m.noAccept:
		m.respawned++
		m.replace(m.crashes.pause(m.machine.now().Sub(w.since), w.ready))
	}
}

// replace starts another worker after a pause. The addresses are open all the time, and clients wait in their queues.
func (m *Master) replace(pause time.Duration) {
	if pause > 0 {
		m.log(logs.Alert, "%d worker processes died within a second of their start, one after the other; the next one starts in %v", m.crashes.inARow, pause)
		m.machine.after(pause, func() { m.post(func() { m.replace(0) }) })
		return
	}
	if m.worker != nil || m.noAccept || m.quitting || m.stopping {
		return // it is not wanted any more
	}
	w, err := m.spawn(m.cur, nil)
	if err != nil {
		m.log(logs.Alert, "no worker process could be started: %v", err)
		m.replace(m.crashes.pause(0, false))
		return
	}
	m.serveBy(w)
}
